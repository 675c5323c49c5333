"""The API's document, read once into frozen values: operations, errors, messages, lifecycle, choices and limits.

Everything the double says comes from here. A document with a word we do not know, or that contradicts itself, is refused.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mockserver import consistency, durations, grammar
from mockserver.bundle import bundle
from mockserver.schemas import Checker, compile_all, compile_one
from mockserver.shapes import Shape, shape_of
from mockserver.timeline import Stage, Stages
from mockserver.yaml12 import AuthorsMistake

_VALUE_CHARS = 100  # of what was sent, as much as a message repeats
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One row of the error table (`x-kling-errors`)."""

    slug: str
    code: int
    status: int  # HTTP
    message: str
    meaning: str
    retry: bool  # whether the same request may succeed later


@dataclass(frozen=True, slots=True)
class Situation:
    """A refusal as it is told: a row of the error table and the text of its message."""

    slug: str
    row: ErrorRow
    message: str  # a template: {field} {value} {type} {limit}

    def told(self, fields: Mapping[str, Any]) -> str:
        """The message with its template filled in; what was sent is repeated only so far."""
        return self.message.format_map({name: str(value)[:_VALUE_CHARS] for name, value in fields.items()})


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The states of a task and the moves between them (`x-kling-lifecycle`)."""

    initial: str
    success: str
    failure: str
    steps: Mapping[str, tuple[str, ...]]
    way: tuple[str, ...]  # the shortest way from the initial state to success, without the end
    failures: Mapping[str, str]  # slug -> task_status_msg
    paces: Mapping[str, Stages]  # the calm day at each pace

    def is_end(self, status: str) -> bool:
        """Whether nothing follows this status."""
        return not self.steps[status]


@dataclass(frozen=True, slots=True)
class Table:
    """A value for each combination of a few arguments: `by` names them, `cells` has their values in that order."""

    by: tuple[str, ...]
    cells: Mapping[tuple[str, ...], Any]

    def at(self, arguments: Mapping[str, Any]) -> Any:
        """The cell for these arguments; None where the combination is not supported."""
        try:
            return self.cells.get(tuple(map(arguments.__getitem__, self.by)))
        except (KeyError, TypeError):  # an argument that was not given, or is no word
            return None


@dataclass(frozen=True, slots=True)
class Footage:
    """What a product's videos are like (`x-kling-video`)."""

    sizes: Table  # cells: (width, height) in px
    frames_per_second: int
    content_type: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query or path parameter."""

    name: str
    place: str  # query | path
    required: bool
    shape: Shape


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the API, with everything needed to answer it."""

    id: str
    method: str  # upper case
    path: str  # template
    pointer: str  # into the bundled document, `#/paths/…/get`
    action: str  # submit | read | list | costs
    product: str
    parameters: tuple[Parameter, ...]
    parameters_checker: Checker
    body: Shape | None
    body_checker: Checker | None
    replies: Mapping[int, Checker]  # by HTTP status
    image_places: tuple[tuple[tuple[str | None, ...], Any], ...] = ()
    units: Table | None = None  # cells: decimal text
    footage: Footage | None = None
    kept: tuple[str, ...] = ()  # the body's properties that a task remembers: all but its images
    callback: Checker | None = None  # what is posted to callback_url
    pack: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Document:
    """The API, read and checked."""

    raw: Mapping[str, Any]  # in one piece, plain
    operations: tuple[Operation, ...]
    errors: Mapping[str, ErrorRow]
    situations: Mapping[str, Situation]  # error rows are situations too
    keywords: Mapping[str, str]  # schema keyword -> situation
    lifecycle: Lifecycle
    limits: Mapping[str, int]
    choices: Mapping[str, Any]  # name -> value of the chosen option
    error_replies: Mapping[int, Checker]  # for calls that reach no operation

    @cached_property
    def ok(self) -> ErrorRow:
        """The row of success: what every accepted call says."""
        return next(row for row in self.errors.values() if row.code == 0)

    def choosing(self, chosen: Mapping[str, str]) -> "Document":
        """The same document with other options chosen. Raises AuthorsMistake for an unknown name or option."""
        return replace(self, choices={**self.choices, **_chosen(self.raw["x-kling-choices"], chosen)})

    def assumptions(self) -> list[tuple[str, str]]:
        """Every statement marked `assumed` or resting partly on assumption: (JSON pointer, source)."""
        return list(_assumed(self.raw, "#"))


