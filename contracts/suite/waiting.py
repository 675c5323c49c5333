"""Waits for tasks to end."""

from contracts.suite.accounts import Account
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken, NotShown
from contracts.suite.lives import status_of
from contracts.suite.stage import Stage


def until_ended(stage: Stage, account: Account, *births: Exchange) -> list[Exchange]:
    """The look at each of these tasks that saw it ended. Raises NotShown when that takes too long, and Broken when it
    takes hours where they pass at once."""
    ids = [str(born.task.get("task_id")) for born in births]
    late, looks = ids, dict[str, Exchange]()
    for step in account.passing.steps(stage.options.patience_s):
        looks |= {id: account.query(id) for id in late}
        late = [id for id in late if status_of(looks[id].task) not in stage.paper.ends]
        if not late:
            return [looks[id] for id in ids]
        account.passing.pass_ms(step)
    if account.passing.exact:
        raise Broken("every task ends", f"{late[0]} did not, after hours", looks[late[0]])
    raise NotShown(f"not all tasks ended within {stage.options.patience_s:g} s; --patience waits longer")
