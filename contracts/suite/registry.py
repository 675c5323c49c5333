"""The promises: functions whose names are sentences, each with the clause it stands for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contracts.suite.stage import Stage

Check = Callable[["Stage"], None]


@dataclass(frozen=True, slots=True)
class Promise:
    """Something every implementation of the API keeps."""

    name: str
    about: str
    """Its docstring's first line."""
    clause: str
    """Where it is written: a pointer into the document, or a heading of the vendor's page."""
    check: Check
    """Returns if it is kept, raises Broken or NotShown if not."""
    costs: bool
    """Whether showing it takes units."""


PROMISES: dict[str, Promise] = {}
"""Every promise, by name, in the order in which a run tries them."""


def promise(clause: str, *, costs: bool = False) -> Callable[[Check], Check]:
    """Make a function a promise."""

    def registered(check: Check) -> Check:
        name = check.__name__
        if name in PROMISES:
            raise ValueError(f"the promise {name} is made twice")
        about = (check.__doc__ or "").partition("\n")[0]
        PROMISES[name] = Promise(name, about, clause, check, costs)
        return check

    return registered
