"""Which status holds at which time: a plan made at birth, unfolded into marks on the sandbox's axis.

A plan says how long each state lasts: some milliseconds, a number of polls, or until a person moves it on. Unfolding is
pure: the same plan, birth, polls and interventions always give the same marks.
"""

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
    for step in plan:
        if at_ms is None:
            break
        marks.append(Mark(step.status, at_ms, step.message))
        at_ms = at_ms + step.lasts_ms if step.lasts_ms is not None else _left_at(step, at_ms, polls)
    return marks


def _left_at(step: Step, entered_ms: int, polls: Sequence[int]) -> int | None:
    """When a state without a length of its own is left: with its last poll, or not by itself."""
    if step.polls is not None:
        seen = [poll for poll in polls if poll >= entered_ms]
        return seen[step.polls - 1] if len(seen) >= step.polls else None
    return None


def at(marks: Timeline, now_ms: int) -> Mark:
    """The mark that holds now; the first one also before its time."""
    for mark in reversed(marks):
        if mark.at_ms <= now_ms:
            return mark
    return marks[0]
