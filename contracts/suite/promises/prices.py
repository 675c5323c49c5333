"""What tasks cost, in units of the account's packs."""

from typing import Any

from contracts.suite import bodies
from contracts.suite.accounts import Account
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken, NotShown
from contracts.suite.judging import accepted
from contracts.suite.lives import status_of
from contracts.suite.outcome import units
from contracts.suite.registry import promise
from contracts.suite.stage import Stage
from contracts.suite.waiting import until_ended

PRICES = "#/paths/~1v1~1videos~1multi-image2video/post/x-kling-units"
LAG_MS = 13 * 3_600_000
"""Packs may tell what they told twelve hours ago (kling-facts 6.3)."""


@promise(PRICES, costs=True)
def a_finished_task_costs_what_the_price_list_says(stage: Stage) -> None:
    """By model, mode and length, defaults filled in; as text."""
    for life in stage.ended(stage.paper.life["success"]):
        assert life.final is not None
        told, price = life.final.task.get("final_unit_deduction"), stage.paper.units(life.body)
        if units(told) != price:
            raise Broken(f'final_unit_deduction: "{price}"', f"{told!r} for {life.name}", life.final)


@promise("#/components/schemas/Task/allOf/1", costs=True)
def a_failed_task_costs_nothing(stage: Stage) -> None:
    """Whatever it failed of."""
    for life in stage.ended(stage.paper.life["failure"]):
        assert life.final is not None
        told = life.final.task.get("final_unit_deduction")
        if units(told) != 0:
            raise Broken('final_unit_deduction: "0"', repr(told), life.final)


@promise("#/components/schemas/Task/allOf/2", costs=True)
def an_unfinished_task_has_cost_nothing_yet(stage: Stage) -> None:
    """The final deduction is told when it is final."""
    for life in stage.lives:
        for look in life.seen:
            told = look.task.get("final_unit_deduction")
            if status_of(look.task) not in stage.paper.ends and units(told) != 0:
                raise Broken(f"no final_unit_deduction while {status_of(look.task)!r}", repr(told), look)


@promise("#/components/schemas/Costs")
def packs_hold_no_more_than_was_bought(stage: Stage) -> None:
    """What remains of a pack lies between nothing and its total; its times are in order."""
    costs = _wealthy(stage).costs()
    for pack in packs_of(costs):
        if not 0 <= pack.get("remaining_quantity", 0) <= pack.get("total_quantity", 0):
            raise Broken("0 ≤ remaining_quantity ≤ total_quantity", pack, costs)
        if pack.get("effective_time", 0) > pack.get("invalid_time", 0):
            raise Broken("effective_time not after invalid_time", pack, costs)


@promise("#/paths/~1account~1costs/get/parameters/2")
def packs_are_told_by_their_name(stage: Stage) -> None:
    """Asked for one, the others are left out."""
    account = stage.fresh(balance="100")
    whole = _packs(stage, account.costs())
    if not whole:
        raise NotShown("an account with units shows no pack")
    for name in (whole[0], f"no {whole[0]}"):
        span = {"start_time": 0, "end_time": int(account.passing.now_ms())}
        told = account.costs({**span, "resource_pack_name": name})
        wish = [each for each in whole if each == name]
        if _packs(stage, told) != wish:
            raise Broken(f"the packs named {name!r}: {wish}", told.said, told)


@promise("#/components/schemas/Costs", costs=True)
def a_pack_shrinks_by_what_its_tasks_cost(stage: Stage) -> None:
    """Once it has caught up, by the price of what succeeded, and by nothing for what failed."""
    account = stage.fresh(balance="100")
    modes = stage.paper.request["properties"]["mode"]["enum"]
    wishes = [{**wish, "mode": mode} for mode in modes for wish in (bodies.sound(), bodies.doomed())]
    births = [account.create(wish) for wish in wishes]
    for born in births:
        accepted(born, stage.paper, "the balance suffices", affordable=True)
    looks = until_ended(stage, account, *births)
    good = [
        wish for wish, look in zip(wishes, looks, strict=True) if status_of(look.task) == stage.paper.life["success"]
    ]
    account.passing.pass_ms(LAG_MS)
    costs = account.costs()
    packs = packs_of(costs)
    if not packs:
        raise NotShown("an account with units shows no pack")
    price, paid = sum(map(stage.paper.units, good)), sum(p["total_quantity"] - p["remaining_quantity"] for p in packs)
    if paid != price:
        raise Broken(f"{price} units less than were bought", f"{paid} units less", costs)


def _wealthy(stage: Stage) -> Account:
    """An account that surely has a pack, where one can be made; else the usual one."""
    try:
        return stage.fresh(balance="100")
    except NotShown:
        return stage.account


def _packs(stage: Stage, costs: Exchange) -> list[str]:
    accepted(costs, stage.paper)
    return [pack["resource_pack_name"] for pack in packs_of(costs)]


def packs_of(costs: Exchange) -> list[dict[str, Any]]:
    """The packs of an account, as far as there are any."""
    packs = costs.task.get("resource_pack_subscribe_infos")
    return packs if isinstance(packs, list) else []
