"""Lies about names of tasks."""

from suite.liars.telling import answers, asks, changing, tells


@tells("task_ids_are_digit_strings")
def task_ids_are_numbers(task, call):
    task["task_id"] = int(task["task_id"])


@tells("task_ids_are_digit_strings")
def task_ids_have_a_prefix(task, call):
    task["task_id"] = f"task_{task['task_id']}"


@tells("no_two_tasks_share_an_id", "submit")
def creates_are_told_the_first_id(task, call):
    task["task_id"] = call.memory.setdefault("id", task["task_id"])


@answers("no_two_tasks_share_an_id", "submit")
def the_same_body_makes_the_same_task(call, reply):
    if reply.ok:
        reply.content = call.memory.setdefault(call.body, reply.content)


@tells("a_query_is_about_the_task_that_was_asked_for", "submit", "read")
def queries_answer_about_the_last_task(task, call):
    if call.action == "submit":
        call.memory.setdefault("seen", []).append(task["task_id"])
    elif task["task_id"] in call.memory["seen"]:
        task["task_id"] = call.memory["seen"][-1]


@answers("a_query_is_about_the_task_that_was_asked_for", "read")
def tasks_are_unknown_at_first(call, reply):
    if reply.ok and not call.memory.setdefault(call.path, 0):
        call.memory[call.path] = 1
        reply.refuse(400, 1201)


@tells("an_external_id_is_repeated", "read", "list")
def external_ids_are_forgotten(task, call):
    task["task_info"] = {}


@tells("an_external_id_is_repeated", "submit")
def creates_tell_another_external_id(task, call):
    if task["task_info"]:
        task["task_info"] = {"external_task_id": "x"}


@asks("a_task_is_found_by_its_external_id")
def external_ids_find_nothing(call):
    if call.action == "read" and not call.path.rpartition("/")[2].isdigit():
        call.path += "x"


@tells("a_task_is_found_by_its_external_id", "read")
def external_ids_find_another_task(task, call):
    if not call.path.rpartition("/")[2].isdigit():
        task["task_id"] = "866889456698785798"


@asks("an_external_id_serves_only_once")
def external_ids_serve_twice(call):
    if call.action == "submit" and call.name:
        met = call.memory.setdefault("met", set())
        if call.name in met:
            changing(call, external_task_id="")
        met.add(call.name)


@answers("an_external_id_serves_only_once", "submit")
def a_taken_external_id_is_409(call, reply):
    if "already exists" in reply.content["message"]:
        reply.status = 409


@answers("an_unknown_id_is_refused", "read")
def unknown_ids_are_404(call, reply):
    if not reply.ok and reply.content["code"] == 1201:
        reply.refuse(404, 1203)


@answers("an_unknown_id_is_refused", "read")
def unknown_ids_are_empty_successes(call, reply):
    if reply.content["code"] == 1201:
        reply.status = 200
        reply.content |= {"code": 0, "data": None}


@asks("an_external_id_in_other_letters_is_another")
def external_ids_are_found_in_any_letters(call):
    names = call.memory.setdefault("names", {})
    if call.action == "submit":
        names[call.name.lower()] = call.name
    if call.action == "read":
        stem, _, id = call.path.rpartition("/")
        call.path = f"{stem}/{names.get(id.lower(), id)}"


@answers("an_external_id_in_other_letters_is_another", "submit")
def external_ids_in_other_letters_are_taken(call, reply):
    names = call.memory.setdefault("names", set())
    if call.name and call.name.lower() in names:
        reply.refuse(400, 1201)
    names.add(call.name.lower())


@asks("an_external_id_may_be_any_text")
def external_ids_end_at_64_characters(call):
    if len(call.name) > 64:
        call.json = {**call.fields, "external_task_id": call.name[:64]}


@asks("an_external_id_may_be_any_text")
def external_ids_lose_their_accents(call):
    if call.action == "submit" and not call.name.isascii():
        call.json = {**call.fields, "external_task_id": call.name.encode("ascii", "replace").decode()}


@answers("an_external_id_serves_only_once", "submit")
def the_same_create_is_answered_again(call, reply):
    answers = call.memory.setdefault("answers", {})
    if reply.ok:
        answers[call.body] = reply.content
    elif call.body in answers:
        reply.status, reply.content = 200, answers[call.body]
