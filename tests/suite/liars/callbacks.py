"""Lies about what is written to a `callback_url`."""

from suite.liars.telling import TERMINAL, writes


@writes("the_end_of_a_task_is_called_back")
def nothing_is_called_back(letter):
    letter.copies = 0


@writes("the_end_of_a_task_is_called_back")
def only_the_beginning_is_called_back(letter):
    letter.copies = int(letter.content["task_status"] == "submitted")


@writes("a_callback_is_a_post_of_the_bare_task")
def callbacks_have_an_envelope(letter):
    letter.content = {"code": 0, "message": "", "request_id": "1", "data": letter.content}


@writes("a_callback_is_a_post_of_the_bare_task")
def callbacks_are_put(letter):
    letter.method = "PUT"


@writes("a_callback_is_a_post_of_the_bare_task")
def callbacks_are_forms(letter):
    letter.headers["content-type"] = "application/x-www-form-urlencoded"


@writes("a_callback_is_a_post_of_the_bare_task")
def callbacks_count_seconds(letter):
    letter.content["created_at"] //= 1000


@writes("callbacks_arrive_in_the_order_of_the_lifecycle")
def callbacks_begin_with_the_end(letter):
    turned = {"submitted": "succeed", "succeed": "submitted"}
    letter.content["task_status"] = turned.get(letter.content["task_status"], "processing")


@writes("no_change_is_called_back_twice")
def callbacks_come_twice(letter):
    letter.copies = 2


@writes("a_callback_is_about_the_task_that_asked_for_it")
def callbacks_are_about_another_task(letter):
    letter.content["task_id"] = letter.memory.setdefault("id", letter.content["task_id"])


@writes("callbacks_agree_with_queries")
def callbacks_tell_another_price(letter):
    if "final_unit_deduction" in letter.content:
        letter.content["final_unit_deduction"] = "99"


@writes("callbacks_agree_with_queries")
def callbacks_tell_of_success_too_early(letter):
    letter.content["task_status"] = "succeed"


@writes("a_callback_of_the_end_tells_what_came_of_it")
def callbacks_bring_no_videos(letter):
    letter.content.pop("task_result", None)


@writes("a_callback_of_the_end_tells_what_came_of_it")
def callbacks_bring_a_watermarked_link_unasked(letter):
    for video in letter.content.get("task_result", {}).get("videos", []):
        video.setdefault("watermark_url", video["url"])


@writes("the_end_of_a_task_is_called_back")
def callbacks_forget_the_question_in_their_address(letter):
    letter.to = letter.to.partition("?")[0]


@writes("a_callback_of_the_end_tells_what_came_of_it")
def callbacks_give_no_reason(letter):
    letter.content["task_status_msg"] = ""


@writes("callbacks_tell_when_it_happened")
def callbacks_are_dated_back(letter):
    letter.content["updated_at"] = letter.content["created_at"] - 1000


@writes("callbacks_agree_with_queries")
def callbacks_under_way_know_no_watermark(letter):
    if letter.content["task_status"] not in TERMINAL:
        letter.content["watermark_info"] = {"enabled": False}


@writes("every_task_of_an_address_is_called_back")
def an_address_is_called_back_of_one_task(letter):
    first = letter.memory.setdefault(letter.to, letter.content["task_id"])
    letter.copies = int(letter.content["task_id"] == first)
