"""Receivers to use as `callback_url`: they remember what came and misbehave as told."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_KEPT = 1000
_BODY_CHARS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How an inbox answers."""

    answer: int = 200
    location: str = ""
    hang: bool = False
    down: bool = False
    times: int | None = None  # deliveries it holds for; None: for ever

    def shown(self) -> dict[str, Any]:
        """For the control plane."""
        told: dict[str, Any] = {"answer": self.answer, "hang": self.hang, "down": self.down}
        if self.location:
            told["location"] = self.location
        if self.times is not None:
            told["times"] = self.times
        return told


class Inbox:
    """One receiver."""

    def __init__(self) -> None:
        self.received: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self.count = 0
        self.behaviour = Behaviour()
        self._left: int | None = None

    @property
    def evicted(self) -> int:
        """How many deliveries were forgotten."""
        return self.count - len(self.received)

    def behave(self, behaviour: Behaviour) -> None:
        """Answer like this from now on."""
        self.behaviour, self._left = behaviour, behaviour.times

    def receive(self, headers: Mapping[str, str], body: bytes, at_ms: int) -> Behaviour:
        """Remember a delivery; how to answer it."""
        how = self._next()
        self.count += 1
        self.received.append(
            {
                "number": self.count,
                "at_ms": at_ms,
                "headers": dict(headers),
                "body": _readable(body),
                "answered": None if how.hang or how.down else how.answer,
            }
        )
        return how

    def _next(self) -> Behaviour:
        if self._left is None:
            return self.behaviour
        if self._left == 0:
            self.behaviour, self._left = Behaviour(), None
            return self.behaviour
        self._left -= 1
        return self.behaviour


def _readable(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")[:_BODY_CHARS]
