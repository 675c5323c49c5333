"""The one door to jsonschema-rs: compiled checks, and what is wrong with a value as plain records."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

_MESSAGE_CHARS = 300  # longer ones quote the value


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken keyword of a schema."""

    path: tuple[str | int, ...]  # where in the value; a missing property is named as if it were there
    keyword: str
    types: tuple[str, ...] = ()  # of `type`: what was wanted
    limit: int | float | None = None  # of the bounds: the bound
    unexpected: tuple[str, ...] = ()  # of additionalProperties: the keys that must not be there
    message: str = ""  # what is wrong, in the engine's words
    schema_path: tuple[str | int, ...] = ()  # where in the schema


@dataclass(frozen=True, slots=True)
class Checker:
    """A compiled schema."""

    is_valid: Callable[[Any], bool]
    _iter_errors: Callable[[Any], Iterator[jsonschema_rs.ValidationError]]

    def problems(self, value: Any) -> list[Problem]:
        """Everything wrong with `value`; empty when it is valid."""
        return [_problem(error) for error in self._iter_errors(value)]


def compile_all(document: Mapping[str, Any]) -> Callable[[str], Checker]:
    """Compile every subschema of a document; the answer maps a JSON pointer (`#/paths/…/schema`) to its Checker."""
    validators = jsonschema_rs.validator_map_for(dict(document), validate_formats=True, offline=True)

    def at(pointer: str) -> Checker:
        return _checker(validators[pointer])

    return at


def compile_one(schema: Mapping[str, Any]) -> Checker:
    """Compile a schema that stands alone."""
    return _checker(jsonschema_rs.validator_for(dict(schema), validate_formats=True, offline=True))


def _checker(validator: jsonschema_rs.Validator) -> Checker:
    return Checker(validator.is_valid, validator.iter_errors)


def _problem(error: jsonschema_rs.ValidationError) -> Problem:
    kind: Any = error.kind
    missing = (kind.property,) if kind.name == "required" else ()
    return Problem(
        (*error.instance_path, *missing),
        kind.name,
        tuple(kind.types) if kind.name == "type" else (),
        getattr(kind, "limit", None),
        tuple(kind.unexpected) if kind.name == "additionalProperties" else (),
        error.message if len(error.message) <= _MESSAGE_CHARS else f"breaks {kind.name}",
        tuple(error.schema_path),
    )
