"""A strict look into JSON: the type that was promised, or a ProtocolError that says what was found.

`true` is not a number, `1` is not a text, and null counts as absent.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from contracts.errors import ProtocolError

T = TypeVar("T")

NAMES = {str: "a string", int: "an integer", bool: "a boolean", dict: "an object", list: "an array", float: "a number"}


def may(source: Mapping[str, Any], key: str, kind: type[T]) -> T | None:
    """The value under `key`, None when it is absent or null.

    Raises:
        ProtocolError: it is of another kind.
    """
    value = source.get(key)
    return None if value is None else expect(value, kind, key)


def must(source: Mapping[str, Any], key: str, kind: type[T]) -> T:
    """The value under `key`.

    Raises:
        ProtocolError: it is absent, null or of another kind, or an empty text.
    """
    value = may(source, key, kind)
    if value is None or value == "":
        raise ProtocolError(f"{key} is missing")
    return value


def expect(value: object, kind: type[T], name: str) -> T:
    """The value itself.

    Raises:
        ProtocolError: it is of another kind.
    """
    if type(value) is int and kind is float:
        value = float(value)
    if type(value) is not kind:
        raise ProtocolError(f"{name} should be {NAMES[kind]}, not {NAMES.get(type(value), 'null')}")
    return value
