"""Two accounts on one service never meet."""

from contracts.suite import bodies
from contracts.suite.findings import Broken, NotShown
from contracts.suite.judging import accepted, refused
from contracts.suite.lives import Life
from contracts.suite.registry import promise
from contracts.suite.stage import Stage


def _named(stage: Stage) -> Life:
    stranger = stage.stranger
    assert stranger is not stage.account
    for life in stage.lives:
        if life.external_id:
            return life
    raise NotShown("no task with an external id could be made")


@promise("#/x-kling-messages/situations/task_not_found", costs=True)
def a_stranger_cannot_query_a_task(stage: Stage) -> None:
    """To another account a task is unknown, by either name."""
    life = _named(stage)
    for id in (str(life.id), life.external_id):
        refused(stage.stranger.query(id), stage.paper.verdicts("task_not_found"), "the task is another account's")


@promise("#/paths/~1v1~1videos~1multi-image2video/get", costs=True)
def a_stranger_does_not_see_a_task_in_the_list(stage: Stage) -> None:
    """A list holds the account's own tasks."""
    ours = {life.id for life in [_named(stage), *stage.lives]}
    listing = stage.stranger.list({"pageSize": 500})
    accepted(listing, stage.paper)
    if seen := ours & {str(task.get("task_id")) for task in listing.tasks}:
        raise Broken("only the account's own tasks", f"{', '.join(sorted(map(str, seen)))} of another account", listing)


@promise("#/components/schemas/ExternalTaskId", costs=True)
def external_ids_of_two_accounts_do_not_collide(stage: Stage) -> None:
    """They are unique within an account; another may use the same, and each finds its own."""
    life, stranger = _named(stage), stage.stranger
    theirs = stranger.create({**bodies.sound(), "external_task_id": life.external_id})
    accepted(theirs, stage.paper, "the external id is free in this account")
    for account, id in ((stranger, theirs.task.get("task_id")), (stage.account, life.id)):
        found = account.query(life.external_id)
        if found.task.get("task_id") != id:
            raise Broken(f"the account's own task {id}", found.said, found)
