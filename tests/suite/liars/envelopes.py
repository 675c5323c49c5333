"""Lies about the paper every answer is wrapped in."""

from suite.liars.telling import answers


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
