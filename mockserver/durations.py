"""Lengths of time as people write them, `250ms`, `30s`, `5m`, and as they may be drawn: fixed, uniform or lognormal."""

import math
import re
from dataclasses import dataclass
from typing import Any, Protocol

_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)")
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST_MS = 366 * _UNITS_MS["d"]


class Chance(Protocol):
    """A stream of randomness; a sandbox hands in its own."""

    def uniform(self, a: float, b: float) -> float:
        """A number between both."""
        ...

    def normalvariate(self, mu: float, sigma: float) -> float:
        """A normally distributed number."""
        ...


@dataclass(frozen=True, slots=True)
class Length:
    """A length that is drawn anew each time; with `spread` 0 it is always `low_ms`."""

    low_ms: float
    high_ms: float | None = None  # uniform between both
    sigma: float | None = None  # lognormal around the median `low_ms`

    @property
    def is_fixed(self) -> bool:
        """Whether it is always the same."""
        return self.high_ms is None and self.sigma is None

    def draw_ms(self, chance: Chance) -> int:
        """One length, milliseconds."""
        if self.high_ms is not None:
            return round(chance.uniform(self.low_ms, self.high_ms))
        if self.sigma is not None:
            return round(min(self.low_ms * math.exp(self.sigma * chance.normalvariate(0, 1)), _LONGEST_MS))
        return round(self.low_ms)


def milliseconds(text: Any) -> int:
    """`30s` as 30000. Raises ValueError that says what would be right."""
    match = _LENGTH.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no length of time; write it like 250ms, 30s, 5m, 2h or 30d")
    length = round(float(match[1]) * _UNITS_MS[match[2]])
    if length > _LONGEST_MS:
        raise ValueError(f"{text!r} is longer than a year")
    return length


def length(value: Any) -> Length:
    """A length as scenarios write it: `2s`, `{uniform: [1s, 3s]}` or `{lognormal: {median: 1s, sigma: 0.5}}`."""
    match value:
        case str():
            return Length(milliseconds(value))
        case {"uniform": [low, high]} if len(value) == 1:
            bounds = Length(milliseconds(low), milliseconds(high))
            if bounds.high_ms is not None and bounds.low_ms > bounds.high_ms:
                raise ValueError(f"uniform goes from the shorter to the longer, not from {low} to {high}")
            return bounds
        case {"lognormal": {"median": median, "sigma": int() | float() as sigma, **rest}} if (
            len(value) == 1 and not rest
        ):
            if not 0 <= sigma <= 5:
                raise ValueError(f"sigma is between 0 and 5, not {sigma}")
            return Length(milliseconds(median), sigma=float(sigma))
    raise ValueError(
        f"{value!r} is no length of time; write 2s, {{uniform: [1s, 3s]}} or {{lognormal: {{median: 1s, sigma: 0.5}}}}"
    )
