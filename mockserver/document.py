"""The API's document, read once into the frozen values of `api`.

A document with a word we do not know, or that contradicts itself, is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mockserver import consistency, durations, grammar
from mockserver.api import (
    Document,
    ErrorRow,
    Footage,
    Lifecycle,
    Operation,
    Parameter,
    Situation,
    Table,
    chosen,
)
from mockserver.bundle import bundle
from mockserver.schemas import Checker, compile_all, compile_one
from mockserver.shapes import shape_of
from mockserver.timeline import Stage, Stages
from mockserver.yaml12 import AuthorsMistake

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


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
        choices=chosen(whole["x-kling-choices"], {}),
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
