"""Whether the parts of the document agree with each other, beyond what any one keyword says.

OpenAPI linters see none of this: that every error row can be answered, every price and size has its combination, examples
are true, links lead somewhere, and the lifecycle has an end.
"""

import string
from collections.abc import Callable, Iterator
from collections.abc import Mapping as AnyMapping
from typing import Any

from mockserver.api import Document, Operation
from mockserver.grammar import nearest
from mockserver.schemas import Checker
from mockserver.yaml12 import AuthorsMistake, Mapping

ACTIONS = ("submit", "read", "list", "costs")
"""What the double knows how to do."""

_PLACEHOLDERS = {"field", "value", "type", "limit"}
_SAMPLE_REQUEST_ID = "13fef8e2-f5a0-4ee0-a81f-f40872d96095"


def check(document: Document, whole: Mapping, checker_at: Callable[[str], Checker]) -> None:
    """Raises AuthorsMistake at the first contradiction: file and line, what was found, what is allowed."""
    _check_lifecycle(document, whole["x-kling-lifecycle"])
    _check_messages(document, whole["x-kling-messages"])
    _check_operations(document, whole)
    _check_references(document, whole)
    _check_examples(document, whole, checker_at)


def _check_lifecycle(document: Document, entry: Mapping) -> None:
    life = document.lifecycle
    known = set(life.steps)
    for state in (life.initial, life.success, life.failure, *(to for steps in life.steps.values() for to in steps)):
        if state not in known:
            raise AuthorsMistake(entry.place("steps"), f"{state!r} is no state" + nearest(state, known))
    for key, state in (("success", life.success), ("failure", life.failure)):
        if not life.is_end(state):
            raise AuthorsMistake(entry.place(key), f"{state!r} must be an end, but steps lead on from it")
    enum = document.raw["components"]["schemas"].get("TaskStatus", {}).get("enum")
    if enum is not None and set(enum) != known:
        raise AuthorsMistake(entry.place("steps"), f"states {sorted(known)} are not TaskStatus's {sorted(enum)}")


def _check_messages(document: Document, entry: Mapping) -> None:
    for slug, situation in entry["situations"].items():
        used = {name for _, name, _, _ in string.Formatter().parse(situation["message"]) if name is not None}
        if not used <= _PLACEHOLDERS:
            raise AuthorsMistake(situation.place("message"), f"{slug} uses {sorted(used - _PLACEHOLDERS)}")
    for keyword, slug in entry["keywords"].items():
        if slug not in document.situations:
            raise AuthorsMistake(
                entry["keywords"].place(keyword), f"{slug!r} is no situation" + nearest(slug, document.situations)
            )
    codes = [row.code for row in document.errors.values()]
    if len(codes) != len(set(codes)) or 0 not in codes:
        raise AuthorsMistake("x-kling-errors", "codes must differ, and one row must be success (0)")


def _check_operations(document: Document, whole: Mapping) -> None:
    ids = [operation.id for operation in document.operations]
    for operation in document.operations:
        place = whole["paths"].place(operation.path)
        if ids.count(operation.id) > 1:
            raise AuthorsMistake(place, f"operationId {operation.id!r} is used twice")
        if operation.action not in ACTIONS:
            raise AuthorsMistake(place, f"x-kling-action {operation.action!r}" + nearest(operation.action, ACTIONS))
        _check_path_parameters(operation, place)
        _check_errors_answerable(document, operation, place)
        _check_refusals(document, operation, place)
        if operation.action == "submit":
            _check_product(operation, place)


def _check_references(document: Document, whole: Mapping) -> None:
    ids = [operation.id for operation in document.operations]
    for entry, place in _objects(whole, "links"):
        for link in entry.values():
            if link.get("operationId") not in ids:
                raise AuthorsMistake(place, f"a link leads to {link.get('operationId')!r}" + nearest(str(link), ids))
    for entry in whole.get("security", ()):
        for scheme in entry:
            if scheme not in whole["components"]["securitySchemes"]:
                raise AuthorsMistake(whole.place("security"), f"{scheme!r} is no security scheme")


def _check_path_parameters(operation: Operation, place: str) -> None:
    wanted = {name for _, name, _, _ in string.Formatter().parse(operation.path) if name}
    declared = {parameter.name for parameter in operation.parameters if parameter.place == "path"}
    if wanted != declared:
        raise AuthorsMistake(place, f"{operation.id}: the path has {sorted(wanted)}, declared are {sorted(declared)}")


def _check_errors_answerable(document: Document, operation: Operation, place: str) -> None:
    for row in document.errors.values():
        if row.code == 0:
            continue
        sample = {"code": row.code, "message": row.message, "request_id": _SAMPLE_REQUEST_ID}
        checker = operation.replies.get(row.status)
        if checker is None or not checker.is_valid(sample):
            raise AuthorsMistake(place, f"{operation.id} cannot answer {row.slug} ({row.status}/{row.code})")


def _check_refusals(document: Document, operation: Operation, place: str) -> None:
    for shape in _shapes(operation.body):
        for keyword, slug in shape.refuse.items():
            if slug not in document.situations or keyword not in document.keywords:
                raise AuthorsMistake(place, f"x-kling-refuse {keyword}: {slug}" + nearest(slug, document.situations))


def _check_product(operation: Operation, place: str) -> None:
    """Defaults must have a price, and every size a combination of the request's own words."""
    if operation.body is None or operation.units is None or operation.callback is None:
        raise AuthorsMistake(place, f"{operation.id} submits tasks: it needs a body, x-kling-units and callbacks")
    tables = [operation.units, *([operation.footage.sizes] if operation.footage else [])]
    for table in tables:
        for name in table.by:
            if name not in operation.body.properties:
                raise AuthorsMistake(place, f"a table goes by {name!r}" + nearest(name, operation.body.properties))
        if table.at(operation.body.given({})) is None:
            raise AuthorsMistake(place, f"{operation.id}: the defaults have no cell in the table by {table.by}")


def _check_examples(document: Document, whole: Mapping, checker_at: Callable[[str], Checker]) -> None:
    for pointer, media in _media(whole, "#"):
        for name, example in media.get("examples", {}).items():
            value = _as_sent(document, pointer, example["value"])
            problems = checker_at(f"{pointer}/schema").problems(value)
            if problems:
                raise AuthorsMistake(media["examples"].place(name), f"the example is not valid: {problems[0]}")


def _as_sent(document: Document, pointer: str, value: Any) -> Any:
    """A request's example is judged as the server reads it, without what counts as not given."""
    for operation in document.operations:
        if operation.body is not None and pointer.startswith(f"{operation.pointer}/requestBody/"):
            return operation.body.given(value)
    return value


def _media(value: Any, pointer: str) -> Iterator[tuple[str, Mapping]]:
    for key, item in (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    ):
        here = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if isinstance(item, Mapping) and "schema" in item and "examples" in item and pointer.endswith("/content"):
            yield here, item
        yield from _media(item, here)


def _objects(value: Any, name: str) -> Iterator[tuple[AnyMapping[str, Any], str]]:
    if isinstance(value, Mapping):
        if isinstance(value.get(name), Mapping):
            yield value[name], value.place(name)
        for item in value.values():
            yield from _objects(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item, name)


def _shapes(shape: Any) -> Iterator[Any]:
    if shape is None:
        return
    yield shape
    for part in shape.properties.values():
        yield from _shapes(part)
    yield from _shapes(shape.items)
