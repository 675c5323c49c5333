"""Keeps the search for the smallest breach short: over HTTP, Hypothesis could look for minutes.

Once a breach is found the search may go on for some seconds. From then on every further try is answered with the last
breach at once, so that Hypothesis ends, and tells that one.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hypothesis.errors import Flaky, FlakyFailure

from contracts.suite.findings import Broken, CutShort, NotShown
from contracts.surroundings import AROUND

SEARCH_S = 2.0

Deed = TypeVar("Deed", bound=Callable[..., Any])


class Search:
    """One property's search."""

    def __init__(self) -> None:
        self._last: Broken | None = None
        self._until_s = float("inf")

    def go_on(self) -> None:
        """Return while there is time. Raises Broken."""
        if self._last is not None and AROUND.monotonic() > self._until_s:
            raise self._last

    def remembering(self, deed: Callable[..., None]) -> Callable[..., None]:
        """A check whose breaches are remembered, and which is not made any more when time is up."""

        def tried(*args: Any, **kwargs: Any) -> None:
            self.go_on()
            try:
                deed(*args, **kwargs)
            except Broken as breach:
                self._until_s = min(self._until_s, AROUND.monotonic() + SEARCH_S)
                self._last = breach
                raise
            except (NotShown, CutShort) as short:
                raise self._last or short from None

        return tried


def remembered(deed: Deed) -> Deed:
    """The same for a method of a machine that holds its `search`."""

    @functools.wraps(deed)
    def tried(machine: Any, *args: Any, **kwargs: Any) -> None:
        machine.search.remembering(functools.partial(deed, machine))(*args, **kwargs)

    return tried  # type: ignore[return-value]  # a Deed too, but for its machine


@contextmanager
def plainly() -> Iterator[None]:
    """What Hypothesis could not repeat is what it was the first time: a breach above all."""
    try:
        yield
    except (Flaky, FlakyFailure) as flaky:
        for kind in (Broken, CutShort, NotShown):
            if met := _within(flaky, kind):
                raise met from None
        raise


def _within(error: BaseException, kind: type[Exception]) -> BaseException | None:
    if isinstance(error, kind):
        return error
    inner = [*getattr(error, "exceptions", ()), error.__cause__, error.__context__]
    return next((met for each in inner if each is not None and (met := _within(each, kind))), None)
