"""From raw input to the arguments the document allows, defaults filled in, or the refusal the service would give.

The first problem in the document's own order of fields is told; a field's type is judged before its value.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from mockserver.api import Document, Operation
from mockserver.refusals import Refusal
from mockserver.schemas import Problem
from mockserver.shapes import NOT_GIVEN, Shape
from mockserver.values import Call, Path

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_BODY = "request body"

Arguments = Mapping[str, Any]


def validate(call: Call, operation: Operation, document: Document) -> Arguments:
    """What the call asks for. Raises Refusal in the document's words."""
    if operation.body is not None:
        return _from_body(call, operation, operation.body, document)
    return _from_address(call, operation, document)


def _from_body(call: Call, operation: Operation, shape: Shape, document: Document) -> Arguments:
    if call.body.problem:
        raise Refusal(call.body.problem)
    given = shape.given(call.body.content)
    checker = operation.body_checker
    if checker is not None and not checker.is_valid(given):
        raise _refusal(checker.problems(given), given, shape, document, "body")
    for sight in call.body.sights:
        if sight.problem:
            raise Refusal(sight.problem, field=field_name(sight.path), pointer=_pointer("body", sight.path))
    if operation.units is not None and operation.units.at(given) is None:
        names = [name.removesuffix("_name") for name in operation.units.by]
        values = [str(given.get(name)) for name in operation.units.by]
        raise Refusal("unsupported_combination", field="/".join(names), value="/".join(values))
    return {name: given[name] for name in operation.kept if name in given}


def _from_address(call: Call, operation: Operation, document: Document) -> Arguments:
    """Path and query parameters, each read as its schema's type; unknown query words are ignored."""
    if not call.query and not call.path_arguments:
        return _defaults(operation) if not _demands(operation) else _checked_address({}, operation, document)
    asked = dict(parse_qsl(call.query, keep_blank_values=True)) if call.query else {}
    asked |= call.path_arguments
    found = {}
    for parameter in operation.parameters:
        if parameter.name in asked:
            found[parameter.name] = _typed(asked[parameter.name], parameter.shape)
        elif parameter.shape.default is not NOT_GIVEN:
            found[parameter.name] = parameter.shape.default
    return _checked_address(found, operation, document)


def _checked_address(found: dict[str, Any], operation: Operation, document: Document) -> Arguments:
    if not operation.parameters_checker.is_valid(found):
        shape = Shape("object", properties={parameter.name: parameter.shape for parameter in operation.parameters})
        problems = operation.parameters_checker.problems(found)
        raise _refusal([_as_value(problem) for problem in problems], found, shape, document, "query")
    return found


def _demands(operation: Operation) -> bool:
    return any(parameter.required for parameter in operation.parameters)


def _defaults(operation: Operation) -> Arguments:
    return {
        parameter.name: parameter.shape.default
        for parameter in operation.parameters
        if parameter.shape.default is not NOT_GIVEN
    }


def _typed(text: str, shape: Shape) -> Any:
    """A parameter's text as the type its schema wants; left as text where it cannot be."""
    return int(text) if shape.type == "integer" and _INTEGER.fullmatch(text) else text


def _as_value(problem: Problem) -> Problem:
    """In an address everything is text, so a wrong type is a wrong value."""
    return Problem(problem.path, "enum") if problem.keyword == "type" else problem


def _refusal(problems: list[Problem], value: Any, shape: Shape, document: Document, place: str) -> Refusal:
    order = list(document.keywords)

    def rank(problem: Problem) -> tuple[list[int], int]:
        return _position(problem.path, shape), order.index(problem.keyword) if problem.keyword in order else len(order)

    first = min(problems, key=rank)
    part = shape.at(first.path)
    found = _found(value, first.path)
    keyword = "required" if found is None else first.keyword  # null is as good as absent
    slug = (part.refuse if part else {}).get(keyword) or document.keywords.get(keyword, "invalid_value")
    return Refusal(
        slug,
        field=field_name(first.path),
        value=found,
        type=" or ".join(first.types) or (part.type if part else ""),
        limit=first.limit,
        pointer=_pointer(place, first.path),
    )


def _pointer(place: str, path: Path) -> str:
    return "".join(f"/{step}" for step in (place, *path))


def _position(path: Path, shape: Shape) -> list[int]:
    """Where a path stands in the document's order of fields."""
    position: list[int] = []
    part: Shape | None = shape
    for step in path:
        names = list(part.properties) if part else []
        position.append(step if isinstance(step, int) else names.index(step) if step in names else len(names))
        part = part.at((step,)) if part else None
    return position


def field_name(path: Path) -> str:
    """`image_list[0].image`, as messages name a field."""
    if not path:
        return _BODY
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _found(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return ""
    return value
