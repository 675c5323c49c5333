"""Lies about two accounts that never meet."""

from suite.liars.telling import TERMINAL, answers, asks, claims, let_in, tells, videos, writes
from suite.proxy import Call


def as_the_first(call: Call) -> None:
    """In the name of whoever made the first task."""
    if "maker" in call.memory and not call.headers.get("authorization", "").endswith("."):
        call.headers["authorization"] = call.memory["maker"]


@asks("a_stranger_cannot_query_a_task")
def queries_are_answered_to_anyone(call):
    if call.action == "read":
        as_the_first(call)


@asks("a_stranger_does_not_see_a_task_in_the_list")
def lists_are_of_everyone(call):
    if call.action == "list":
        as_the_first(call)


@answers("external_ids_of_two_accounts_do_not_collide", "submit")
def external_ids_are_unique_in_the_world(call, reply):
    met = call.memory.setdefault("met", set())
    if call.name and call.name in met:
        reply.refuse(400, 1201)
    met.add(call.name)


@tells("tasks_of_two_accounts_share_neither_ids_nor_videos")
def videos_are_counted_in_each_account(task, call):
    numbers = call.memory.setdefault(
        ("of", call.headers.get("authorization", "").split(".")[1:2] and claims(call)["iss"]), {}
    )
    for video in videos(task):
        video["id"] = str(10**17 + numbers.setdefault(video["id"], len(numbers)))


@writes("a_stranger_hears_nothing_of_a_task")
def ends_are_told_to_another_address(letter):
    known = letter.memory.setdefault("known", [letter.to])
    if letter.content["task_status"] in TERMINAL:
        letter.to = next((each for each in reversed(known) if each != letter.to), letter.to)
    known.append(letter.to)


@answers("a_stranger_does_not_see_a_pack", "costs")
def packs_are_those_of_the_first(call, reply):
    if reply.ok and reply.content["data"].get("resource_pack_subscribe_infos"):
        reply.content["data"] = call.memory.setdefault("packs", reply.content["data"])


@asks("a_stranger_cannot_query_a_task")
def paths_of_sister_products_are_answered_to_anyone(call):
    if call.path.startswith("/v1/videos/text2video/"):
        as_the_first(call)


@asks("a_stranger_cannot_sign_for_an_account")
def the_secret_of_any_account_signs(call):
    if claims(call):
        let_in(call)


@answers("a_stranger_does_not_see_a_task_in_the_list", "list")
def empty_lists_show_those_of_others(call, reply):
    if reply.ok and reply.tasks:
        call.memory["full"] = reply.content["data"]
    elif reply.ok:
        reply.content["data"] = call.memory.get("full", [])


@asks("a_stranger_cannot_query_a_task")
def static_keys_read_any_task(call):
    if call.action == "read" and "api-key" in call.headers.get("authorization", ""):
        as_the_first(call)


@answers("a_stranger_cannot_query_a_task", "read")
def failed_tasks_are_everybodys(call, reply):
    for task in reply.tasks:
        if task["task_status"] == "failed":
            call.memory[call.path] = reply.content
    if not reply.ok and call.path in call.memory:
        reply.status, reply.content = 200, call.memory[call.path]
