"""Receives callbacks and keeps each as it came: the inbox of the reference client would throw the wrong ones away."""

from dataclasses import dataclass
from typing import Any

from contracts.listener import Arrival, Listener
from contracts.suite.exchanges import Told
from contracts.surroundings import AROUND, nap


@dataclass(frozen=True)
class Letter(Told, Arrival):
    """A callback as it arrived."""

    arrived_s: float = 0.0
    """By the machine's clock that never goes back, as in an exchange."""

    @property
    def task(self) -> dict[str, Any]:
        """Its JSON value when it is an object, else an empty one."""
        return self.content if isinstance(self.content, dict) else {}


class Postbox(Listener):
    """A receiver on the loopback interface that answers 200 to everything."""

    def __init__(self) -> None:
        super().__init__(self._keep)
        self.letters: list[Letter] = []

    def address(self, name: str) -> str:
        """A place of its own for whoever should write; the question in it is part of the address."""
        return f"{self.url}/callbacks?of={name}"

    def at(self, address: str) -> list[Letter]:
        """What arrived at this address, in order."""
        return [letter for letter in list(self.letters) if f"{self.url}{letter.path}" == address]

    def settle(self, quiet_s: float = 0.2, most_s: float = 5.0) -> None:
        """Wait until nothing has come for a while."""
        until, known = AROUND.monotonic() + most_s, -1
        while known != len(self.letters) and AROUND.monotonic() < until:
            known = len(self.letters)
            nap(quiet_s)

    def _keep(self, arrival: Arrival) -> int:
        self.letters.append(Letter(**vars(arrival), arrived_s=AROUND.monotonic()))
        return 200
