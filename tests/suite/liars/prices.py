"""Lies about what tasks cost."""

import re

from suite.liars.telling import answers, asks, failing, tells


@tells("a_finished_task_costs_what_the_price_list_says", "read")
def everything_costs_two(task, call):
    if "final_unit_deduction" in task:
        task["final_unit_deduction"] = "2"


@tells("a_finished_task_costs_what_the_price_list_says", "read")
def prices_are_numbers(task, call):
    if "final_unit_deduction" in task:
        task["final_unit_deduction"] = float(task["final_unit_deduction"])


@tells("a_finished_task_costs_what_the_price_list_says", "read")
def prices_are_not_told(task, call):
    task.pop("final_unit_deduction", None)


@tells("a_failed_task_costs_nothing", "read")
def failures_cost_too(task, call):
    price = task.get("final_unit_deduction")
    failing(task)
    if price:
        task["final_unit_deduction"] = price


@tells("an_unfinished_task_has_cost_nothing_yet", "read")
def prices_are_told_at_once(task, call):
    task.setdefault("final_unit_deduction", "2")


@asks("packs_are_told_by_their_name")
def costs_tell_every_pack_whatever_the_name(call):
    if call.action == "costs":
        call.query = re.sub("&resource_pack_name=[^&]*", "", call.query)


@answers("packs_hold_no_more_than_was_bought", "costs")
def packs_hold_more_than_was_bought(call, reply):
    for pack in reply.content.get("data", {}).get("resource_pack_subscribe_infos", []):
        pack["remaining_quantity"] = pack["total_quantity"] + 1


@answers("a_pack_shrinks_by_what_its_tasks_cost", "costs")
def packs_never_shrink(call, reply):
    for pack in reply.content.get("data", {}).get("resource_pack_subscribe_infos", []):
        pack["remaining_quantity"] = pack["total_quantity"]


@answers("a_pack_shrinks_by_what_its_tasks_cost", "read", "costs")
def failed_tasks_are_paid_for(call, reply):
    failed = call.memory.setdefault("failed", set())
    failed |= {task["task_id"] for task in reply.tasks if task["task_status"] == "failed"}
    if call.action == "costs":
        for pack in reply.content.get("data", {}).get("resource_pack_subscribe_infos", []):
            pack["remaining_quantity"] -= 2 * len(failed)


@tells("an_unfinished_task_has_cost_nothing_yet", "submit")
def creates_tell_the_price(task, call):
    task["final_unit_deduction"] = "2"
