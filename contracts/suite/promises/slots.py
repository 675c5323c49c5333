"""How much may go on at once, and what an account can pay."""

from contracts.suite import bodies
from contracts.suite.accounts import Account
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import NotShown
from contracts.suite.judging import accepted, refused
from contracts.suite.lives import status_of
from contracts.suite.registry import promise
from contracts.suite.stage import Stage
from contracts.suite.waiting import until_ended

SLOTS = "#/x-kling-errors/too_many_parallel_tasks"
FEW = 3


def _full(stage: Stage) -> tuple[Account, Exchange]:
    """An account whose slots are all taken, and the create that was one too many, under a name of its own. Raises
    NotShown, Broken."""
    try:
        account, most = stage.fresh(concurrency=FEW), FEW
    except NotShown:
        account, most = stage.account, stage.paper.limit("parallel_tasks")
    account.probe(bodies.wrong())  # what is refused takes no slot
    for index in range(most):
        exchange = account.create(bodies.sound() if index else bodies.doomed())  # whoever fails lets go of its slot too
        if exchange.code == stage.paper.rows["too_many_parallel_tasks"].code and account is stage.account:
            break  # a smaller pack than the document's; or others use the account too
        accepted(exchange, stage.paper, "a slot is free", affordable=account is not stage.account)
    else:
        exchange = account.create({**bodies.sound(), "external_task_id": stage.name()})
    if exchange.accepted and account is stage.account:
        raise NotShown(f"the account takes more than {most} tasks at once, which its pack may allow")
    return account, exchange


@promise(SLOTS, costs=True)
def full_slots_refuse_a_create(stage: Stage) -> None:
    """As many unfinished tasks as the pack allows, and not one more, by whichever credential."""
    full = [stage.paper.rows["too_many_parallel_tasks"]]
    account, exchange = _full(stage)
    refused(exchange, full, "all slots are taken")
    if account.passing.exact:  # else a slot may be free by now
        by_key = account.probe(bodies.sound(), **account.by_static_key)
        one_kind = [stage.paper.rows["authorization_invalid"]]  # some services take only one kind of credential
        refused(by_key, full + one_kind, "all slots of the account are taken")


@promise(SLOTS, costs=True)
def queries_need_no_slot(stage: Stage) -> None:
    """While creates are refused, one can ask and list, and a bad body is still told to be bad."""
    account, _ = _full(stage)
    if not account.made:
        raise NotShown("others fill the account's slots")
    last = account.query(str(account.made[-1][1].task.get("task_id")))
    accepted(last, stage.paper, "a query needs no slot", affordable=True)
    accepted(account.list(), stage.paper, "a list needs no slot", affordable=True)
    bad = account.probe(bodies.wrong())
    refused(bad, stage.paper.verdicts("not_allowed"), "parameters are judged before the account's means")


@promise(SLOTS, costs=True)
def an_ended_task_frees_its_slot(stage: Stage) -> None:
    """When all have ended, however they did, there is room as before; also for whom there was none, by the same name."""
    account, refusal = _full(stage)
    until_ended(stage, account, *(born for _, born in account.made))
    accepted(account.probe(refusal.sent), stage.paper, "all tasks have ended", affordable=True)
    for _ in range(FEW - 1 if account is not stage.account else 0):
        accepted(account.create(bodies.sound()), stage.paper, "all tasks have ended", affordable=True)


@promise("#/x-kling-errors/resource_pack_exhausted", costs=True)
def an_empty_balance_refuses_a_create(stage: Stage) -> None:
    """The last unit may be spent, the one after it not."""
    price = stage.paper.units(bodies.sound())
    account = stage.fresh(balance=str(2 * price))
    births = [account.create(bodies.sound()) for _ in range(2)]
    for born in births:
        accepted(born, stage.paper, "the balance suffices", affordable=True)
    spent = [stage.paper.rows["resource_pack_exhausted"]]
    refused(account.create(bodies.sound()), spent, "the balance is spent")
    bad = account.probe(bodies.wrong())
    refused(bad, stage.paper.verdicts("not_allowed"), "parameters are judged before the account's means")
    until_ended(stage, account, *births)
    refused(account.create(bodies.sound()), spent, "the balance was spent on tasks that have ended")


@promise("#/components/schemas/Task/allOf/1", costs=True)
def a_failed_task_gives_its_units_back(stage: Stage) -> None:
    """What the last units failed to buy, they may buy after all."""
    account = stage.fresh(balance=str(stage.paper.units(bodies.sound())))
    born = account.create(bodies.doomed())
    accepted(born, stage.paper, "the balance suffices", affordable=True)
    (look,) = until_ended(stage, account, born)
    if status_of(look.task) != stage.paper.life["failure"]:
        raise NotShown("takes a task that fails when it is wished to")
    accepted(account.create(bodies.sound()), stage.paper, "a failed task costs nothing", affordable=True)
