"""Time as an account lives it: the real clock, or a double's clock that is moved by hand."""

from collections.abc import Iterator
from typing import Protocol

from contracts.suite.control import Control
from contracts.surroundings import AROUND, nap


class Passing(Protocol):
    """How time passes for an account."""

    exact: bool
    """Whether `now_ms` is the service's own time, to the millisecond."""

    def now_ms(self) -> float:
        """Unix milliseconds, as the service would say."""

    def pass_ms(self, ms: float) -> None:
        """Let time pass."""

    def steps(self, patience_s: float) -> Iterator[float]:
        """Milliseconds between looks at tasks, until patience ends."""


class RealTime:
    """Nothing to be done but wait."""

    exact = False

    def now_ms(self) -> float:
        return AROUND.now() * 1000

    def pass_ms(self, ms: float) -> None:
        nap(ms / 1000)

    def steps(self, patience_s: float) -> Iterator[float]:
        until, step = AROUND.monotonic() + patience_s, 200.0
        begun = AROUND.monotonic()
        while AROUND.monotonic() < until:
            yield step
            if AROUND.monotonic() - begun > 6:  # a service that takes minutes is asked less often
                step = min(step * 1.25, 5000.0)


class MovedTime:
    """A frozen clock of a double that only the suite moves."""

    exact = True

    def __init__(self, control: Control, access_key: str) -> None:
        self._control, self._access_key = control, access_key
        self._now_ms = float(control.clock(access_key))

    def now_ms(self) -> float:
        return self._now_ms

    def pass_ms(self, ms: float) -> None:
        self._now_ms = float(self._control.advance(self._access_key, round(ms)))

    def steps(self, patience_s: float) -> Iterator[float]:
        del patience_s  # hours pass at once
        step = 400.0
        for taken in range(50):
            yield step
            if taken > 15:
                step = min(step * 1.6, 3_600_000.0)
