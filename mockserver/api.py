"""The API as frozen values: operations, errors, messages, lifecycle, choices and limits. Everything the double says is here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mockserver.grammar import nearest
from mockserver.schemas import Checker
from mockserver.shapes import Shape
from mockserver.timeline import Stages
from mockserver.yaml12 import AuthorsMistake

_VALUE_CHARS = 100  # of what was sent, as much as a message repeats


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

    def choosing(self, wanted: Mapping[str, str]) -> "Document":
        """The same document with other options chosen. Raises AuthorsMistake for an unknown name or option."""
        return replace(self, choices={**self.choices, **chosen(self.raw["x-kling-choices"], wanted)})

    def assumptions(self) -> list[tuple[str, str]]:
        """Every statement marked `assumed` or resting partly on assumption: (JSON pointer, source)."""
        return list(_assumed(self.raw, "#"))


def chosen(choices: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
    """The value of each choice of `x-kling-choices`, as wanted or as the document has it. Raises AuthorsMistake."""
    for name in wanted:
        if name not in choices:
            raise AuthorsMistake(f"choice {name}", "is not in the document" + nearest(name, choices))
    return {name: _option(name, entry, wanted.get(name, entry["chosen"])) for name, entry in choices.items()}


def _option(name: str, entry: Mapping[str, Any], option: str) -> Any:
    if option not in entry["options"]:
        raise AuthorsMistake(f"choice {name}", f"has no option {option!r}" + nearest(option, entry["options"]))
    return entry["options"][option]


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
