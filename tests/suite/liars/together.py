"""Lies about everything at once."""

from suite.liars.telling import TERMINAL, answers, asks, tells


@tells("many_tasks_at_once_live_as_a_simple_model_says", "read")
def a_third_task_takes_the_first_one_s_price(task, call):
    met = call.memory.setdefault("met", [])
    if task["task_id"] not in met:
        met.append(task["task_id"])
    if met.index(task["task_id"]) >= 2 and "final_unit_deduction" in task:
        task["final_unit_deduction"] = "2" if task["final_unit_deduction"] != "2" else "4"


@answers("many_tasks_at_once_live_as_a_simple_model_says", "list")
def a_list_ends_after_three(call, reply):
    if reply.ok:
        del reply.content["data"][3:]


@answers("every_operation_takes_what_its_schema_allows", "costs")
def packs_cannot_be_asked_for_by_name(call, reply):
    if "resource_pack_name" in call.asked:
        reply.refuse(500, 5000)


@asks("every_operation_refuses_what_its_schema_forbids")
def any_word_is_taken_as_an_end(call):
    if call.action == "costs" and "end_time=" in call.query and not call.asked.get("end_time", "").isdigit():
        call.query = f"start_time={call.asked.get('start_time', '')}&end_time=1"


@tells("every_call_tells_the_same_of_a_task", "read")
def external_ids_tell_the_past(task, call):
    if not call.path.rpartition("/")[2].isdigit() and task["task_status"] == "processing":
        task |= {"task_status": "submitted", "updated_at": task["created_at"]}


@tells("every_call_tells_the_same_of_a_task", "list")
def lists_tell_the_past(task, call):
    if task["task_status"] == "processing":
        task |= {"task_status": "submitted", "updated_at": task["created_at"]}


@answers("every_call_tells_the_same_of_a_task", "list")
def lists_hold_ended_tasks_only(call, reply):
    if reply.ok:
        reply.content["data"] = [task for task in reply.tasks if task["task_status"] in TERMINAL]
