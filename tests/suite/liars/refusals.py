"""Lies about what is refused, and how."""

from suite.liars.telling import answers, asks, changing


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


@asks("a_word_outside_its_enum_is_refused")
def ratios_of_sister_products_are_taken(call):
    if call.fields.get("aspect_ratio") in ("4:3", "3:4", "21:9"):
        call.json = {**call.fields, "aspect_ratio": "16:9"}


@asks("a_required_field_cannot_be_left_out")
def last_images_may_be_missing(call):
    images = call.fields.get("image_list")
    if isinstance(images, list) and len(images) == 4 and all(isinstance(each, dict) for each in images):
        changing(call, image_list=[*images[:3], {"image": images[3].get("image") or images[0]["image"]}])


@asks("a_value_of_another_type_is_refused")
def addresses_stand_for_images(call):
    images = call.fields.get("image_list")
    if isinstance(images, list) and any(isinstance(each, str) for each in images):
        changing(call, image_list=[{"image": each} if isinstance(each, str) else each for each in images])


@asks("a_value_of_another_type_is_refused")
def one_image_stands_for_a_list(call):
    if isinstance(call.fields.get("image_list"), dict):
        changing(call, image_list=[call.fields["image_list"]])


@answers("a_task_cannot_be_changed_or_deleted")
def tasks_can_be_deleted(call, reply):
    if call.method == "DELETE" and call.path.rpartition("/")[2] in call.memory:
        reply.accept()
    call.memory |= {task["task_id"]: True for task in reply.tasks}
