"""Carries owed callbacks out and records each attempt; the one that knows what is due is `outbox`.

Deliveries of one task go one at a time and in order. Callbacks to the same host leave in the order they fell due, so that
a frozen sandbox always sends the same callbacks in the same order; different hosts do not wait for each other.
"""

import asyncio
import importlib
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from mockserver import outbox, replies, tasks
from mockserver.destinations import Destinations
from mockserver.sandbox import Sandbox
from mockserver.signature import webhook_headers
from mockserver.timeline import Mark
from mockserver.values import Attempt, Delivery, Task

_log = logging.getLogger("klingmock.courier")
_JSON = {"content-type": "application/json; charset=utf-8"}


class Busy(Exception):
    """Another advance of this sandbox is under way."""


@dataclass(frozen=True, slots=True)
class _Errand:
    """One attempt that is due."""

    task: Task
    delivery: Delivery
    due_ms: int


class Courier:
    """Delivers for every sandbox of a server; `run` is its life, `advance` its life in fast motion."""

    def __init__(self, *, destinations: Destinations | None = None, timeout_s: float = 5.0) -> None:
        self._destinations, self._timeout_s = destinations, timeout_s
        self._outgoing: Any = None
        self._owing: defaultdict[Sandbox, dict[str, Task]] = defaultdict(dict)
        self._under_way: dict[str, asyncio.Task[Any]] = {}
        self._advancing: set[Sandbox] = set()
        self._wake = asyncio.Event()

    def kick(self, box: Sandbox, task: Task | None = None) -> None:
        """Look again at a sandbox: a task was accepted or moved, or its clock was set."""
        if task is not None:
            self._owing[box][task.id] = task
        self._wake.set()

    def forget(self, box: Sandbox) -> None:
        """Owe nothing to this sandbox any more; attempts under way are left to end."""
        self._owing.pop(box, None)

    async def deliver_before_reply(self, box: Sandbox, task: Task) -> None:
        """Make the callbacks of a new task that a story wants to arrive before its create reply."""
        if not any(posting.before_reply for posting in task.deliver or ()):
            return
        while (following := self._following(box, task)) is not None:
            delivery, due_ms = following
            if due_ms > box.clock.now_ms() or delivery.posting is None or not delivery.posting.before_reply:
                return
            await self._attempt(box, _Errand(task, delivery, due_ms))

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._wake.clear()
            waits = [self._start_due(box) for box in list(self._owing) if box not in self._advancing]
            await self._sleep(min((wait for wait in waits if wait is not None), default=None))

    async def close(self) -> None:
        """Give up what is under way."""
        for attempt in self._under_way.values():
            attempt.cancel()
        if self._outgoing is not None:
            await self._outgoing.close()

    async def _sleep(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _start_due(self, box: Sandbox) -> float | None:
        """Start what is due now; the real seconds until something else is, None if nothing will be."""
        errands = self._errands(box)
        due = [errand for errand in errands if errand.due_ms <= box.clock.now_ms()]
        for host in _by_host(due):
            self._start(box, host)
        later = [box.clock.real_seconds_until(errand.due_ms) for errand in errands if errand not in due]
        return min((wait for wait in later if wait is not None), default=None)

    def _start(self, box: Sandbox, errands: list[_Errand]) -> None:
        carrying = asyncio.get_running_loop().create_task(self._carry(box, errands))
        for errand in errands:
            self._under_way[errand.task.id] = carrying
        carrying.add_done_callback(lambda _: self._done(errands))

    def _done(self, errands: list[_Errand]) -> None:
        for errand in errands:
            self._under_way.pop(errand.task.id, None)
        self._wake.set()

    async def _carry(self, box: Sandbox, errands: list[_Errand]) -> list[Attempt]:
        return [await self._attempt(box, errand) for errand in errands]

    def _errands(self, box: Sandbox) -> list[_Errand]:
        """The next attempt of every task that still owes one, soonest first."""
        errands = []
        for task in list(self._owing[box].values()):
            if task.id in self._under_way:
                continue
            following = self._following(box, task)
            if following is not None:
                errands.append(_Errand(task, *following))
            elif _ended(box, task):
                del self._owing[box][task.id]
        return sorted(errands, key=lambda errand: (errand.due_ms, errand.delivery.id))

    def _following(self, box: Sandbox, task: Task) -> tuple[Delivery, int] | None:
        return outbox.following(owed(box, task), box.facts.attempts, box.document.choices["callback_retries"])

    async def _attempt(self, box: Sandbox, errand: _Errand) -> Attempt:
        """One POST, recorded. The task is shown as it was when this status began."""
        at_ms, delivery_id = box.clock.now_ms(), errand.delivery.id
        try:
            body, headers = _said(box, errand)
        except replies.WrongReply as error:  # our own bug: told, and not tried for ever
            _log.exception("callback-wrong task=%s", errand.task.id)
            attempt = Attempt(delivery_id, at_ms, None, str(error)[:300], 0.0, delivered=False, final=True)
        else:
            attempt = await self._posted(box, errand, body, headers, at_ms)
        box.facts.add_attempt(attempt)
        _log.info(
            "callback task=%s status=%s answer=%s error=%s took_ms=%.1f",
            errand.task.id, errand.delivery.status, attempt.status, attempt.error, attempt.took_ms,
        )  # fmt: skip
        return attempt

    async def _posted(self, box: Sandbox, errand: _Errand, body: bytes, headers: dict[str, str], at_ms: int) -> Attempt:
        delivery_id, secret = errand.delivery.id, box.settings.webhook_secret
        if secret:
            headers |= webhook_headers(secret, delivery_id=delivery_id, timestamp_s=at_ms // 1000, body=body)
        outcome = await (await self._post_office()).post(errand.task.callback_url, body, headers)
        return Attempt(
            delivery_id, at_ms, outcome.status, outcome.error, outcome.took_ms, outcome.delivered, outcome.refused
        )

    async def warm_up(self) -> None:
        """Load what a callback needs, off the loop: a fifth of a second that neither start nor first callback should pay."""
        await self._post_office()

    async def _post_office(self) -> Any:
        if self._outgoing is None:
            outgoing = await asyncio.to_thread(importlib.import_module, "mockserver.outgoing")
            self._outgoing = self._outgoing or outgoing.Outgoing(
                destinations=self._destinations, timeout_s=self._timeout_s
            )
        return self._outgoing

    # -- fast motion

    async def advance(self, box: Sandbox, ms: int) -> list[dict[str, Any]]:
        """Live through `ms` of sandbox time: from due moment to due moment, each delivery awaited.

        Returns what fired, in order: changes of status and deliveries. Raises Busy, or ValueError for a negative step.
        """
        if ms < 0:
            raise ValueError("time can't go backwards")
        if box in self._advancing:
            raise Busy
        self._advancing.add(box)
        rate = box.clock.rate
        box.clock.set_rate(0)
        try:
            return await self._live_through(box, box.clock.now_ms() + ms)
        finally:
            box.clock.set_rate(rate)
            self._advancing.discard(box)
            self._wake.set()

    async def _live_through(self, box: Sandbox, until_ms: int) -> list[dict[str, Any]]:
        fired: list[dict[str, Any]] = []
        await self._deliver_due(box, fired)
        while (moment := self._next_moment(box, until_ms)) is not None:
            living = box.facts.unfinished(box.clock.now_ms())
            box.clock.advance(moment - box.clock.now_ms())
            fired += _changes_at(box, living, moment)
            await self._deliver_due(box, fired)
        box.clock.advance(until_ms - box.clock.now_ms())
        return fired

    def _next_moment(self, box: Sandbox, until_ms: int) -> int | None:
        now_ms = box.clock.now_ms()
        changes = [mark.at_ms for task in box.facts.unfinished(now_ms) for mark in box.facts.timeline(task)]
        moments = changes + [errand.due_ms for errand in self._errands(box)]
        return min((moment for moment in moments if now_ms < moment <= until_ms), default=None)

    async def _deliver_due(self, box: Sandbox, fired: list[dict[str, Any]]) -> None:
        while True:
            await asyncio.gather(*(self._under_way[id] for id in list(self._owing[box]) if id in self._under_way))
            due = [errand for errand in self._errands(box) if errand.due_ms <= box.clock.now_ms()]
            if not due:
                return
            attempts = await asyncio.gather(*(self._carry(box, host) for host in _by_host(due)))
            made = {attempt.delivery_id: attempt for carried in attempts for attempt in carried}
            fired += [_delivery_fired(errand, made[errand.delivery.id]) for errand in due]


def _by_host(errands: list[_Errand]) -> list[list[_Errand]]:
    hosts: defaultdict[str, list[_Errand]] = defaultdict(list)
    for errand in errands:
        hosts[_host(errand.task.callback_url)].append(errand)
    return list(hosts.values())


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _ended(box: Sandbox, task: Task) -> bool:
    """Whether the whole of the task's life is known."""
    return box.document.lifecycle.is_end(box.facts.timeline(task)[-1].status)


def owed(box: Sandbox, task: Task) -> list[Delivery]:
    """Every callback of a task, as far as it is known."""
    statuses = box.document.choices["callback_statuses"]
    return outbox.deliveries(
        task,
        box.facts.timeline(task),
        statuses,
        ended=_ended(box, task),
        id_step=1 << box.document.limits["id_sequence_bits"],
        resends=box.facts.resends.get(task.id, ()),
    )


def _said(box: Sandbox, errand: _Errand) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a callback: the bare task as it was at that moment, checked, then as a story changes it."""
    task, delivery = errand.task, errand.delivery
    base_url = box.settings.public_url or task.base_url
    shown = tasks.view(task, delivery.mark, base_url, box.document.lifecycle)
    if not task.unruly:
        replies.check_callback(shown, task.product, box.document)
    body, headers = orjson.dumps(shown), dict(_JSON)
    trap = delivery.posting.body if delivery.posting is not None else None
    if trap is not None:
        body = replies.changed(body, trap)
        headers["content-type"] = trap.type or headers["content-type"]
    return body, headers


def _changes_at(box: Sandbox, living: Iterable[Task], moment: int) -> list[dict[str, Any]]:
    return [_change_fired(task, mark) for task in living for mark in box.facts.timeline(task) if mark.at_ms == moment]


def _change_fired(task: Task, mark: Mark) -> dict[str, Any]:
    return {"kind": "status", "at_ms": mark.at_ms, "task_id": task.id, "status": mark.status}


def _delivery_fired(errand: _Errand, attempt: Attempt) -> dict[str, Any]:
    return {
        "kind": "delivery",
        "at_ms": attempt.at_ms,
        "task_id": errand.task.id,
        "status": errand.delivery.status,
        "delivery_id": errand.delivery.id,
        "answer": attempt.status,
        "delivered": attempt.delivered,
        "error": attempt.error,
    }
