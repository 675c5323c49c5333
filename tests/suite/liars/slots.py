"""Lies about how much may go on at once, and be paid."""

from suite.liars.telling import TERMINAL, answers
from suite.proxy import Call, Reply


def refuses_ever_after(call: Call, reply: Reply, code: int) -> None:
    """Whoever was told this once is told nothing else."""
    call.memory[code] = call.memory.get(code) or reply.content["code"] == code
    if call.memory[code]:
        reply.refuse(429, code)


@answers("full_slots_refuse_a_create", "submit")
def full_slots_are_a_503(call, reply):
    if reply.content["code"] == 1303:
        reply.refuse(503, 5001)


@answers("full_slots_refuse_a_create", "submit")
def slots_are_never_full(call, reply):
    if reply.content["code"] == 1303:
        reply.status, reply.content = 200, call.memory["created"]
    elif reply.ok:
        call.memory["created"] = reply.content


@answers("queries_need_no_slot")
def queries_need_a_slot(call, reply):
    if reply.content["code"] == 1303:
        call.memory["full"] = True
    elif call.memory.get("full") and call.action in ("read", "list"):
        reply.refuse(429, 1303)


@answers("queries_need_no_slot", "submit")
def slots_are_judged_before_parameters(call, reply):
    refuses_ever_after(call, reply, 1303)


@answers("an_ended_task_frees_its_slot", "submit")
def slots_are_never_freed(call, reply):
    refuses_ever_after(call, reply, 1303)


@answers("an_ended_task_frees_its_slot", "submit", "read")
def failed_tasks_keep_their_slot(call, reply):
    failed = call.memory.setdefault("failed", set())
    failed |= {task["task_id"] for task in reply.tasks if task["task_status"] == "failed"}
    if call.action == "submit" and failed:
        call.memory["since"] = call.memory.get("since", 0) + 1
        if call.memory["since"] + len(failed) > 3:
            reply.refuse(429, 1303)


@answers("an_empty_balance_refuses_a_create", "submit")
def an_empty_balance_is_402(call, reply):
    if reply.content["code"] == 1102:
        reply.status = 402


@answers("an_empty_balance_refuses_a_create", "submit")
def balances_are_endless(call, reply):
    if reply.content["code"] == 1102:
        reply.status, reply.content = 200, call.memory["created"]
    elif reply.ok:
        call.memory["created"] = reply.content


@answers("a_failed_task_gives_its_units_back", "submit", "read")
def failed_tasks_keep_their_units(call, reply):
    call.memory["failed"] = call.memory.get("failed") or any(task["task_status"] == "failed" for task in reply.tasks)
    if call.action == "submit" and call.memory["failed"]:
        reply.refuse(429, 1102)


@answers("an_empty_balance_refuses_a_create", "submit", "read")
def ended_tasks_give_their_units_back(call, reply):
    last = call.memory.setdefault("last", {})
    last |= next(iter(reply.tasks), {})
    if reply.content["code"] == 1102 and last.get("task_status") in TERMINAL:
        reply.accept()


@answers("full_slots_refuse_a_create", "submit")
def refused_creates_take_a_slot(call, reply):
    call.memory["taken"] = call.memory.get("taken", 0) + (reply.content["code"] in (0, 1201))
    if reply.ok and call.memory["taken"] > 3:
        reply.refuse(429, 1303)


@answers("an_empty_balance_refuses_a_create", "submit")
def balances_are_judged_before_bodies(call, reply):
    refuses_ever_after(call, reply, 1102)


@answers("full_slots_refuse_a_create", "submit")
def each_credential_has_slots_of_its_own(call, reply):
    if "api-key" in call.headers.get("authorization", "") and reply.content["code"] == 1303:
        reply.accept()


@answers("an_ended_task_frees_its_slot", "submit")
def who_found_no_slot_has_used_its_name(call, reply):
    used = call.memory.setdefault("used", set())
    if reply.ok and call.name in used:
        reply.refuse(400, 1201)
    if reply.content["code"] == 1303:
        used.add(call.name)
