"""A sandbox's time: frozen, real or hurried, and never backwards. The only room that reads the machine's clocks.

`rate` is sandbox milliseconds per real millisecond: 1 real, 0 frozen, 60 a minute a second. Time is two bases and the
rate; changing the rate or advancing moves the bases, so that no step is lost or counted twice.
"""

import time
from collections.abc import Callable


def wall_s() -> float:
    """The machine's time, Unix seconds: what clients' tokens are judged by."""
    return time.time()  # noqa: TID251  this is the room


def monotonic_s() -> float:
    """Seconds that only ever grow, for measuring how long something took."""
    return time.monotonic()


class Clock:
    """One sandbox's clock. `now_ms` is where it starts, by default the machine's time."""

    def __init__(
        self, rate: float = 1.0, now_ms: int | None = None, *, real_s: Callable[[], float] = monotonic_s
    ) -> None:
        self._real_s = real_s
        self._base_real_s = real_s()
        self._base_ms = float(int(wall_s() * 1000) if now_ms is None else now_ms)
        self._rate = _checked_rate(rate)

    @property
    def rate(self) -> float:
        """Sandbox milliseconds per real millisecond."""
        return self._rate

    def now_ms(self) -> int:
        """Sandbox time, Unix milliseconds."""
        if not self._rate:
            return int(self._base_ms)
        return int(self._base_ms + (self._real_s() - self._base_real_s) * 1000 * self._rate)

    def advance(self, ms: int) -> None:
        """Jump ahead. Raises ValueError for a negative step: time can't go backwards."""
        if ms < 0:
            raise ValueError("time can't go backwards")
        self._rebase(self._rate)
        self._base_ms += ms

    def set_rate(self, rate: float) -> None:
        """From now on run at this rate. Raises ValueError unless it is finite and not negative."""
        self._rebase(_checked_rate(rate))

    def real_seconds_until(self, then_ms: int) -> float | None:
        """How long to wait, really, until sandbox time is `then_ms`; None if it never comes by itself."""
        left_ms = then_ms - self.now_ms()
        if left_ms <= 0:
            return 0.0
        return left_ms / 1000 / self._rate if self._rate else None

    def _rebase(self, rate: float) -> None:
        real_s = self._real_s()
        self._base_ms += (real_s - self._base_real_s) * 1000 * self._rate
        self._base_real_s, self._rate = real_s, rate


def _checked_rate(rate: float) -> float:
    if not 0 <= rate <= 1_000_000:  # also refuses NaN
        raise ValueError(f"a rate is between 0 and 1000000, not {rate}")
    return float(rate)