def load(root: Path) -> Document:
    """Read the document behind `root`. Raises AuthorsMistake: file, line, what was found, what is allowed."""
    whole = bundle(root)
    grammar.check(whole)
    checker_at = compile_all(whole)
    try:
        document = _compile(whole, checker_at)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, AuthorsMistake):
            raise
        raise AuthorsMistake(
            root.name, f"lacks something the double needs, or has it in another form: {error!r}"
        ) from error
    consistency.check(document, whole, checker_at)
    return document


def _compile(whole: Mapping[str, Any], checker_at: Callable[[str], Checker]) -> Document:
    rows = {slug: _row(slug, entry) for slug, entry in whole["x-kling-errors"].items()}
    return Document(
        raw=whole,
        operations=tuple(
            _operation(path, method, item[method], whole, checker_at)
            for path, item in whole["paths"].items()
            for method in METHODS
            if method in item
        ),
        errors=rows,
        situations=_situations(rows, whole["x-kling-messages"]["situations"]),
        keywords=dict(whole["x-kling-messages"]["keywords"]),
        lifecycle=_lifecycle(whole["x-kling-lifecycle"]),
        limits={name: entry["value"] for name, entry in whole["x-kling-limits"].items()},
        choices=_chosen(whole["x-kling-choices"], {}),
        error_replies=_error_replies(whole, checker_at),
    )


def _row(slug: str, entry: Mapping[str, Any]) -> ErrorRow:
    return ErrorRow(slug, entry["code"], entry["status"], entry["message"], entry["meaning"], entry["retry"])


def _situations(rows: Mapping[str, ErrorRow], entries: Mapping[str, Any]) -> dict[str, Situation]:
    plain = {slug: Situation(slug, row, _verbatim(row.message)) for slug, row in rows.items()}
    return plain | {slug: Situation(slug, rows[entry["error"]], entry["message"]) for slug, entry in entries.items()}


