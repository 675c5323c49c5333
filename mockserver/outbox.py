"""Which callbacks are owed by now: computed from a task's timeline and the attempts made so far, never stored.

Deliveries of one task go out one at a time, in the order they fall due, so only the first unfinished one is ever due. A
story may replace the calm ones: later, twice, never, out of order, or saying something else.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from mockserver.scenario import Posting
from mockserver.timeline import Mark, Timeline
from mockserver.values import Attempt, Delivery, Task

_MOST_TIMES = 20  # a story sends one callback at most so often

Attempts = Mapping[str, Sequence[Attempt]]


def deliveries(
    task: Task,
    marks: Timeline,
    statuses: Collection[str],
    *,
    ended: bool,
    id_step: int,
    resends: Iterable[Delivery] = (),
) -> list[Delivery]:
    """Every callback of the task as far as its timeline is known, in the order they are sent.

    On the calm day one for each change to one of `statuses`; else as the task's rule says; then those sent once more by hand.
    Their ids are the task's plus multiples of `id_step`: snowflakes of its moment, of workers that make no tasks.
    """
    if not task.callback_url:
        return []
    owed = _calm(task, marks, statuses) if task.deliver is None else _told(task, marks, task.deliver, ended=ended)
    first = int(task.id)
    named = [replace(delivery, id=str(first + number * id_step)) for number, delivery in owed]
    return sorted([*named, *resends], key=lambda delivery: delivery.due_ms)


def _calm(task: Task, marks: Timeline, statuses: Collection[str]) -> list[tuple[int, Delivery]]:
    return [
        (number, Delivery("", task.id, mark.status, mark.at_ms, mark))
        for number, mark in enumerate(marks, 1)
        if mark.status in statuses
    ]


def _told(task: Task, marks: Timeline, postings: Sequence[Posting], *, ended: bool) -> list[tuple[int, Delivery]]:
    """A story's callbacks; those held back until all others were made wait until the task has `ended`."""
    began = {mark.status: mark for mark in marks}
    owed = [
        (posting.out_of_order, began[posting.status].at_ms + posting.after_ms, index, posting)
        for index, posting in enumerate(postings)
        if posting.status in began and not posting.never and (ended or not posting.out_of_order)
    ]
    last_ms = max((due_ms for _, due_ms, _, _ in owed), default=0)
    return [
        (
            1 + index * _MOST_TIMES + again,
            _delivery(task, posting, began[posting.status], max(due_ms, last_ms * held_back)),
        )
        for held_back, due_ms, index, posting in sorted(owed, key=lambda each: each[:3])
        for again in range(posting.times)
    ]


def _delivery(task: Task, posting: Posting, mark: Mark, due_ms: int) -> Delivery:
    return Delivery("", task.id, posting.status, due_ms, mark, posting)


def following(owing: Sequence[Delivery], attempts: Attempts, retries_ms: Sequence[int]) -> tuple[Delivery, int] | None:
    """The next delivery to try and the moment it is due, or None when nothing is left to try."""
    for delivery in owing:
        tried = attempts.get(delivery.id, ())
        if not tried:
            return delivery, delivery.due_ms
        own = delivery.posting.retries_ms if delivery.posting is not None else None
        waits = retries_ms if own is None else own
        last = tried[-1]
        if not (last.delivered or last.final or len(tried) > len(waits)):
            return delivery, last.at_ms + waits[len(tried) - 1]
    return None
