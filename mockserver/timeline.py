"""Which status holds at which time: a plan made at birth, unfolded into marks on the sandbox's axis.

A plan says how long each state lasts: some milliseconds, a number of polls, or until a person moves it on. Unfolding is
pure: the same plan, birth, polls and interventions always give the same marks.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from mockserver.durations import Chance, Length


class Step(NamedTuple):
    """One state of a plan and how it is left; a state with neither time nor polls lasts until someone moves it on."""

    status: str
    lasts_ms: int | None = None
    polls: int | None = None
    message: str = ""  # task_status_msg while the state holds


Plan = tuple[Step, ...]


class Stage(NamedTuple):
    """A state as the document or a story plans it: how long it lasts is drawn anew for each task."""

    status: str
    length: Length | None = None
    polls: int | None = None
    message: str = ""


Stages = tuple[Stage, ...]


def even(stages: Stages) -> bool:
    """Whether nothing of these stages is left to chance: every task's plan is the same."""
    return all(stage.length is None or stage.length.is_fixed for stage in stages)


def draw(stages: Stages, chance: Chance) -> Plan:
    """A plan for one task."""
    return tuple([
        Step(stage.status, stage.length.draw_ms(chance) if stage.length else None, stage.polls, stage.message)
        for stage in stages
    ])  # fmt: skip


class Mark(NamedTuple):
    """From this moment the task has this status."""

    status: str
    at_ms: int
    message: str = ""


Timeline = tuple[Mark, ...]


def unfold(plan: Sequence[Step], born_ms: int, polls: Sequence[int] = (), moves: Sequence[Mark] = ()) -> Timeline:
    """The marks of a task as far as they are known: from `plan`, the times it was polled, and a person's `moves`."""
    marks = _from_plan(plan, born_ms, polls)
    for move in moves:
        marks = [mark for mark in marks if mark.at_ms <= move.at_ms]
        rest = [
            step for index, step in enumerate(plan) if any(step.status == move.status for step in plan[: index + 1])
        ]
        following = _from_plan(rest, move.at_ms, polls)[1:] if rest else []
        marks = [*marks, move, *following]
    return tuple(marks)


def _from_plan(plan: Sequence[Step], start_ms: int, polls: Sequence[int]) -> list[Mark]:
    marks: list[Mark] = []
    at_ms: int | None = start_ms
    used = 0  # polls that belong to states already left
    for step in plan:
        if at_ms is None:
            break
        marks.append(Mark(step.status, at_ms, step.message))
        if step.lasts_ms is not None:
            at_ms += step.lasts_ms
        elif step.polls is not None:
            used = max(used, bisect_left(polls, at_ms)) + step.polls
            at_ms = polls[used - 1] if step.polls and used <= len(polls) else None if step.polls else at_ms
        else:
            at_ms = None
    return marks


def at(marks: Timeline, now_ms: int) -> Mark:
    """The mark that holds now; the first one also before its time."""
    for mark in reversed(marks):
        if mark.at_ms <= now_ms:
            return mark
    return marks[0]