def _verbatim(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _lifecycle(entry: Mapping[str, Any]) -> Lifecycle:
    steps = {state: tuple(following) for state, following in entry["steps"].items()}
    way = _way(steps, entry["initial"], entry["success"])
    return Lifecycle(
        initial=entry["initial"],
        success=entry["success"],
        failure=entry["failure"],
        steps=steps,
        way=way,
        failures=dict(entry["failures"]),
        paces={name: _pace(pace, way, entry["success"]) for name, pace in entry["paces"].items()},
    )


def _pace(lengths: Mapping[str, Any], way: tuple[str, ...], success: str) -> Stages:
    return (*(Stage(state, durations.length(lengths[state])) for state in way), Stage(success))


def _way(steps: Mapping[str, tuple[str, ...]], start: str, goal: str) -> tuple[str, ...]:
    """The states on the shortest way from `start` to `goal`, the goal left out; only the start if there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    for way in ways:
        following = steps.get(way[-1], ())
        if goal in following:
            return way
        ways.extend((*way, state) for state in following if steps.get(state) and state not in way)
    return (start,)


def _chosen(choices: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
    for name in wanted:
        if name not in choices:
            raise AuthorsMistake(f"choice {name}", "is not in the document" + grammar.nearest(name, choices))
    return {name: _option(name, entry, wanted.get(name, entry["chosen"])) for name, entry in choices.items()}


def _option(name: str, entry: Mapping[str, Any], option: str) -> Any:
    if option not in entry["options"]:
        raise AuthorsMistake(f"choice {name}", f"has no option {option!r}" + grammar.nearest(option, entry["options"]))
    return entry["options"][option]


def _error_replies(whole: Mapping[str, Any], checker_at: Callable[[str], Checker]) -> dict[int, Checker]:
    """Checkers of the refusals that need no operation: an unknown path or method, a bad credential."""
    statuses = {row["status"] for row in whole["x-kling-errors"].values() if row["code"]}
    checker = checker_at("#/components/schemas/Error")
    return dict.fromkeys(statuses, checker)


def _operation(
    path: str, method: str, entry: Mapping[str, Any], whole: Mapping[str, Any], checker_at: Callable[[str], Checker]
) -> Operation:
    pointer = f"#/paths/{path.replace('~', '~0').replace('/', '~1')}/{method}"
    parameters = _parameters(entry.get("parameters", ()), whole["components"])
    body = entry.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    shape = shape_of(body, whole["components"]["schemas"]) if body else None
    places = tuple(shape.image_places()) if shape else ()
    return Operation(
        id=entry["operationId"],
        method=method.upper(),
        path=path,
        pointer=pointer,
        action=entry["x-kling-action"],
        product=entry.get("x-kling-product", ""),
        parameters=parameters,
        parameters_checker=_parameters_checker(entry.get("parameters", ()), whole),
        body=shape,
        body_checker=checker_at(f"{pointer}/requestBody/content/application~1json/schema") if body else None,
        replies=_replies(entry["responses"], pointer, checker_at),
        image_places=places,
        kept=tuple(name for name in shape.properties if name not in {path[0] for path, _ in places}) if shape else (),
        units=_units(entry.get("x-kling-units")),
        footage=_footage(entry.get("x-kling-video")),
        callback=_callback(entry.get("callbacks", {}), pointer, checker_at),
        pack=entry.get("x-kling-pack"),
    )


def _named(entry: Mapping[str, Any], components: Mapping[str, Any]) -> Mapping[str, Any]:
    """A parameter or a response, also where it is a reference to a component."""
    if "$ref" not in entry:
        return entry
    _, _, kind, name = entry["$ref"].split("/")
    named: Mapping[str, Any] = components[kind][name]
    return named


def _parameters(entries: Sequence[Mapping[str, Any]], components: Mapping[str, Any]) -> tuple[Parameter, ...]:
    named = [_named(entry, components) for entry in entries]
    return tuple(
        Parameter(
            entry["name"], entry["in"], entry.get("required", False), shape_of(entry["schema"], components["schemas"])
        )
        for entry in named
    )


def _parameters_checker(entries: Sequence[Mapping[str, Any]], whole: Mapping[str, Any]) -> Checker:
    named = [_named(entry, whole["components"]) for entry in entries]
    return compile_one(
        {
            "type": "object",
            "required": [entry["name"] for entry in named if entry.get("required")],
            "properties": {entry["name"]: entry["schema"] for entry in named},
            "components": whole["components"],
        }
    )


def _replies(responses: Mapping[str, Any], pointer: str, checker_at: Callable[[str], Checker]) -> dict[int, Checker]:
    places = {status: entry.get("$ref", f"{pointer}/responses/{status}") for status, entry in responses.items()}
    return {int(status): checker_at(f"{place}/content/application~1json/schema") for status, place in places.items()}


def _units(entry: Mapping[str, Any] | None) -> Table | None:
    return _table(entry["by"], entry["table"]) if entry else None


def _table(by: Sequence[str], nested: Mapping[str, Any]) -> Table:
    cells: dict[tuple[str, ...], Any] = {(): nested}
    for _ in by:
        cells = {(*words, word): cell for words, inner in cells.items() for word, cell in inner.items()}
    return Table(tuple(by), cells)


def _footage(entry: Mapping[str, Any] | None) -> Footage | None:
    if entry is None:
        return None
    sizes = _table(entry["by"], {word: _sizes(cell) for word, cell in entry["sizes"].items()})
    return Footage(sizes, entry["frames_per_second"], entry["content_type"])


def _sizes(nested: Any) -> Any:
    """A table's sizes as pairs."""
    return tuple(nested) if isinstance(nested, list) else {word: _sizes(cell) for word, cell in nested.items()}


def _callback(entry: Mapping[str, Any], pointer: str, checker_at: Callable[[str], Checker]) -> Checker | None:
    for name, expressions in entry.items():
        for expression in expressions:
            place = f"{pointer}/callbacks/{name}/{expression.replace('~', '~0').replace('/', '~1')}"
            return checker_at(f"{place}/post/requestBody/content/application~1json/schema")
    return None


def _assumed(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _assumed(item, f"{pointer}/{index}")
    elif isinstance(value, Mapping):
        source = value.get("x-kling-source")
        if source and (source["basis"] == "assumed" or "assumed" in source["from"]):
            yield pointer, source["from"]
        for key, item in value.items():
            yield from _assumed(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
