"""What a test expects of the journal: which calls fit, and, when none does, which comes nearest and in what it differs.

Fitting is nothing but the absence of a difference, so judging and explaining cannot disagree.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mockserver import telling

ABSENT = type("Absent", (), {"__repr__": lambda _: "nothing"})()
"""What came where nothing came."""

Fields = Mapping[str, Any]


class Difference(NamedTuple):
    """One field that is not as expected."""

    field: str
    expected: Any
    came: Any


def difference(expected: Fields, entry: Fields) -> list[Difference]:
    """Where an entry of the journal is not as expected; empty if it is.

    A field is one of the entry's own (`action`, `status`, `code`, …), else one of its request's body (`prompt`, …). What is
    expected is a value, a compiled pattern, a predicate, or `...` for anything at all.
    """
    found = [Difference(name, wanted, _came(name, entry)) for name, wanted in expected.items()]
    return [each for each in found if not _fits(each.expected, each.came)]


def fitting(expected: Fields, entries: Iterable[Fields]) -> list[Fields]:
    """The entries that are as expected."""
    return [entry for entry in entries if not difference(expected, entry)]


def unmet(expected: Fields, entries: Sequence[Fields], what: str) -> str:
    """Why none of the entries will do: the nearest one, field by field."""
    if not entries:
        return f"no {what} with {_all(expected)}: there was no {what} at all"
    nearest = min(entries, key=lambda entry: _distance(expected, entry))
    lines = [f"no {what} with {_all(expected)}", f"the nearest of {telling.count(len(entries), what)}:"]
    lines.append(f"  {telling.line(nearest)}")
    for each in difference(expected, nearest):
        lines += [
            f"    {each.field}",
            f"      expected  {_shown(each.expected)}",
            f"      came      {_shown(each.came)}",
        ]
    return "\n".join(lines)


def _came(name: str, entry: Fields) -> Any:
    if name in entry:
        return entry[name]
    body = entry.get("body")
    return body.get(name, ABSENT) if isinstance(body, dict) else ABSENT


def _fits(wanted: Any, came: Any) -> bool:
    if wanted is ...:
        return came is not ABSENT
    if came is ABSENT:
        return wanted is ABSENT
    if isinstance(wanted, re.Pattern):
        return isinstance(came, str) and wanted.search(came) is not None
    return bool(wanted(came)) if callable(wanted) else bool(wanted == came)


def _distance(expected: Fields, entry: Fields) -> tuple[int, float]:
    """Fewer different fields are nearer; among as many, those that read more alike."""
    found = difference(expected, entry)
    return len(found), sum(1 - _alike(str(each.expected), str(each.came)) for each in found)


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one[:200], other[:200]).ratio()


def _all(expected: Fields) -> str:
    return ", ".join(f"{name}={_shown(wanted)}" for name, wanted in expected.items()) or "anything"


def _shown(value: Any) -> str:
    if value is ...:
        return "anything"
    if isinstance(value, re.Pattern):
        return f"text that matches {value.pattern!r}"
    if callable(value):
        return f"what {getattr(value, '__name__', value)} says yes to"
    return telling.short(value)
