"""What a service writes to a task's `callback_url`."""

from collections.abc import Iterator
from typing import Any

from contracts.suite import bodies
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken, NotShown
from contracts.suite.judging import accepted, difference, fits, plain
from contracts.suite.lives import Life, status_of
from contracts.suite.outcome import videos_of
from contracts.suite.postbox import Letter
from contracts.suite.registry import promise
from contracts.suite.stage import Stage
from contracts.suite.waiting import until_ended

CALLBACK = "#/paths/~1v1~1videos~1multi-image2video/post/callbacks/task_changed"
BODY = "#/components/schemas/Task"


def _shown(life: Life) -> Exchange:
    """What makes the service write: the create call."""
    return life.born


def _writers(stage: Stage) -> list[Life]:
    """The ended tasks that asked for callbacks. Raises NotShown."""
    if stage.letters is None:
        raise NotShown("the service is not on this machine, so it could not reach a receiver here")
    found = [life for life in stage.ended() if life.called_back]
    if not found:
        raise NotShown("no task with a callback_url ended")
    return found


def _letters(stage: Stage) -> Iterator[tuple[Life, Letter]]:
    """Every callback that came. Raises NotShown when none did."""
    some = False
    for life in _writers(stage):
        for letter in life.letters:
            some = True
            yield life, letter
    if not some:
        raise NotShown("no callback came at all")


@promise(CALLBACK, costs=True)
def the_end_of_a_task_is_called_back(stage: Stage) -> None:
    """Whoever gave a callback_url hears of the end."""
    for life in _writers(stage):
        if not any(status_of(letter.task) in stage.paper.ends for letter in life.letters):
            came = ", ".join(repr(status_of(letter.task)) for letter in life.letters) or "nothing"
            raise Broken(f"a callback when the task had ended, at {life.body['callback_url']}", came, _shown(life))


@promise(CALLBACK, costs=True)
def every_task_of_an_address_is_called_back(stage: Stage) -> None:
    """Most clients give one address for all they make."""
    if stage.letters is None:
        raise NotShown("the service is not on this machine, so it could not reach a receiver here")
    address = stage.letters.address(stage.name())
    births = [stage.settled(stage.account, {**bodies.sound(), "callback_url": address}) for _ in range(2)]
    for born in births:
        accepted(born, stage.paper)
    until_ended(stage, stage.account, *births)
    stage.letters.settle()
    told = {letter.task.get("task_id") for letter in stage.letters.at(address)}
    for born in births:
        if born.task.get("task_id") not in told:
            raise Broken(f"callbacks about {born.task.get('task_id')}", f"callbacks about {told or 'nothing'}", born)


@promise(CALLBACK, costs=True)
def a_callback_is_a_post_of_the_bare_task(stage: Stage) -> None:
    """JSON by POST, the task itself, without an envelope around it."""
    for life, letter in _letters(stage):
        if letter.method != "POST":
            raise Broken("POST", letter.method, _shown(life))
        if not letter.headers.get("content-type", "").lower().startswith("application/json"):
            raise Broken("content-type: application/json", letter.headers.get("content-type"), _shown(life))
        if enveloped := {"code", "data", "request_id"} & letter.task.keys():
            raise Broken("the bare task, without an envelope", f"keys {', '.join(sorted(enveloped))}", _shown(life))
        fits(letter.content, stage.paper.tolerant(BODY), "callback", _shown(life))


@promise(CALLBACK, costs=True)
def callbacks_arrive_in_the_order_of_the_lifecycle(stage: Stage) -> None:
    """Nobody hears of the end before the beginning."""
    for life in _writers(stage):
        before = stage.paper.life["initial"]
        for letter in life.letters:
            now = status_of(letter.task)
            if now not in stage.paper.reachable.get(before, (now,)):
                raise Broken(f"a callback onward from {before!r}", repr(now), _shown(life))
            before = now


