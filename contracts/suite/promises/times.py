"""Times of a task: milliseconds of a clock that never goes back."""

from itertools import pairwise

from contracts.suite.findings import Broken, NotShown
from contracts.suite.judging import fits
from contracts.suite.lives import Life
from contracts.suite.registry import promise
from contracts.suite.stage import Stage

BOTH = ("created_at", "updated_at")
CLOCKS_APART_MS = 10 * 60 * 1000
"""How far the service's clock may be from ours; more is a wrong time zone or a wrong unit."""
JITTER_MS = 400
"""How exactly two clocks can be compared over a network."""


@promise("#/components/schemas/Milliseconds", costs=True)
def times_are_whole_milliseconds(stage: Stage) -> None:
    """A JSON integer of thirteen digits: no text, no fraction, no seconds."""
    for life in stage.lives:
        for look in life.seen:
            for name in BOTH:
                if type(look.task.get(name)) is not int:  # to a schema, 1.0 is an integer too
                    raise Broken(f"{name}: an integer", repr(look.task.get(name)), look)
                fits(look.task.get(name), stage.paper.tolerant("#/components/schemas/Milliseconds"), name, look)


@promise("#/components/schemas/NewTask/properties/created_at", costs=True)
def a_task_is_born_when_it_is_created(stage: Stage) -> None:
    """`created_at` is the moment of the create call."""
    slack = JITTER_MS if stage.account.passing.exact else CLOCKS_APART_MS
    for life in stage.lives:
        told = _ms(life, 0)
        if not life.born.asked_ms - slack <= told <= life.born.told_ms + slack:
            wish = f"created_at about {life.born.asked_ms:.0f}, when the call was made"
            raise Broken(wish, f"{told:.0f}, {(told - life.born.asked_ms) / 1000:+.1f} s off", life.born)


@promise("#/components/schemas/Task/properties/created_at", costs=True)
def created_at_never_moves(stage: Stage) -> None:
    """The create call and every query tell the same."""
    for life in stage.lives:
        for look in life.seen:
            if look.task.get("created_at") != life.born.task.get("created_at"):
                raise Broken(f"created_at {life.born.task.get('created_at')}", look.task.get("created_at"), look)


@promise("#/components/schemas/Task/properties/created_at", costs=True)
def tasks_are_born_in_the_order_of_their_creates(stage: Stage) -> None:
    """A later create has no earlier `created_at`."""
    for one, next_one in pairwise(stage.lives):
        if _ms(next_one, 0) < _ms(one, 0):
            raise Broken(f"created_at not before {_ms(one, 0):.0f}", f"{_ms(next_one, 0):.0f}", next_one.born)


@promise("#/components/schemas/Task/properties/updated_at", costs=True)
def updated_at_never_goes_back(stage: Stage) -> None:
    """It begins at `created_at` and only grows."""
    for life in stage.lives:
        latest = _ms(life, 0)
        for look in life.seen:
            now = _number(look.task.get("updated_at"))
            if now < latest:
                raise Broken(f"updated_at not before {latest:.0f}", f"{now:.0f}", look)
            latest = now


@promise("#/components/schemas/Task/properties/updated_at", costs=True)
def updated_at_moves_with_the_status(stage: Stage) -> None:
    """It lies after the last look that saw the old status, and not after the first that saw the new one."""
    moved = False
    for life in stage.lives:
        offset = 0.0 if stage.account.passing.exact else _ms(life, 0) - life.born.asked_ms
        for before, after in pairwise(life.seen):
            if before.task.get("task_status") == after.task.get("task_status"):
                continue
            moved = True
            told = _number(after.task.get("updated_at")) - offset
            if told < before.asked_ms - JITTER_MS:
                raise Broken(
                    "updated_at after the last look that saw the old status",
                    f"{before.asked_ms - told:.0f} ms before it",
                    after,
                )
            if stage.account.passing.exact and told > after.told_ms:
                raise Broken(
                    "updated_at not after the look that tells it", f"{told - after.told_ms:.0f} ms after it", after
                )
    if not moved:
        raise NotShown("no task was seen to move")


def _ms(life: Life, look: int) -> float:
    return _number(life.seen[look].task.get("created_at"))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
