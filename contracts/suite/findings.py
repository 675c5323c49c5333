"""What comes of a promise: held, broken, not shown; and how a breach is told."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from contracts.suite.exchanges import Exchange


class Verdict(StrEnum):
    """What became of a promise."""

    HELD = "held"
    BROKEN = "broken"
    NOT_SHOWN = "not shown"


class Broken(Exception):
    """A promise is broken: what the document says, what came, and the exchange that shows it."""

    def __init__(self, documented: object, received: object, shown_by: Exchange | None = None) -> None:
        super().__init__(f"documented {documented}, received {received}")
        self.documented, self.received, self.shown_by = cut(documented), cut(received), shown_by


class NotShown(Exception):
    """The promise could be neither kept nor broken here; the message says why, and what would help."""


class CutShort(Exception):
    """The run cannot go on; the message says why. What was found until then stands."""


class Unreachable(CutShort):
    """Nothing answers at the address, so nothing can be said."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one promise."""

    promise: str
    clause: str
    verdict: Verdict
    reason: str = ""
    """Why it was not shown."""
    documented: str = ""
    received: str = ""
    curl: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())
    """What was odd and is no breach."""

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        shown = {
            name: getattr(self, name) for name in ("promise", "clause", "reason", "documented", "received", "curl")
        }
        kept = {name: value for name, value in shown.items() if value}
        return {**kept, "verdict": str(self.verdict), "seconds": round(self.seconds, 3), "notes": list(self.notes)}


def cut(value: object, chars: int = 300) -> str:
    """Text of a value, on one line and short enough for it.

    >>> cut("a" * 5, 3)
    'aaa… (5 characters)'
    """
    text = " ".join(str(value).split())
    return text if len(text) <= chars else f"{text[:chars]}… ({len(text)} characters)"
