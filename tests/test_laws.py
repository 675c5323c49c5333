"""The laws of the house that a machine can check."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver import document, resources

PACKAGE = Path(document.__file__).parent
ALLOWED = {
    "codes and statuses of HTTP itself": {200, 400, 401, 403, 404, 500, 503, 504},
    "small numbers that mean nothing": set(range(100)),
    "milliseconds in a second": {1000},
    "nothing, as text": {"0"},
    "a key of x-kling-pack, which holds the word": {"online"},
    "words that are the protocol's before they are Kling's": {"", "application/json", "string", "integer", "object"},
    "the actions a document may name are what the double can do": {"submit", "read", "list", "costs"},
    "kinds of credential, named as in securitySchemes": {"jwt", "api_key"},
    "names of limits that a choice puts in order": {"balance", "concurrency"},
    "a pace is chosen on the command line": {"fast", "instant", "realistic"},
    "image formats, by their signatures": {"png", "jpeg"},
    "URL schemes": {"http", "https"},
    "the envelope within the envelope": {"success"},
}


def constants(path: Path) -> Iterator[tuple[int, Any]]:
    """Every text and number of a module but its docstrings and keys it looks up."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings and isinstance(node.value, str | int):
            yield node.lineno, node.value


def values_of_the_api() -> set[Any]:
    """Error codes, messages, prices, paths, enum words and limits, as the document has them."""
    loaded = document.load(resources.OPENAPI_ROOT)
    found: set[Any] = (
        set(loaded.limits.values()) | set(loaded.lifecycle.failures.values()) | set(loaded.lifecycle.steps)
    )
    for row in loaded.errors.values():
        found |= {row.code, row.message, row.meaning}
    found |= {situation.message for situation in loaded.situations.values()}
    for operation in loaded.operations:
        found |= {operation.path, operation.product}
    return (
        found | set(_schema_values(loaded.raw)) | set(_leaves([op.units.cells for op in loaded.operations if op.units]))
    )


def _schema_values(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "enum" and isinstance(item, list):
                yield from item
            elif key in ("maxLength", "maxItems", "maximum", "const", "default") and not isinstance(item, dict | bool):
                yield item
            yield from _schema_values(item)
    elif isinstance(value, list):
        for item in value:
            yield from _schema_values(item)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_python_knows_field_names_but_no_values_of_the_api(path: Path):
    """The document is the truth: no error code, message, price, path, enum word or limit is typed in Python."""
    forbidden = values_of_the_api() - set().union(*ALLOWED.values())
    assert [(line, value) for line, value in constants(path) if value in forbidden] == []
