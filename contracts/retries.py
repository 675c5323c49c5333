"""How long to wait before the next try: a pure function of the try's number and a chance.

Never less than a second after a refusal ("Concurrency Rules": exponential backoff that starts at one second or more).
"""

from collections.abc import Iterator
from dataclasses import dataclass

MOST_RETRY_AFTER_S = 60
"""A longer `Retry-After` is cut to this: waiting is ours to decide."""


@dataclass(frozen=True, slots=True)
class Patience:
    """A wait that grows: `first_s`, then `factor` times as long each time up to `most_s`, each stretched by a jitter.

    >>> [Patience().wait_s(turn, chance=0.0) for turn in range(7)]
    [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    >>> Patience().wait_s(0, chance=1.0)
    1.5
    """

    first_s: float = 1.0
    factor: float = 2.0
    most_s: float = 30.0
    jitter: float = 0.5
    """The largest part by which a wait is stretched, never shortened."""
    tries: int = 5
    """How often the same thing is tried in all. Waiting for a task to end has a deadline instead."""

    def __post_init__(self) -> None:
        if not (0 < self.first_s <= self.most_s and self.factor >= 1 and self.jitter >= 0 and self.tries >= 1):
            raise ValueError(f"{self}: 0 < first_s <= most_s, factor >= 1, jitter >= 0 and tries >= 1 would do")

    def wait_s(self, turn: int, chance: float) -> float:
        """Seconds to wait after try number `turn` (from 0) failed; `chance` is in [0, 1]."""
        grown = self.first_s * self.factor ** min(turn, 64)  # beyond 64 every sensible wait has reached its most
        return min(self.most_s, grown) * (1 + self.jitter * chance)

    def turns(self) -> Iterator[tuple[int, bool]]:
        """The number of each try and whether it is the last."""
        return ((turn, turn == self.tries - 1) for turn in range(self.tries))


RETRIES = Patience()
"""After a refusal or a loss."""
POLLS = Patience(first_s=1.0, factor=1.5, most_s=10.0, jitter=0.2)
"""Between two looks at a task: tasks take minutes ("Create Task" gives none; integrators see 1 to 10)."""
