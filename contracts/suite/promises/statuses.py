"""The life of a task: where it may go, and that its end is one."""

from typing import Any

from contracts.suite import bodies
from contracts.suite.accounts import Account
from contracts.suite.findings import Broken, NotShown
from contracts.suite.judging import accepted, difference, plain
from contracts.suite.lives import status_of
from contracts.suite.registry import promise
from contracts.suite.stage import Stage
from contracts.suite.waiting import until_ended

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@promise("#/components/schemas/NewTask/properties/task_status", costs=True)
def a_new_task_is_submitted(stage: Stage) -> None:
    """The create call tells where every life begins."""
    initial = stage.paper.life["initial"]
    for life in stage.lives:
        if life.born.task.get("task_status") != initial:
            raise Broken(f"task_status: {initial}", life.born.task.get("task_status"), life.born)


@promise("#/components/schemas/TaskStatus", costs=True)
def statuses_are_words_of_the_lifecycle(stage: Stage) -> None:
    """Four words, spelt as the document spells them."""
    for life in stage.lives:
        for look in life.seen:
            if look.task.get("task_status") not in stage.paper.statuses:
                raise Broken(f"one of {', '.join(stage.paper.statuses)}", repr(look.task.get("task_status")), look)


@promise("#/x-kling-lifecycle/steps", costs=True)
def statuses_only_move_along_the_lifecycle(stage: Stage) -> None:
    """Nothing goes back, nothing leaves its end; a look may miss a step."""
    for life in stage.lives:
        before = str(stage.paper.life["initial"])
        for look in life.looks:
            now = status_of(look.task)
            if now and now not in stage.paper.reachable.get(before, (now,)):
                raise Broken(f"a step onward from {before}", now, look)
            before = now or before


@promise("#/x-kling-lifecycle/steps", costs=True)
def an_ended_task_never_changes(stage: Stage) -> None:
    """Each later look tells exactly the same; only links may be signed anew."""
    for life in stage.ended():
        assert life.final is not None
        for look in life.looks[life.looks.index(life.final) + 1 :]:
            if changed := difference(plain(life.final.task), plain(look.task)):
                raise Broken("the task as it was at its end", changed, look)


@promise("#/x-kling-limits/result_retention_ms", costs=True)
def an_ended_task_is_remembered(stage: Stage) -> None:
    """To the last hour of its files all of it, and beyond them that it was."""
    account, kept_ms = stage.fresh(concurrency=10), stage.paper.limit("result_retention_ms")
    wishes = (bodies.sound(), bodies.doomed())
    births = [account.create({**wish, "external_task_id": stage.name()}) for wish in wishes]
    for born in births:
        accepted(born, stage.paper)
    known = [plain(ended.task) for ended in until_ended(stage, account, *births)]
    for passed_ms, gone in ((kept_ms - HOUR_MS, ""), (HOUR_MS + DAY_MS, "task_result")):
        account.passing.pass_ms(passed_ms)
        for task in known:
            _still_told(stage, account, {key: value for key, value in task.items() if key != gone})


def _still_told(stage: Stage, account: Account, known: dict[str, Any]) -> None:
    """What is known of a task is told by every call."""
    names = (known.get("task_id"), (known.get("task_info") or {}).get("external_task_id"))
    for look in (*(account.query(str(name)) for name in names), account.list()):
        accepted(look, stage.paper, "the task exists")
        listed = (task for task in look.tasks if task.get("task_id") == known.get("task_id"))
        told = plain(look.task or next(listed, {}))
        if changed := difference(known, {key: told.get(key) for key in known}, "the task"):
            raise Broken("the task as it was at its end", changed, look)


@promise("#/x-kling-lifecycle", costs=True)
def every_task_comes_to_an_end(stage: Stage) -> None:
    """Given hours, a task ends; how long it takes is nowhere promised."""
    for life in stage.lives:
        if life.final is None and stage.account.passing.exact:
            raise Broken(
                f"one of {', '.join(sorted(stage.paper.ends))} in the end", "still not, after hours", life.looks[-1]
            )
        if life.final is None:
            raise NotShown(f"a task had not ended after {stage.options.patience_s:g} s; --patience waits longer")


@promise("#/x-kling-lifecycle/failures", costs=True)
def only_a_failure_has_a_reason(stage: Stage) -> None:
    """A task that failed says why; one that did not has nothing to say."""
    failure = stage.paper.life["failure"]
    for life in stage.lives:
        for look in life.seen:
            message, failed = look.task.get("task_status_msg"), status_of(look.task) == failure
            if failed and not (isinstance(message, str) and message.strip()):
                raise Broken("task_status_msg with a reason, for the task failed", repr(message), look)
            if not failed and message not in (None, ""):
                raise Broken("no task_status_msg, for the task did not fail", repr(message), look)
