"""Polls to the end of a task; sleep and now come in through the desk.

Polls grow further apart, with jitter. A poll that meets a passing trouble is repeated like every query; the deadline
bounds all of it.
"""

from collections.abc import Callable
from itertools import count

from contracts import words
from contracts.desk import Desk
from contracts.errors import TaskFailed, TaskUnfinished
from contracts.talk import Pause, Talk
from contracts.values import Task


def until_done(desk: Desk, task: Task | str, *, timeout_s: float, on_change: Callable[[Task], None]) -> Talk[Task]:
    """The task when it has succeeded.

    `task` is a task or either id. A task that has already ended is not asked about again; an id is asked about at once.
    `on_change` hears of every status that was not seen before.

    Raises:
        TaskFailed: it ended as `failed`.
        TaskUnfinished: it had not ended after `timeout_s` seconds.
        KlingError: the service refused, or its answer cannot be believed.
    """
    until = desk.around.monotonic() + timeout_s
    if isinstance(task, str):
        task = yield from desk.query(task, until)
        on_change(task)
    for turn in count():
        if task.done:
            return _succeeded(task)
        left_s = until - desk.around.monotonic()
        if left_s <= 0:
            raise TaskUnfinished(f"task {task.task_id} is still {task.task_status} after {timeout_s:g} s", task)
        yield Pause(min(left_s, desk.polling.wait_s(turn, desk.around.random())))
        before, task = task, (yield from desk.query(task.task_id, until))
        if task.task_status != before.task_status:
            on_change(task)
    raise AssertionError("unreachable: count() does not end")


def _succeeded(task: Task) -> Task:
    if task.task_status == words.FAILED:
        raise TaskFailed(task.task_status_msg or "the task failed and the service does not say why", task)
    return task
