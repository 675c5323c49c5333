"""What every conversation shares: where the service is, who we are, how patient we are, what time it is.

The simple conversations live here; a create, the wait for an end and a download have rooms of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from contracts import sansio, words
from contracts.errors import KlingError, ProtocolError
from contracts.retries import MOST_RETRY_AFTER_S, POLLS, RETRIES, Patience
from contracts.surroundings import AROUND, Surroundings
from contracts.talk import Pause, Talk, exchange
from contracts.tokens import Signer
from contracts.values import Reply, Request, ResourcePack, Task

T = TypeVar("T")

FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Desk:
    """One account at one service. Immutable but for the signer's token, so many conversations may share it."""

    base_url: str
    signer: Signer
    around: Surroundings = AROUND
    patience: Patience = RETRIES
    polling: Patience = POLLS
    timeout_s: float = 30.0
    """The longest that one request may take."""

    def ask(self, request: Request, until: float = FOREVER) -> Talk[Reply]:
        """One signed request and its answer; if that says the token has expired, once more with a new one.

        Raises:
            TransportError: no whole answer arrived in time.
        """
        reply = yield from self._signed(request, until)
        if sansio.refusal_code(reply) == words.TOKEN_EXPIRED and self.signer.forget():
            reply = yield from self._signed(request, until)
        return reply

    def patiently(self, attempt: Callable[[], Talk[T]], until: float = FOREVER) -> Talk[T]:
        """The outcome of an attempt that may safely be repeated, repeated while that is sensible and in time.

        Raises:
            KlingError: a retry would not help, or the tries or the time are used up.
        """
        for turn, last in self.patience.turns():
            try:
                return (yield from attempt())
            except KlingError as trouble:
                wait_s = self.wait_s(turn, trouble)
                if last or not trouble.retry or self.around.monotonic() + wait_s > until:
                    raise
            yield Pause(wait_s)
        raise AssertionError("unreachable: the last turn returns or raises")

    def wait_s(self, turn: int, trouble: KlingError) -> float:
        """Seconds to wait after `trouble`: ours, or what the service asked for if that is longer."""
        return max(self.patience.wait_s(turn, self.around.random()), min(trouble.retry_after_s, MOST_RETRY_AFTER_S))

    def query(self, task_id: str, until: float = FOREVER) -> Talk[Task]:
        """The task with this `task_id` or `external_task_id`.

        Raises:
            NotFoundError: there is none.
            KlingError: the service refused, or its answer cannot be believed.
        """
        request = sansio.question(task_id)

        def attempt() -> Talk[Task]:
            return sansio.found((yield from self.ask(request, until)), task_id)

        return self.patiently(attempt, until)

    def page(self, number: int, size: int) -> Talk[tuple[Task, ...]]:
        """One page of the account's tasks."""

        def attempt() -> Talk[tuple[Task, ...]]:
            return sansio.listed((yield from self.ask(sansio.page(number, size))))

        return self.patiently(attempt)

    def costs(self, start_time_ms: int, end_time_ms: int, pack: str | None) -> Talk[tuple[ResourcePack, ...]]:
        """The account's resource packs."""

        def attempt() -> Talk[tuple[ResourcePack, ...]]:
            return sansio.packs((yield from self.ask(sansio.costs(start_time_ms, end_time_ms, pack))))

        return self.patiently(attempt)

    def _signed(self, request: Request, until: float) -> Talk[Reply]:
        headers = {**request.headers, "authorization": f"Bearer {self.signer.bearer()}"}
        signed = replace(request, url=self.base_url + request.url, headers=headers)
        return exchange(signed, self.time_left_s(until), self.around.monotonic)

    def time_left_s(self, until: float) -> float:
        """The time one request may take so close to `until`; never so little that it could not succeed."""
        return min(self.timeout_s, max(1.0, until - self.around.monotonic()))


class Listing:
    """The whole list, page by page, each task once.

    New tasks push older ones onto the next page, where they would be met a second time.
    """

    def __init__(self, desk: Desk, page_size: int) -> None:
        self._desk = desk
        self._size = page_size
        self._number = 0
        self._seen: set[str] = set()
        self.ended = False

    def turn(self) -> Talk[list[Task]]:
        """The tasks of the next page that were not met before.

        Raises:
            ProtocolError: the list does not end within the pages it may have.
        """
        self._number += 1
        if self._number > words.MAX_PAGES:
            raise ProtocolError(f"the list goes on after {words.MAX_PAGES} pages of {self._size}")
        tasks = yield from self._desk.page(self._number, self._size)
        self.ended = len(tasks) < self._size
        news = {task.task_id: task for task in tasks if task.task_id not in self._seen}
        self._seen |= news.keys()
        return list(news.values())
