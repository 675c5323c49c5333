"""Waits for tasks to end."""

from contracts.suite.accounts import Account
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken, NotShown
from contracts.suite.lives import status_of
from contracts.suite.stage import Stage


def until_ended(stage: Stage, account: Account, *births: Exchange) -> list[Exchange]:
    """The look at each of these tasks that saw it ended. Raises NotShown when that takes too long, and Broken when it
    takes hours where they pass at once."""
    ended: dict[str, Exchange] = {}
    ids = [str(born.task.get("task_id")) for born in births]
    for step in account.passing.steps(stage.options.patience_s):
        for id in ids:
            if id not in ended and status_of((look := account.query(id)).task) in stage.paper.ends:
                ended[id] = look
        if len(ended) == len(ids):
            return [ended[id] for id in ids]
        account.passing.pass_ms(step)
    if account.passing.exact:
        late = next(id for id in ids if id not in ended)
        raise Broken("every task ends", f"{late} did not, after hours", account.query(late))
    raise NotShown(f"not all tasks ended within {stage.options.patience_s:g} s; --patience waits longer")
