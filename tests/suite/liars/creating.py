"""Lies about what a create call takes."""

from suite.liars.telling import answers, asks, changing


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


@answers("a_create_may_name_its_charset", "submit")
def bodies_with_a_charset_are_refused(call, reply):
    if "charset" in call.headers.get("content-type", "") and reply.ok:
        reply.refuse(400, 1201)


@answers("every_combination_of_words_is_accepted", "submit")
def long_pro_squares_are_refused(call, reply):
    wish = [call.fields.get(name) for name in ("mode", "duration", "aspect_ratio")]
    if wish == ["pro", "10", "1:1"] and reply.ok:
        reply.refuse(400, 1201)


@answers("unknown_fields_are_ignored", "submit")
def images_hold_nothing_else(call, reply):
    if any(isinstance(each, dict) and each.keys() - {"image"} for each in call.images):
        reply.refuse(400, 1201)


@answers("every_combination_of_words_is_accepted", "submit")
def long_ones_need_a_shape(call, reply):
    if call.fields.get("duration") == "10" and not call.fields.get("aspect_ratio"):
        reply.refuse(400, 1201)
