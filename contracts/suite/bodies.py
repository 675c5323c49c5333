"""Bodies of create calls, derived from the document: valid ones, ones just over a border, and hostile ones."""

import json
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain, product, zip_longest
from typing import Any

from hypothesis import strategies as st

from contracts.suite.lives import FAIL_WORD, IMAGE
from contracts.suite.paper import Paper, Schema

JSON = dict[str, Any]
Path = tuple[str | int, ...]

_LETTERS = st.characters(exclude_categories=("Cs", "Cc"), codec="utf-8")


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that is wrong with a body."""

    field: Path
    keyword: str
    """The schema's keyword that it breaks."""
    situation: str
    """What the document calls it."""
    value: Any = None
    """What stands there; nothing at all when the keyword is `required`."""

    def __str__(self) -> str:
        name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.field).lstrip(".")
        return f"{name} breaks {self.keyword}"

    def into(self, body: JSON) -> JSON:
        """The body, broken so."""
        broken = deepcopy(body)
        place: Any = broken
        for step in self.field[:-1]:
            if isinstance(place, dict) and not place.get(str(step)):
                place[str(step)] = {}
            place = _within(place, step)
        if self.keyword == "required" and self.value is None:
            place.pop(self.field[-1], None)
        else:
            _within(place, self.field[-1])
            place[self.field[-1]] = self.value
        return broken


def _within(place: Any, step: str | int) -> Any:
    """What stands there; a list is made long enough."""
    if isinstance(place, list):
        place += [{"image": IMAGE} for _ in range(len(place), int(step) + 1)]
        return place[int(step)]
    return place.get(step)


def sound() -> JSON:
    """The least that a create needs."""
    return {"image_list": [{"image": IMAGE}], "prompt": "a dog"}


def wrong() -> JSON:
    """One that is refused for a plain mistake."""
    return {**sound(), "mode": "no such mode"}


def doomed() -> JSON:
    """One that a double of ours takes as a wish to fail."""
    return {**sound(), "prompt": f"a dog {FAIL_WORD}"}


def rich(paper: Paper) -> JSON:
    """The most that a create may ask for, without a name: the last word of every choice, every image, every option."""
    properties = paper.request["properties"]
    words = {name: part["enum"][-1] for name, part in properties.items() if "enum" in part}
    images = [{"image": IMAGE} for _ in range(properties["image_list"]["maxItems"])]
    return {**sound(), **words, "image_list": images, "negative_prompt": "a cat", "watermark_info": {"enabled": True}}


def priced(paper: Paper, *, sparse: bool = False) -> Iterator[JSON]:
    """A sound body for every combination of the request's words that has a price; `sparse` leaves some out, too."""
    words = {name: part["enum"] for name, part in paper.request["properties"].items() if "enum" in part}
    for chosen in product(*([None, *each] if sparse else each for each in words.values())):
        body = {**sound(), **{name: word for name, word in zip(words, chosen, strict=True) if word is not None}}
        if paper.sells(body):
            yield body


# --- valid ------------------------------------------------------------------------------------------------------------


def valid(paper: Paper) -> st.SearchStrategy[JSON]:
    """Whatever the request's schema allows, with images that exist. An external id is drawn as a wish: any true value
    is to be replaced by one that nobody has used."""
    schema = paper.request
    needed = {name: _drawn(name, schema["properties"][name]) for name in schema["required"]}
    free = {name: _drawn(name, part) for name, part in schema["properties"].items() if name not in needed}
    return st.fixed_dictionaries(needed, optional={name: _or_nothing(each) for name, each in free.items()})


def _or_nothing(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(value, value, st.sampled_from([None, ""]))


def _drawn(name: str, schema: Schema) -> st.SearchStrategy[Any]:
    match schema:
        case {"enum": words}:
            return st.sampled_from(words)
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "array", "items": items, "minItems": least, "maxItems": most}:
            return st.lists(_drawn(name, items), min_size=least, max_size=most)
        case {"type": "object", "properties": properties}:
            return st.fixed_dictionaries({key: _drawn(key, part) for key, part in properties.items()})
        case {"maxLength": most}:
            return _texts(most)
    fixed = {"image": IMAGE, "callback_url": ""}
    return st.just(fixed[name]) if name in fixed else st.text(_LETTERS, min_size=1, max_size=40)


