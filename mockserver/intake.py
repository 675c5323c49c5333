"""From a request's bytes to a Body: strict JSON, and what was seen of each image in it.

Images travel as Base64 inside the JSON and make bodies of fifty megabytes. A parser would copy and hold up everything, so
long strings are lifted out first: the rest parses in microseconds, and the images are decoded from where they lie.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from mockserver import images
from mockserver.api import Operation
from mockserver.images import Unfit
from mockserver.shapes import ImageRules
from mockserver.values import Body, Path, Sight

_LIFT_BYTES = 64 * 1024
_MAX_DEPTH = 100
_SMALL_BYTES = 4096  # such a body is its own digest
_STAND_IN = b"klingmock:lifted:"
_URL_CHARS = 2048  # of an image's address, as much as is kept

Lifted = Mapping[str, memoryview]


def read(chunks: Sequence[bytes], operation: Operation, *, keep_images: bool = False) -> Body:
    """Read a request's body for an operation. Never raises: what is wrong stands in `problem` or in a sight."""
    raw = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    digest = raw if len(raw) <= _SMALL_BYTES else hashlib.sha256(raw).digest()
    skeleton, lifted = lift(raw)
    try:
        content = orjson.loads(skeleton)
        content = _put_back(content, lifted, operation)
        _refuse_depth(content, raw)
    except ValueError:
        return Body(problem="unreadable_body", digest=digest, size=len(raw))
    sights = _sights(content, lifted, operation, keep_images=keep_images)
    return Body(content, None, sights, digest, len(raw))


def _refuse_depth(content: Any, raw: bytes) -> None:
    """Raise ValueError for JSON nested deeper than anyone needs: whoever walks it later recurses."""
    if raw.count(b"[") + raw.count(b"{") <= _MAX_DEPTH:
        return
    level = [content]
    for _ in range(_MAX_DEPTH):
        level = [part for value in level for part in _parts(value)]
        if not level:
            return
    raise ValueError("nested too deeply")


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def lift(raw: bytes) -> tuple[bytes, Lifted]:
    """The JSON text with every long plain string replaced by a short stand-in, and those strings by their stand-ins."""
    if len(raw) <= _LIFT_BYTES:
        return raw, {}
    pieces: list[bytes] = []
    lifted: dict[str, memoryview] = {}
    view, copied = memoryview(raw), 0
    for start, end in _long_strings(raw):
        stand_in = _STAND_IN + b"%d" % len(lifted)
        lifted[stand_in.decode()] = view[start:end]
        pieces += (raw[copied:start], stand_in)
        copied = end
    skeleton = b"".join((*pieces, raw[copied:]))
    if skeleton.count(_STAND_IN) != len(lifted):  # somebody wrote our stand-in: parse the whole as it is
        return raw, {}
    return skeleton, lifted


def _long_strings(raw: bytes) -> Iterator[tuple[int, int]]:
    """Where long strings without escapes lie, between their quotes. Walks from quote to quote; escapes end the walk."""
    place = raw.find(b'"')
    while place >= 0:
        end = raw.find(b'"', place + 1)
        while end > 0 and _escaped(raw, end):
            end = raw.find(b'"', end + 1)
        if end < 0:
            return
        if end - place > _LIFT_BYTES and raw.find(b"\\", place, end) < 0:
            yield place + 1, end
        place = raw.find(b'"', end + 1)


def _escaped(raw: bytes, quote: int) -> bool:
    slashes = 0
    while raw[quote - 1 - slashes] == 0x5C:
        slashes += 1
    return slashes % 2 == 1


def _put_back(content: Any, lifted: Lifted, operation: Operation) -> Any:
    """Long strings that are no image return to their places, parsed as the JSON they were."""
    if not lifted:
        return content
    images_there = {text for place, _ in operation.image_places for _, text in _texts_at(place, content)}
    return _restored(content, {name: text for name, text in lifted.items() if name not in images_there})


def _restored(value: Any, lifted: Lifted) -> Any:
    if isinstance(value, str):
        return orjson.loads(b'"%b"' % bytes(lifted[value])) if value in lifted else value
    if isinstance(value, list):
        return [_restored(item, lifted) for item in value]
    if isinstance(value, dict):
        return {_restored(key, lifted): _restored(item, lifted) for key, item in value.items()}
    return value


def _sights(content: Any, lifted: Lifted, operation: Operation, *, keep_images: bool) -> list[Sight]:
    return [
        _sight(path, text, lifted, rules, keep=keep_images)
        for place, rules in operation.image_places
        for path, text in _texts_at(place, content)
        if text  # an empty one is missing, which validation says
    ]


def _sight(path: Path, text: str, lifted: Lifted, rules: ImageRules, *, keep: bool) -> Sight:
    if text in lifted:
        return _see(path, lifted[text], rules, keep=keep)
    if images.is_address(text, rules):
        return Sight(path, None, text[:_URL_CHARS])
    return _see(path, text, rules, keep=keep)


def _see(path: Path, text: str | memoryview, rules: ImageRules, *, keep: bool) -> Sight:
    try:
        data = images.decoded(text, rules)
        images.judge(data, rules)
    except Unfit as unfit:
        return Sight(path, problem=str(unfit))
    return Sight(path, data=data if keep else None)


def _texts_at(place: tuple[str | None, ...], content: Any) -> list[tuple[Path, str]]:
    """Every text that stands at a place, in which None is any item of a list, with its path."""
    found: list[tuple[Path, Any]] = [((), content)]
    for step in place:
        if step is None:
            found = [((*path, i), item) for path, value in found if type(value) is list for i, item in enumerate(value)]
        else:
            found = [((*path, step), value[step]) for path, value in found if type(value) is dict and step in value]
    return [(path, text) for path, text in found if type(text) is str]