@promise(CALLBACK, costs=True)
def no_change_is_called_back_twice(stage: Stage) -> None:
    """Our receiver answers 200 at once, so there is nothing to repeat."""
    for life in _writers(stage):
        told = [status_of(letter.task) for letter in life.letters]
        if len(told) != len(set(told)):
            raise Broken("one callback a change", ", ".join(told), _shown(life))


@promise(CALLBACK, costs=True)
def a_callback_is_about_the_task_that_asked_for_it(stage: Stage) -> None:
    """Each address hears of its own task, by both its names."""
    for life, letter in _letters(stage):
        info = letter.task.get("task_info")
        told = (letter.task.get("task_id"), info.get("external_task_id") if isinstance(info, dict) else None)
        if told != (life.id, life.external_id):
            raise Broken(
                f"a callback about {life.id} ({life.external_id})", f"one about {told[0]} ({told[1]})", _shown(life)
            )


@promise(CALLBACK, costs=True)
def callbacks_agree_with_queries(stage: Stage) -> None:
    """What a callback says, a query says too; and no later query knows less than an earlier callback."""
    for life, letter in _letters(stage):
        status, final = status_of(letter.task), life.final
        ended = final is not None and status in stage.paper.ends
        if final and ended and (changed := difference(*_common(plain(final.task), plain(letter.task)), "callback")):
            raise Broken("what the query says", changed, final)
        for look in life.looks:
            alike = look.accepted and status_of(look.task) == status and not ended
            if alike and (changed := difference(*_common(_timeless(look.task), _timeless(letter.task)), "callback")):
                raise Broken("what a query says of the same status", changed, look)
            behind = status_of(look.task) not in stage.paper.reachable.get(status, ())
            if look.accepted and look.began_s > letter.arrived_s and behind:
                raise Broken(f"{status!r} or onward, for a callback had told it", repr(status_of(look.task)), look)


@promise("#/components/schemas/Task/allOf", costs=True)
def a_callback_of_the_end_tells_what_came_of_it(stage: Stage) -> None:
    """The videos when the task succeeded, a watermarked link only where one was asked for; the reason when it failed."""
    life = stage.paper.life
    for sender, letter in _letters(stage):
        status, message = status_of(letter.task), letter.task.get("task_status_msg")
        if (status == life["success"]) != bool(videos_of(letter.task)):
            raise Broken(
                "videos with success and only then", f"{status}: {letter.task.get('task_result')}", _shown(sender)
            )
        if not sender.watermarked and any(video.get("watermark_url") for video in videos_of(letter.task)):
            raise Broken("no watermark_url, for none was asked for", str(letter.task["task_result"]), _shown(sender))
        if (status == life["failure"]) != bool(message):
            raise Broken("a reason with a failure and only then", f"{status}: {message!r}", _shown(sender))


def _timeless(task: dict[str, Any]) -> dict[str, Any]:
    """A task that is still under way, without the time of its last change, which may go on."""
    return {key: value for key, value in plain(task).items() if key != "updated_at"}


def _common(one: Any, other: Any) -> tuple[Any, Any]:
    """Two values without the keys that only one of them has: how much a callback tells is left open."""
    if isinstance(one, dict) and isinstance(other, dict):
        both = {key: _common(one[key], other[key]) for key in one if key in other}
        return {key: pair[0] for key, pair in both.items()}, {key: pair[1] for key, pair in both.items()}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [_common(*pair) for pair in zip(one, other, strict=True)]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return one, other


@promise(f"{BODY}/properties/updated_at", costs=True)
def callbacks_tell_when_it_happened(stage: Stage) -> None:
    """`created_at` is that of the task, and `updated_at` grows from callback to callback."""
    for life in _writers(stage):
        latest = 0
        for letter in life.letters:
            created, updated = letter.task.get("created_at"), letter.task.get("updated_at")
            if created != life.born.task.get("created_at") or not isinstance(created, int):
                raise Broken(f"created_at {life.born.task.get('created_at')}", created, _shown(life))
            latest = max(latest, created)
            if not isinstance(updated, int) or updated < latest:
                raise Broken(f"updated_at not before {latest}", updated, _shown(life))
            latest = updated
