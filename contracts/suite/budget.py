"""How many units and how much time a run may spend, and has spent."""

from dataclasses import dataclass, field
from decimal import Decimal

from contracts.suite.findings import CutShort, NotShown
from contracts.surroundings import AROUND


@dataclass(slots=True)
class Budget:
    """Units of the account's resource packs; nothing in a safe run."""

    units: Decimal
    safe: bool = False
    spent: Decimal = Decimal(0)

    def afford(self, price: Decimal) -> None:
        """Return if there is enough left. Raises NotShown."""
        if self.safe:
            raise NotShown("takes units, and --safe spends none")
        if self.spent + price > self.units:
            raise NotShown(f"takes {price} units more than the budget of {self.units} holds; raise --budget")

    def allow_trying(self) -> None:
        """Return while creates that should be refused may be tried. Raises NotShown when accepted ones cost too much."""
        if self.spent > self.units:
            raise NotShown("creates that should have been refused were accepted, and have cost all there was to spend")

    def spend(self, price: Decimal) -> None:
        """A task was accepted."""
        self.spent += price


@dataclass(slots=True)
class Deadline:
    """When a run must have ended, however slow the service is."""

    seconds: float
    _begun_s: float = field(default_factory=AROUND.monotonic)

    def go_on(self) -> None:
        """Return while there is time. Raises CutShort."""
        if AROUND.monotonic() > self._begun_s + self.seconds:
            raise CutShort(f"the {self.seconds:g} s of this run are used up; --time gives more")
