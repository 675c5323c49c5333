"""Which callbacks are owed by now: computed from a task's timeline and the attempts made so far, never stored.

Deliveries of one task go out one at a time and in order, so only the first unfinished one is ever due.
"""

from collections.abc import Collection, Mapping, Sequence

from mockserver.timeline import Timeline
from mockserver.values import Attempt, Delivery, Task

Attempts = Mapping[str, Sequence[Attempt]]


def deliveries(task: Task, marks: Timeline, statuses: Collection[str]) -> list[Delivery]:
    """Every callback of the task as far as its timeline is known: one for each change to one of `statuses`."""
    if not task.callback_url:
        return []
    return [
        Delivery(f"{task.id}{index:02}", task.id, mark.status, mark.at_ms)
        for index, mark in enumerate(marks)
        if mark.status in statuses
    ]


def following(owing: Sequence[Delivery], attempts: Attempts, retries_ms: Sequence[int]) -> tuple[Delivery, int] | None:
    """The next delivery to try and the moment it is due, or None when nothing is left to try."""
    for delivery in owing:
        tried = attempts.get(delivery.id, ())
        if not tried:
            return delivery, delivery.due_ms
        last = tried[-1]
        if not (last.delivered or last.final or len(tried) > len(retries_ms)):
            return delivery, last.at_ms + retries_ms[len(tried) - 1]
    return None
