"""The liars: each breaks one promise of an honest double, and names the promise that must catch it."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from suite.proxy import Call, Letter, Liar, Reply

LIARS: dict[str, Liar] = {"honest": Liar("honest", "")}

TERMINAL = ("succeed", "failed")


def _add(liar: Liar) -> None:
    assert liar.name not in LIARS, liar.name
    LIARS[liar.name] = liar


def asks(catcher: str) -> Callable[[Callable[[Call], None]], None]:
    """A liar that changes what is asked."""
    return lambda lie: _add(Liar(lie.__name__, catcher, request=lie))


def answers(catcher: str, *actions: str) -> Callable[[Callable[[Call, Reply], None]], None]:
    """A liar that changes the replies to some actions, or to all."""

    def made(lie: Callable[[Call, Reply], None]) -> None:
        def reply(call: Call, reply: Reply) -> None:
            if isinstance(reply.content, dict) and (not actions or call.action in actions):
                lie(call, reply)

        _add(Liar(lie.__name__, catcher, reply=reply))

    return made


def tells(catcher: str, *actions: str) -> Callable[[Callable[[dict[str, Any], Call], None]], None]:
    """A liar that changes every task it tells of."""

    def made(lie: Callable[[dict[str, Any], Call], None]) -> None:
        def reply(call: Call, reply: Reply) -> None:
            if not actions or call.action in actions:
                for task in reply.tasks:
                    lie(task, call)

        _add(Liar(lie.__name__, catcher, reply=reply))

    return made


def writes(catcher: str) -> Callable[[Callable[[Letter], None]], None]:
    """A liar that changes callbacks."""
    return lambda lie: _add(Liar(lie.__name__, catcher, callback=lie))


def videos(task: dict[str, Any]) -> list[dict[str, Any]]:
    return task.get("task_result", {}).get("videos", [])


# --- authorization ----------------------------------------------------------------------------------------------------


def claims(call: Call) -> dict[str, Any]:
    try:
        part = call.headers.get("authorization", "").split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def let_in(call: Call) -> None:
    """With the last credential that worked."""
    if "good" in call.memory:
        call.headers["authorization"] = call.memory["good"]


def now_s() -> float:
    from mockserver.clock import wall_s

    return wall_s()


@asks("a_call_without_authorization_is_refused")
def lists_are_open_to_all(call):
    if call.action == "list" and "authorization" not in call.headers:
        let_in(call)


@asks("a_call_without_authorization_is_refused")
def queries_are_open_to_all(call):
    if call.action == "read" and "authorization" not in call.headers:
        let_in(call)


@answers("a_call_without_authorization_is_refused")
def a_missing_header_is_403(call, reply):
    if reply.content["code"] == 1001:
        reply.status = 403


@answers("a_bearer_that_is_no_token_is_refused")
def nonsense_is_code_1000(call, reply):
    if reply.content["code"] == 1002:
        reply.content["code"] = 1000


@asks("a_bearer_that_is_no_token_is_refused")
def any_word_opens_the_account(call):
    if call.headers.get("authorization", "").count(".") != 2 and "authorization" in call.headers:
        let_in(call)


@asks("a_credential_without_its_scheme_is_refused")
def schemes_are_not_needed(call):
    if " " not in call.headers.get("authorization", " "):
        let_in(call)


@asks("an_unknown_api_key_is_refused")
def any_key_opens_the_account(call):
    if "api-key-kling-000" in call.headers.get("authorization", ""):
        let_in(call)


@asks("a_token_signed_with_another_secret_is_refused")
def signatures_are_not_looked_at(call):
    said = claims(call)
    if said.get("exp", 0) > now_s() >= said.get("nbf", 0) and not said.get("iss", "nobody").startswith("nobody"):
        let_in(call)


@asks("a_token_that_was_changed_is_refused")
def long_tokens_are_not_looked_at(call):
    if claims(call).get("exp", 0) > now_s() + 9 * 3600:
        let_in(call)


@asks("an_unsigned_token_is_refused")
def unsigned_tokens_are_taken(call):
    if call.headers.get("authorization", "").endswith("."):
        let_in(call)


@asks("a_token_of_an_unknown_issuer_is_refused")
def issuers_are_not_looked_at(call):
    if claims(call).get("iss") == "nobody0accesskey0000000000000000":
        let_in(call)


@asks("an_expired_token_is_refused")
def expired_tokens_are_taken(call):
    if 0 < claims(call).get("exp", 0) < now_s():
        let_in(call)


@asks("an_expired_token_is_refused")
def queries_take_expired_tokens(call):
    if call.method == "GET" and 0 < claims(call).get("exp", 0) < now_s():
        let_in(call)


@answers("an_expired_token_is_refused")
def expired_tokens_are_code_1002(call, reply):
    if reply.content["code"] == 1004:
        reply.content["code"] = 1002


@asks("a_token_from_the_future_is_refused")
def nbf_is_not_looked_at(call):
    if claims(call).get("nbf", 0) > now_s():
        let_in(call)


@answers("authorization_is_judged_before_everything_else")
def bodies_are_judged_first(call, reply):
    if "authorization" not in call.headers and call.method == "POST" and call.body in (b"{", b"{}"):
        reply.refuse(400, 1201)


@answers("authorization_is_judged_before_everything_else")
def pages_are_judged_first(call, reply):
    if "authorization" not in call.headers and call.asked.get("pageSize") == "0":
        reply.refuse(400, 1201)


@answers("tokens_with_other_claims_are_taken")
def iat_is_not_allowed(call, reply):
    if "iat" in claims(call):
        reply.refuse(401, 1002)


@answers("tokens_with_other_claims_are_taken")
def tokens_may_live_an_hour(call, reply):
    if claims(call).get("exp", 0) > now_s() + 7200:
        reply.refuse(401, 1002)


@answers("the_static_key_opens_the_same_account")
def the_key_sees_nothing(call, reply):
    if "api-key" in call.headers.get("authorization", "") and call.action == "read":
        reply.refuse(400, 1201)


@answers("the_static_key_opens_the_same_account", "submit")
def the_key_makes_nothing(call, reply):
    if "api-key" in call.headers.get("authorization", ""):
        reply.refuse(403, 1103)


@answers("the_static_key_opens_the_same_account", "costs")
def the_key_sees_no_packs(call, reply):
    if "api-key" in call.headers.get("authorization", ""):
        reply.refuse(403, 1103)


# --- what is taken ----------------------------------------------------------------------------------------------------


def changing(call: Call, **changes: Any) -> None:
    body = call.json
    if isinstance(body, dict):
        call.json = {**body, **changes}


@asks("any_valid_body_becomes_a_task")
def prompts_hold_latin_letters_only(call):
    if call.action == "submit" and not str(call.fields.get("prompt", "")).isascii():
        changing(call, prompt="")


@asks("what_the_document_allows_is_accepted")
def ten_seconds_are_not_taken(call):
    if call.action == "submit" and call.fields.get("duration") == "10":
        changing(call, duration="99")


@answers("unknown_fields_are_ignored", "submit")
def unknown_fields_are_refused(call, reply):
    if "cfg_scale" in call.fields:
        reply.refuse(400, 1201)


@answers("optional_fields_may_be_null_or_empty", "submit")
def null_is_refused(call, reply):
    if None in call.fields.values():
        reply.refuse(400, 1201)


@answers("texts_and_lists_may_be_as_long_as_the_document_says", "submit")
def prompts_end_before_2500(call, reply):
    if len(str(call.fields.get("prompt"))) == 2500:
        reply.refuse(400, 1201)


@answers("texts_and_lists_may_be_as_long_as_the_document_says", "submit")
def bytes_are_counted(call, reply):
    if len(str(call.fields.get("negative_prompt")).encode()) > 2500:
        reply.refuse(400, 1201)


@answers("texts_and_lists_may_be_as_long_as_the_document_says", "submit")
def three_images_are_the_most(call, reply):
    if len(call.images) > 3:
        reply.refuse(400, 1201)


# --- what is refused --------------------------------------------------------------------------------------------------


@asks("a_required_field_cannot_be_left_out")
def prompts_may_be_left_out(call):
    if call.action == "submit" and isinstance(call.json, dict) and not call.json.get("prompt"):
        changing(call, prompt="anything")


@asks("a_required_field_cannot_be_left_out")
def no_images_are_needed(call):
    if call.action == "submit" and call.fields.get("image_list") in (None, []):
        changing(call, image_list=[{"image": "https://example.com/a.png"}])


@answers("a_required_field_cannot_be_left_out", "submit")
def what_is_missing_is_code_1200(call, reply):
    if reply.content["code"] == 1201:
        reply.content["code"] = 1200


@asks("a_word_outside_its_enum_is_refused")
def odd_modes_are_std(call):
    if (
        call.action == "submit"
        and isinstance(call.json, dict)
        and call.json.get("mode") not in ("std", "pro", None, "")
    ):
        changing(call, mode="std")


@asks("a_word_outside_its_enum_is_refused")
def any_model_will_do(call):
    if call.action == "submit" and call.fields.get("model_name"):
        changing(call, model_name="kling-v1-6")


@asks("a_word_outside_its_enum_is_refused")
def ratios_are_not_looked_at(call):
    if call.action == "submit" and isinstance(call.fields.get("aspect_ratio"), str):
        changing(call, aspect_ratio="16:9")


@answers("a_word_outside_its_enum_is_refused", "submit")
def wrong_words_are_422(call, reply):
    if reply.status == 400:
        reply.status = 422


@asks("a_value_of_another_type_is_refused")
def anything_is_true(call):
    if call.action == "submit" and isinstance(call.fields.get("watermark_info"), dict):
        changing(call, watermark_info={"enabled": bool(call.json["watermark_info"].get("enabled"))})


@asks("a_value_of_another_type_is_refused")
def numbers_are_made_texts(call):
    if call.action == "submit" and isinstance(call.fields.get("prompt"), int):
        changing(call, prompt=str(call.json["prompt"]))


@asks("a_text_beyond_its_length_is_refused")
def long_prompts_are_cut(call):
    if call.action == "submit" and isinstance(call.fields.get("prompt"), str):
        changing(call, prompt=call.json["prompt"][:2500])


@asks("a_text_beyond_its_length_is_refused")
def long_negative_prompts_are_cut(call):
    if call.action == "submit" and isinstance(call.fields.get("negative_prompt"), str):
        changing(call, negative_prompt=call.json["negative_prompt"][:2500])


@asks("more_images_than_allowed_are_refused")
def a_fifth_image_is_dropped(call):
    if call.action == "submit" and isinstance(call.fields.get("image_list"), list):
        changing(call, image_list=call.json["image_list"][:4])


@asks("a_body_that_is_no_json_is_refused")
def broken_json_is_mended(call):
    if call.action == "submit" and call.json is None:
        call.json = {"image_list": [{"image": "https://example.com/a.png"}], "prompt": "mended"}


@answers("a_body_that_is_no_json_is_refused", "submit")
def broken_json_is_500(call, reply):
    if call.json is None and reply.status == 400:
        reply.refuse(500, 5000)


@asks("a_nearly_valid_body_is_refused")
def lengths_are_not_looked_at_in_pro(call):
    if call.action == "submit" and call.fields.get("mode") == "pro":
        changing(call, prompt="cut", image_list=[{"image": "https://example.com/a.png"}], aspect_ratio="1:1")


@answers("no_body_breaks_the_server", "submit")
def numbers_break_the_server(call, reply):
    if isinstance(call.json, dict) and type(call.json.get("prompt")) is int:
        reply.refuse(500, 5000)


@asks("a_page_outside_its_bounds_is_refused")
def pages_are_clamped(call):
    if call.action == "list" and call.asked.get("pageSize", "1").isdigit():
        size = min(max(int(call.asked.get("pageSize", "30")), 1), 500)
        call.query = f"pageNum={call.asked.get('pageNum', '1')}&pageSize={size}"


@asks("a_page_outside_its_bounds_is_refused")
def page_zero_is_the_first(call):
    if call.action == "list" and call.asked.get("pageNum") == "0":
        call.query = call.query.replace("pageNum=0", "pageNum=1")


@answers("a_page_at_its_bounds_is_answered", "list")
def pages_hold_a_hundred_at_most(call, reply):
    if call.number("pageSize") > 100 and reply.ok:
        reply.refuse(400, 1201)


@asks("costs_need_both_times")
def costs_need_no_times(call):
    if call.action == "costs":
        call.query = "start_time=0&end_time=9999999999999"


@answers("a_wrong_method_is_refused")
def wrong_methods_are_405(call, reply):
    if reply.content["code"] == 1202:
        reply.status = 405


@answers("an_unknown_path_is_not_found")
def unknown_paths_are_400(call, reply):
    if reply.content["code"] == 1203:
        reply.status = 400


@answers("a_refused_create_leaves_no_trace", "submit", "read")
def refused_creates_can_be_queried(call, reply):
    if call.action == "submit" and not reply.ok and call.name:
        call.memory["refused"] = call.name
    elif call.memory.get("refused") and call.path.endswith(str(call.memory["refused"])):
        reply.status, reply.content = (
            200,
            {"code": 0, "message": "", "request_id": reply.content["request_id"], "data": {}},
        )


@answers("a_refused_create_does_not_take_its_external_id", "submit")
def creates_refused_for_their_image_take_their_external_id(call, reply):
    met = call.memory.setdefault("unseen", set())
    if call.name and reply.ok and call.name in met:
        reply.refuse(400, 1201)
    elif "File is not" in str(reply.content.get("message")):
        met.add(call.name)


@answers("a_refused_create_does_not_take_its_external_id", "submit")
def refused_creates_take_their_external_id(call, reply):
    met = call.memory.setdefault("refused", set())
    if call.name and reply.ok and call.name in met:
        reply.refuse(400, 1201)
    elif not reply.ok:
        met.add(call.name)


# --- images -----------------------------------------------------------------------------------------------------------


def with_images(call: Call, change: Callable[[str], str]) -> None:
    body = call.json if call.action == "submit" else None
    listed = body.get("image_list") if isinstance(body, dict) else None
    if isinstance(listed, list) and all(
        isinstance(each, dict) and isinstance(each.get("image"), str) for each in listed
    ):
        changing(call, image_list=[{"image": change(each["image"])} for each in listed])


@asks("an_image_beyond_its_limits_makes_no_video")
def only_the_first_image_is_looked_at(call):
    images = call.fields.get("image_list")
    if isinstance(images, list) and len(images) > 1 and isinstance(images[0], dict):
        call.json = {**call.fields, "image_list": [images[0]] * len(images)}


@answers("an_image_of_ten_megabytes_is_taken", "submit")
def base64_is_counted_as_the_file(call, reply):
    if len(call.body) > 10_485_760 and reply.ok:
        reply.refuse(400, 1201)


@answers("an_image_may_be_an_address", "submit")
def plain_http_images_are_refused(call, reply):
    if b'"http://' in call.body and reply.ok:
        reply.refuse(400, 1201)


@asks("an_image_with_a_data_prefix_is_refused")
def data_prefixes_are_cut_off(call):
    with_images(call, lambda text: text.partition("base64,")[2] or text)


@asks("an_image_that_is_no_base64_is_refused")
def file_names_are_taken(call):
    with_images(call, lambda text: "https://example.com/dog.png" if text == "dog.png" else text)


@asks("an_image_beyond_its_limits_makes_no_video")
def small_images_are_taken(call):
    with_images(call, lambda text: text if text.startswith("http") or len(text) > 4000 else "https://example.com/a.png")


@asks("an_image_beyond_ten_megabytes_makes_no_video")
def large_images_are_taken(call):
    with_images(call, lambda text: "https://example.com/a.png" if len(text) > 13_000_000 else text)


@answers("images_at_their_limits_are_taken", "submit")
def images_must_be_addresses(call, reply):
    if "iVBORw0KGgo" in call.body.decode(errors="replace") and reply.ok:
        reply.refuse(400, 1201)


# --- ids --------------------------------------------------------------------------------------------------------------


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


# --- statuses ---------------------------------------------------------------------------------------------------------


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


def failing(task: dict[str, Any]) -> None:
    """A success told as a failure, as it should be told."""
    if task["task_status"] == "succeed":
        task |= {"task_status": "failed", "task_status_msg": "no luck", "final_unit_deduction": "0"}
        task.pop("task_result")


@tells("only_a_failure_has_a_reason", "read", "list")
def failures_give_no_reason(task, call):
    failing(task)
    task["task_status_msg"] = ""


@tells("only_a_failure_has_a_reason", "read", "list")
def successes_give_a_reason(task, call):
    if task["task_status"] == "succeed":
        task["task_status_msg"] = "all went well"


# --- times ------------------------------------------------------------------------------------------------------------


@tells("times_are_whole_milliseconds")
def times_are_seconds(task, call):
    task["created_at"] //= 1000
    task["updated_at"] //= 1000


@tells("times_are_whole_milliseconds")
def times_are_texts(task, call):
    task["updated_at"] = str(task["updated_at"])


@tells("times_are_whole_milliseconds", "read")
def times_have_fractions(task, call):
    task["created_at"] += 0.5


@tells("times_are_whole_milliseconds")
def times_are_floats(task, call):
    task["updated_at"] = float(task["updated_at"])


@tells("a_task_is_born_when_it_is_created")
def tasks_are_born_eight_hours_ago(task, call):
    task["created_at"] -= 8 * 3600 * 1000


@tells("created_at_never_moves", "read", "list")
def created_at_moves_with_the_status(task, call):
    task["created_at"] = task["updated_at"]


@tells("tasks_are_born_in_the_order_of_their_creates")
def births_are_shuffled(task, call):
    task["created_at"] += (int(task["task_id"]) % 7) * 100


@tells("updated_at_never_goes_back", "read")
def updated_at_lies_before_created_at(task, call):
    task["updated_at"] = task["created_at"] - 1


@tells("updated_at_moves_with_the_status", "read", "list")
def updated_at_never_moves(task, call):
    task["updated_at"] = task["created_at"]


# --- results ----------------------------------------------------------------------------------------------------------


@tells("results_come_with_success_and_only_then", "read")
def results_come_while_processing(task, call):
    if task["task_status"] == "processing":
        task["task_result"] = {
            "videos": [{"id": "866889456698785798", "url": "http://x.example/1.mp4", "duration": "5"}]
        }


@tells("results_come_with_success_and_only_then", "read")
def success_comes_without_videos(task, call):
    if "task_result" in task:
        task["task_result"] = {"videos": []}


@tells("results_come_with_success_and_only_then", "read")
def results_are_null_at_first(task, call):
    task.setdefault("task_result", None)


@tells("a_video_is_told_with_id_link_and_length", "read")
def lengths_are_numbers(task, call):
    for video in videos(task):
        video["duration"] = int(video["duration"])


@tells("a_video_is_told_with_id_link_and_length", "read")
def videos_have_no_id(task, call):
    for video in videos(task):
        del video["id"]


@tells("a_video_is_told_with_id_link_and_length", "read")
def links_are_paths(task, call):
    for video in videos(task):
        video["url"] = "/files/1.mp4"


@tells("no_two_videos_share_an_id", "read")
def videos_have_the_id_of_their_task(task, call):
    for video in videos(task):
        video["id"] = task["task_id"]


@tells("no_two_videos_share_a_link", "read")
def all_links_are_one(task, call):
    for video in videos(task):
        video["url"] = call.memory.setdefault("url", video["url"])


@tells("a_video_is_as_long_as_was_asked_for", "read")
def every_video_lasts_five_seconds(task, call):
    for video in videos(task):
        video["duration"] = "5"


@tells("a_watermark_is_there_exactly_when_asked_for", "read")
def everyone_gets_a_watermark(task, call):
    for video in videos(task):
        video["watermark_url"] = video["url"] + "-w"


@tells("a_watermark_is_there_exactly_when_asked_for", "read")
def nobody_gets_a_watermark(task, call):
    for video in videos(task):
        video.pop("watermark_url", None)


@tells("a_query_tells_whether_a_watermark_was_asked_for", "read")
def watermarks_are_never_told(task, call):
    task["watermark_info"] = {"enabled": False}


@tells("a_query_tells_whether_a_watermark_was_asked_for", "read")
def watermarks_are_told_as_texts(task, call):
    task["watermark_info"] = {"enabled": str(task["watermark_info"]["enabled"]).lower()}


# --- prices -----------------------------------------------------------------------------------------------------------


@tells("a_query_tells_whether_a_watermark_was_asked_for", "read")
def failed_tasks_forget_their_watermark(task, call):
    if task.get("task_status") == "failed":
        task["watermark_info"] = {"enabled": False}


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


# --- files ------------------------------------------------------------------------------------------------------------


def files(catcher: str) -> Callable[[Callable[[Call, Reply], None]], None]:
    """A liar that changes result files."""

    def made(lie: Callable[[Call, Reply], None]) -> None:
        def reply(call: Call, reply: Reply) -> None:
            if "/files/" in call.path and reply.status in (200, 206):
                lie(call, reply)

        _add(Liar(lie.__name__, catcher, reply=reply))

    return made


def links_die_within_a_day(call, reply):
    now, ends = call.memory.setdefault("now", [0]), call.memory.setdefault("ends", {})
    for task in reply.tasks:
        now[0] = max(now[0], task["created_at"])
        ends |= {video["url"].rpartition("/")[2]: task["updated_at"] for video in videos(task)}
    if "/files/" in call.path and now[0] - ends.get(call.path.rpartition("/")[2], now[0]) > 86_400_000:
        reply.status, reply.body = 404, b""


_add(Liar("links_die_within_a_day", "a_link_works_for_thirty_days", reply=links_die_within_a_day))


@files("a_video_can_be_fetched_without_a_token")
def files_need_a_token(call, reply):
    if "authorization" not in call.headers:
        reply.status, reply.body = 401, b""


@files("a_video_can_be_fetched_without_a_token")
def files_are_web_pages(call, reply):
    reply.headers["content-type"], reply.body = "text/html", b"<html>a video</html>"


@files("a_video_can_be_fetched_without_a_token")
def files_are_octets(call, reply):
    reply.headers["content-type"] = "application/octet-stream"


@files("a_video_can_be_fetched_in_part")
def parts_are_shifted(call, reply):
    if reply.status == 206:
        reply.body = b"x" + reply.body[:-1]


@files("a_video_can_be_fetched_in_part")
def parts_are_the_whole(call, reply):
    reply.status = 200


@files("a_marked_video_can_be_fetched_too")
def marked_videos_are_gone(call, reply):
    if "watermark" in call.path:
        reply.status, reply.body = 404, b""


@tells("a_video_lasts_as_long_as_it_says", "read")
def videos_say_they_are_longer(task, call):
    for video in videos(task):
        video["duration"] = str(float(video["duration"]) + 1)


@asks("a_video_has_the_shape_that_was_asked_for")
def every_video_is_square(call):
    if call.action == "submit":
        changing(call, aspect_ratio="1:1")


# --- callbacks --------------------------------------------------------------------------------------------------------


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


# --- strangers --------------------------------------------------------------------------------------------------------


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


# --- slots ------------------------------------------------------------------------------------------------------------


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
    call.memory["full"] = call.memory.get("full") or reply.content["code"] == 1303
    if call.memory["full"]:
        reply.refuse(429, 1303)


@answers("an_ended_task_frees_its_slot", "submit")
def slots_are_never_freed(call, reply):
    call.memory["full"] = call.memory.get("full") or reply.content["code"] == 1303
    if call.memory["full"]:
        reply.refuse(429, 1303)


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


# --- lists ------------------------------------------------------------------------------------------------------------


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


@answers("a_create_may_name_its_charset", "submit")
def bodies_with_a_charset_are_refused(call, reply):
    if "charset" in call.headers.get("content-type", "") and reply.ok:
        reply.refuse(400, 1201)


@answers("every_combination_of_words_is_accepted", "submit")
def long_pro_squares_are_refused(call, reply):
    wish = [call.fields.get(name) for name in ("mode", "duration", "aspect_ratio")]
    if wish == ["pro", "10", "1:1"] and reply.ok:
        reply.refuse(400, 1201)


@asks("a_word_outside_its_enum_is_refused")
def ratios_of_sister_products_are_taken(call):
    if call.fields.get("aspect_ratio") in ("4:3", "3:4", "21:9"):
        call.json = {**call.fields, "aspect_ratio": "16:9"}


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


@answers("a_page_holds_as_many_as_are_asked_for", "list")
def pages_are_cut_at_a_hundred_in_silence(call, reply):
    if reply.ok:
        del reply.content["data"][100:]


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


# --- envelopes --------------------------------------------------------------------------------------------------------


@answers("every_reply_is_a_json_object")
def refusals_are_web_pages(call, reply):
    if not reply.ok:
        reply.headers["content-type"], reply.content, reply.body = "text/html", None, b"<html>no</html>"


@answers("every_reply_is_a_json_object")
def json_is_called_text(call, reply):
    reply.headers["content-type"] = "text/plain"


@answers("every_reply_has_a_code_a_message_and_a_request_id")
def codes_are_texts(call, reply):
    reply.content["code"] = str(reply.content["code"])


@answers("every_reply_has_a_code_a_message_and_a_request_id")
def refusals_have_no_message(call, reply):
    if not reply.ok:
        del reply.content["message"]


@answers("every_reply_has_a_code_a_message_and_a_request_id", "list")
def lists_have_no_request_id(call, reply):
    del reply.content["request_id"]


@answers("every_reply_has_a_code_a_message_and_a_request_id")
def messages_are_null_on_success(call, reply):
    if reply.ok:
        reply.content["message"] = None


@answers("request_ids_are_uuids")
def request_ids_are_counted(call, reply):
    call.memory["n"] = call.memory.get("n", 0) + 1
    reply.content["request_id"] = f"request-{call.memory['n']}"


@answers("no_two_replies_share_a_request_id")
def all_request_ids_are_one(call, reply):
    reply.content["request_id"] = call.memory.setdefault("id", reply.content["request_id"])


@answers("success_is_http_200_with_code_0", "submit")
def creates_are_201(call, reply):
    if reply.ok:
        reply.status = 201


@answers("success_is_http_200_with_code_0")
def refusals_are_http_200(call, reply):
    reply.status = 200


@answers("success_is_http_200_with_code_0", "read")
def success_has_code_200(call, reply):
    if reply.ok:
        reply.content["code"] = 200


@answers("every_error_code_comes_with_its_http_status")
def codes_are_unheard_of(call, reply):
    if reply.content["code"] == 1201:
        reply.content["code"] = 1999


@answers("every_error_code_comes_with_its_http_status")
def every_refusal_is_http_400(call, reply):
    if not reply.ok:
        reply.status = 400


@answers("refusals_carry_no_data")
def refusals_carry_null_data(call, reply):
    if not reply.ok:
        reply.content["data"] = None


@answers("the_server_never_breaks_down", "costs")
def costs_break_down(call, reply):
    reply.refuse(503, 5001)


@answers("a_create_is_answered_with_the_new_task", "submit")
def creates_tell_no_times(call, reply):
    if reply.ok:
        del reply.content["data"]["created_at"]


@answers("a_query_is_answered_with_the_task", "read")
def queries_tell_no_updated_at(call, reply):
    if reply.ok:
        del reply.content["data"]["updated_at"]


@answers("a_query_is_answered_with_the_task", "read")
def queries_answer_with_a_list(call, reply):
    if reply.ok:
        reply.content["data"] = [reply.content["data"]]


@answers("a_list_is_answered_with_a_bare_array", "list")
def lists_are_wrapped(call, reply):
    if reply.ok:
        reply.content["data"] = {"total": 1, "list": reply.content["data"]}


@answers("costs_are_answered_with_an_envelope_within_the_envelope", "costs")
def costs_have_one_envelope(call, reply):
    if reply.ok:
        reply.content["data"] = reply.content["data"]["resource_pack_subscribe_infos"]


# --- everywhere, later, in every combination --------------------------------------------------------------------------


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


@answers("an_ended_task_is_remembered", "read")
def records_are_gone_after_some_looks(call, reply):
    for task in reply.tasks:
        looks = call.memory[task["task_id"]] = call.memory.get(task["task_id"], 0) + (task["task_status"] in TERMINAL)
        if looks > 4:
            reply.refuse(400, 1201)


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


@answers("every_combination_becomes_the_video_that_was_asked_for", "submit", "read")
def short_squares_of_pros_lose_their_watermark(call, reply):
    wishes = call.memory.setdefault("wishes", {})
    for task in reply.tasks:
        wish = wishes.setdefault(
            task["task_id"], [call.fields.get(name) for name in ("mode", "duration", "aspect_ratio")]
        )
        for video in videos(task) if wish == ["pro", "5", "1:1"] else []:
            video.pop("watermark_url", None)


@asks("every_combination_becomes_the_video_that_was_asked_for")
def long_portraits_are_squares(call):
    if call.fields.get("duration") == "10" and call.fields.get("aspect_ratio") == "9:16":
        changing(call, aspect_ratio="1:1")


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


@asks("an_image_beyond_its_limits_makes_no_video")
def low_images_are_taken(call):
    with_images(call, lambda text: "https://example.com/a.png" if _png(text) and _png(text)[1] == 299 else text)


@asks("an_image_beyond_its_limits_makes_no_video")
def webp_images_are_taken(call):
    with_images(call, lambda text: "https://example.com/a.png" if text.startswith("UklGR") else text)


@asks("an_image_beyond_its_limits_makes_no_video")
def third_images_are_not_looked_at(call):
    images = call.fields.get("image_list")
    if isinstance(images, list) and len(images) > 2:
        changing(call, image_list=[*images[:2], images[0], *images[3:]])


def _png(text: str) -> tuple[int, int] | None:
    """Width and height of a PNG in Base64."""
    head = base64.b64decode(text[:32]) if text.startswith("iVBORw0KGgo") else b""
    return (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) if head else None


@asks("authorization_is_judged_before_everything_else")
def wrong_tokens_are_judged_after_bodies(call):
    if (
        call.method == "POST"
        and call.json in (None, {})
        and call.headers.get("authorization") == "Bearer no.such.token"
    ):
        let_in(call)


@asks("a_required_field_cannot_be_left_out")
def last_images_may_be_missing(call):
    images = call.fields.get("image_list")
    if isinstance(images, list) and len(images) == 4 and all(isinstance(each, dict) for each in images):
        changing(call, image_list=[*images[:3], {"image": images[3].get("image") or images[0]["image"]}])


@writes("callbacks_agree_with_queries")
def callbacks_under_way_know_no_watermark(letter):
    if letter.content["task_status"] not in TERMINAL:
        letter.content["watermark_info"] = {"enabled": False}


@answers("full_slots_refuse_a_create", "submit")
def refused_creates_take_a_slot(call, reply):
    call.memory["taken"] = call.memory.get("taken", 0) + (reply.content["code"] in (0, 1201))
    if reply.ok and call.memory["taken"] > 3:
        reply.refuse(429, 1303)


@tells("an_unfinished_task_has_cost_nothing_yet", "submit")
def creates_tell_the_price(task, call):
    task["final_unit_deduction"] = "2"


@tells("results_come_with_success_and_only_then", "submit")
def creates_promise_a_video(task, call):
    task["task_result"] = {"videos": [{"id": "1", "url": "https://example.com/1.mp4", "duration": "5"}]}


@tells("only_a_failure_has_a_reason", "submit")
def creates_have_a_reason(task, call):
    task["task_status_msg"] = "queued"


@asks("a_stranger_cannot_query_a_task")
def paths_of_sister_products_are_answered_to_anyone(call):
    if call.path.startswith("/v1/videos/text2video/"):
        as_the_first(call)


@answers("an_empty_balance_refuses_a_create", "submit")
def balances_are_judged_before_bodies(call, reply):
    call.memory["empty"] = call.memory.get("empty") or reply.content["code"] == 1102
    if call.memory["empty"]:
        reply.refuse(429, 1102)


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


@answers("a_task_that_exists_needs_a_credential_too", "read")
def tasks_that_exist_are_shown_to_all(call, reply):
    if reply.ok:
        call.memory[call.path] = reply.content
    elif reply.status == 401 and call.path in call.memory:
        reply.status, reply.content = 200, call.memory[call.path]


@answers("an_ended_task_is_remembered", "read")
def failures_are_tried_again(call, reply):
    for task in reply.tasks:
        looks = call.memory[task["task_id"]] = call.memory.get(task["task_id"], 0) + 1
        if task["task_status"] == "failed" and looks > 9:
            task["task_status"] = "processing"


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


@asks("an_image_beyond_its_limits_makes_no_video")
def jpegs_are_not_measured(call):
    with_images(call, lambda text: "https://example.com/a.jpg" if text.startswith("/9j/") else text)


@answers("an_external_id_serves_only_once", "submit")
def the_same_create_is_answered_again(call, reply):
    answers = call.memory.setdefault("answers", {})
    if reply.ok:
        answers[call.body] = reply.content
    elif call.body in answers:
        reply.status, reply.content = 200, answers[call.body]


@tells("no_two_videos_share_an_id", "submit", "read")
def the_same_request_gets_the_same_video(task, call):
    wish = call.memory.setdefault(task["task_id"], call.body)
    for video in videos(task):
        video["id"] = call.memory.setdefault(wish, video["id"])


@writes("every_task_of_an_address_is_called_back")
def an_address_is_called_back_of_one_task(letter):
    first = letter.memory.setdefault(letter.to, letter.content["task_id"])
    letter.copies = int(letter.content["task_id"] == first)


@answers("full_slots_refuse_a_create", "submit")
def each_credential_has_slots_of_its_own(call, reply):
    if "api-key" in call.headers.get("authorization", "") and reply.content["code"] == 1303:
        reply.accept()


@asks("a_value_of_another_type_is_refused")
def addresses_stand_for_images(call):
    images = call.fields.get("image_list")
    if isinstance(images, list) and any(isinstance(each, str) for each in images):
        changing(call, image_list=[{"image": each} if isinstance(each, str) else each for each in images])


@asks("a_value_of_another_type_is_refused")
def one_image_stands_for_a_list(call):
    if isinstance(call.fields.get("image_list"), dict):
        changing(call, image_list=[call.fields["image_list"]])


@answers("every_combination_becomes_the_video_that_was_asked_for", "submit", "read")
def failed_pros_are_charged(call, reply):
    for task in reply.tasks:
        mode = call.memory.setdefault(task["task_id"], call.fields.get("mode"))
        if (mode, task["task_status"]) == ("pro", "failed"):
            task["final_unit_deduction"] = "3.5"


@answers("a_task_cannot_be_changed_or_deleted")
def tasks_can_be_deleted(call, reply):
    if call.method == "DELETE" and call.path.rpartition("/")[2] in call.memory:
        reply.accept()
    call.memory |= {task["task_id"]: True for task in reply.tasks}


@asks("a_page_holds_thirty_unless_told")
def later_pages_hold_twenty(call):
    if call.action == "list" and call.query == "pageNum=2":
        call.query = "pageNum=2&pageSize=20"


@answers("unknown_fields_are_ignored", "submit")
def images_hold_nothing_else(call, reply):
    if any(isinstance(each, dict) and each.keys() - {"image"} for each in call.images):
        reply.refuse(400, 1201)


@answers("an_ended_task_frees_its_slot", "submit")
def who_found_no_slot_has_used_its_name(call, reply):
    used = call.memory.setdefault("used", set())
    if reply.ok and call.name in used:
        reply.refuse(400, 1201)
    if reply.content["code"] == 1303:
        used.add(call.name)


@answers("every_combination_of_words_is_accepted", "submit")
def long_ones_need_a_shape(call, reply):
    if call.fields.get("duration") == "10" and not call.fields.get("aspect_ratio"):
        reply.refuse(400, 1201)
