"""The ids of a sandbox: snowflakes for tasks and videos, UUIDs for requests, unguessable keys for links.

A snowflake is the milliseconds since the service's epoch, a worker and a counter, packed into one number (kling-facts 5.5).
All of it comes from the sandbox's own stream of randomness, so the same calls get the same ids.
"""

import random
from collections.abc import Mapping

_VARIANTS = "89ab"


def stream(seed: str, purpose: str) -> random.Random:
    """A stream of its own for each purpose, so that drawing for one never shifts another."""
    return random.Random(f"{seed}/{purpose}")


class Snowflakes:
    """Ids that only grow, whatever the clock does; `limits` are the document's."""

    def __init__(self, limits: Mapping[str, int], worker: int) -> None:
        self._epoch_ms = limits["id_epoch_ms"]
        self._worker_shift = limits["id_sequence_bits"]
        self._time_shift = limits["id_sequence_bits"] + limits["id_worker_bits"]
        self._worker = worker % (1 << limits["id_worker_bits"])
        self._last_ms, self._sequence = -1, 0

    def next(self, now_ms: int) -> str:
        """A new id, decimal digits. A spent sequence borrows the next millisecond, so nothing repeats."""
        if now_ms > self._last_ms:
            self._last_ms, self._sequence = now_ms, 0
        else:
            self._sequence += 1
            if self._sequence >> self._worker_shift:
                self._last_ms, self._sequence = self._last_ms + 1, 0
        age_ms = self._last_ms - self._epoch_ms
        return str(age_ms << self._time_shift | self._worker << self._worker_shift | self._sequence)


def request_id(chance: random.Random) -> str:
    """A UUID of version 4 drawn from the stream."""
    bits = chance.getrandbits(124)
    digits = f"{bits:031x}"
    variant = _VARIANTS[bits & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-{variant}{digits[15:18]}-{digits[18:30]}"


def file_key(chance: random.Random) -> str:
    """The unguessable part of a result link: 32 hex digits."""
    return f"{chance.getrandbits(128):032x}"