def _texts(most: int) -> st.SearchStrategy[str]:
    """Texts up to a length, also of exactly that length, never blank."""
    whole = st.builds(lambda letter: letter * most, st.sampled_from("aé文"))
    return st.one_of(st.text(_LETTERS, min_size=1, max_size=80).filter(lambda text: bool(text.strip())), whole)


# --- nearly valid -----------------------------------------------------------------------------------------------------

EMPTY: tuple[Any, ...] = (None, "", [])
"""What counts as not given; nothing at all is the first."""
WRONG_TYPES: dict[str, Sequence[Any]] = {
    "string": (True, ["text"], {"text": 1}, 5),
    "boolean": ("true", 1, []),
    "array": (IMAGE, {"image": IMAGE}, 7),
    "object": (IMAGE, [], True),
}
_OTHER_NUMBERS = (("4", "3"), ("3", "4"), ("2", "3"), ("21", "9"), ("15", "1"))
NUMBER_MAY_STAND_FOR = frozenset({"duration"})
"""Texts that some services also take as a number; that a number is refused is only assumed."""


def breaches(paper: Paper) -> list[Breach]:
    """Every way to be just over a border of the request's schema."""
    return list(_breaches(paper, paper.request, ()))


def _breaches(paper: Paper, schema: Schema, field: Path) -> Iterator[Breach]:
    for name in schema.get("required", ()):
        for empty in EMPTY:
            yield Breach((*field, name), "required", paper.situation_of(schema, "required"), empty)
    for name, part in schema.get("properties", {}).items():
        yield from _own(paper, part, (*field, name))
        yield from _breaches(paper, part, (*field, name))
    if "items" in schema:
        for index in (0, schema["maxItems"] - 1):
            yield from _own(paper, schema["items"], (*field, index))
            yield from _breaches(paper, schema["items"], (*field, index))


def _own(paper: Paper, schema: Schema, field: Path) -> Iterator[Breach]:
    for keyword, value in _wrong(schema, field):
        yield Breach(field, keyword, paper.situation_of(schema, keyword), value)


def _wrong(schema: Schema, field: Path) -> Iterator[tuple[str, Any]]:
    for value in WRONG_TYPES[schema["type"]]:
        if not (value == 5 and field[-1] in NUMBER_MAY_STAND_FOR):
            yield "type", value
    words = schema.get("enum", ())
    others = dict.fromkeys(other for word in words for other in (f"{word}x", f"0{word}", word.upper(), *_alike(word)))
    yield from (("enum", other) for other in others if other not in words)
    if "maxLength" in schema:
        yield "maxLength", "m" * (schema["maxLength"] + 1)
    if "maxItems" in schema:
        yield "maxItems", [{"image": IMAGE}] * (schema["maxItems"] + 1)


def _alike(word: str) -> list[str]:
    """The word with other numbers in it, as sister products have them: `4:3` for `16:9`."""
    parts = re.split(r"[0-9]+", word)
    if len(parts) == 1:
        return []
    return ["".join(chain(*zip_longest(parts, numbers[: len(parts) - 1], fillvalue=""))) for numbers in _OTHER_NUMBERS]


# --- hostile ----------------------------------------------------------------------------------------------------------


def hostile(paper: Paper) -> st.SearchStrategy[bytes]:
    """Bytes that claim to be a body: any JSON under the document's own names, broken JSON, no JSON at all."""
    scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False), st.text())
    trees = st.recursive(scalars, lambda some: st.lists(some) | st.dictionaries(st.text(), some), max_leaves=8)
    names = st.sampled_from([*paper.request["properties"], "image", "enabled", "unheard_of"])
    objects = st.dictionaries(names, trees, max_size=6).map(lambda tree: {**tree, "prompt": tree.get("prompt", 7)})
    told = st.one_of(objects, trees.filter(lambda tree: not isinstance(tree, dict))).map(_dumped)
    return st.one_of(told, told.map(lambda text: text[:-1]), st.binary(max_size=60), st.sampled_from(PITS))


def _dumped(tree: Any) -> bytes:
    """JSON of a tree, lone surrogates escaped."""
    return json.dumps(tree).encode()


PITS = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"5",
    b"NaN",
    b'{"prompt": NaN}',
    b'{"prompt": "\xff\xfe"}',
    b'{"prompt": "\\ud800"}',
    b"[" * 500,
    b'{"image_list":' * 500,
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
)
"""Bodies that have broken parsers before."""
