"""Lies about the life of a task."""

from suite.liars.telling import TERMINAL, answers, failing, tells, videos


@tells("a_new_task_is_submitted", "submit")
def new_tasks_are_processing(task, call):
    task["task_status"] = "processing"


@tells("statuses_are_words_of_the_lifecycle", "read", "list")
def success_is_spelt_succeeded(task, call):
    task["task_status"] = task["task_status"].replace("succeed", "succeeded")


@tells("statuses_are_words_of_the_lifecycle", "read")
def tasks_are_queued_first(task, call):
    task["task_status"] = task["task_status"].replace("submitted", "queued")


@tells("statuses_only_move_along_the_lifecycle", "read")
def ended_tasks_are_processing_now_and_then(task, call):
    call.memory[call.path] = call.memory.get(call.path, 0) + (task["task_status"] in TERMINAL)
    if call.memory[call.path] == 2:
        task["task_status"] = "processing"
        task.pop("task_result", None)


@tells("statuses_only_move_along_the_lifecycle", "read")
def processing_tasks_are_submitted_again(task, call):
    call.memory[call.path] = call.memory.get(call.path, 0) + (task["task_status"] == "processing")
    if call.memory[call.path] == 3:
        task["task_status"] = "submitted"


@tells("an_ended_task_never_changes", "read")
def ended_tasks_are_touched_at_each_look(task, call):
    if task["task_status"] in TERMINAL:
        call.memory[call.path] = call.memory.get(call.path, 0) + 1
        task["updated_at"] += call.memory[call.path]


@tells("an_ended_task_never_changes", "read")
def results_move(task, call):
    call.memory["n"] = call.memory.get("n", 0) + 1
    for video in videos(task):
        video["url"] += str(call.memory["n"])


@tells("every_task_comes_to_an_end", "read", "list")
def nothing_ever_ends(task, call):
    if task["task_status"] in TERMINAL:
        task["task_status"] = "processing"
        for key in ("task_result", "final_unit_deduction"):
            task.pop(key, None)


@tells("only_a_failure_has_a_reason", "read", "list")
def failures_give_no_reason(task, call):
    failing(task)
    task["task_status_msg"] = ""


@tells("only_a_failure_has_a_reason", "read", "list")
def successes_give_a_reason(task, call):
    if task["task_status"] == "succeed":
        task["task_status_msg"] = "all went well"


@answers("an_ended_task_is_remembered", "read")
def records_are_gone_after_some_looks(call, reply):
    for task in reply.tasks:
        looks = call.memory[task["task_id"]] = call.memory.get(task["task_id"], 0) + (task["task_status"] in TERMINAL)
        if looks > 4:
            reply.refuse(400, 1201)


@tells("only_a_failure_has_a_reason", "submit")
def creates_have_a_reason(task, call):
    task["task_status_msg"] = "queued"


@answers("an_ended_task_is_remembered", "read")
def failures_are_tried_again(call, reply):
    for task in reply.tasks:
        looks = call.memory[task["task_id"]] = call.memory.get(task["task_id"], 0) + 1
        if task["task_status"] == "failed" and looks > 9:
            task["task_status"] = "processing"
