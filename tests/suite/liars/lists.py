"""Lies about the list and its pages."""

from suite.liars.telling import answers, asks, tells


@answers("every_task_is_listed_once", "list")
def the_last_listed_task_is_lost(call, reply):
    if reply.ok:
        del reply.content["data"][:1]


@answers("every_task_is_listed_once", "list")
def the_first_listed_task_stands_there_twice(call, reply):
    if reply.ok and len(reply.content["data"]) > 3:
        reply.content["data"].append(reply.content["data"][0])


@asks("pages_cut_the_list_without_gap_or_overlap")
def every_page_is_the_first(call):
    if call.action == "list" and call.number("pageNum") in range(2, 1000):
        call.query = f"pageNum=1&pageSize={call.asked.get('pageSize', '30')}"


@answers("pages_cut_the_list_without_gap_or_overlap", "list")
def pages_are_turned_round(call, reply):
    if reply.ok:
        reply.content["data"].reverse()


@asks("pages_cut_the_list_without_gap_or_overlap")
def pages_hold_one_task_too_many(call):
    if call.action == "list" and call.asked.get("pageSize") in ("1", "2", "3"):
        size = int(call.asked["pageSize"]) + 1
        call.query = f"pageNum={call.asked.get('pageNum', '1')}&pageSize={size}"


@answers("a_page_past_the_end_is_empty", "list")
def past_the_end_there_is_an_error(call, reply):
    if reply.content.get("data") == []:
        reply.refuse(404, 1203)


@asks("a_page_past_the_end_is_empty")
def past_the_end_the_list_begins_again(call):
    if call.action == "list" and call.asked.get("pageNum") == "1000":
        call.query = "pageNum=1"


@tells("a_listed_task_looks_like_a_queried_one", "list")
def listed_tasks_have_no_results(task, call):
    task.pop("task_result", None)


@tells("a_listed_task_looks_like_a_queried_one", "list")
def listed_tasks_lag_behind(task, call):
    task["task_status"] = "processing"


@asks("a_page_holds_thirty_unless_told")
def numbered_pages_hold_ten_unless_told(call):
    if call.action == "list" and call.query == "pageNum=1":
        call.query = "pageNum=1&pageSize=10"


@asks("a_page_holds_thirty_unless_told")
def pages_hold_ten_unless_told(call):
    if call.action == "list" and not call.query:
        call.query = "pageSize=10"


@answers("a_page_holds_as_many_as_are_asked_for", "list")
def pages_are_cut_at_a_hundred_in_silence(call, reply):
    if reply.ok:
        del reply.content["data"][100:]


@asks("a_page_holds_thirty_unless_told")
def later_pages_hold_twenty(call):
    if call.action == "list" and call.query == "pageNum=2":
        call.query = "pageNum=2&pageSize=20"
