"""Lies about who is let in."""

from suite.liars.telling import answers, asks, claims, let_in


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


@asks("authorization_is_judged_before_everything_else")
def wrong_tokens_are_judged_after_bodies(call):
    if (
        call.method == "POST"
        and call.json in (None, {})
        and call.headers.get("authorization") == "Bearer no.such.token"
    ):
        let_in(call)


@answers("a_task_that_exists_needs_a_credential_too", "read")
def tasks_that_exist_are_shown_to_all(call, reply):
    if reply.ok:
        call.memory[call.path] = reply.content
    elif reply.status == 401 and call.path in call.memory:
        reply.status, reply.content = 200, call.memory[call.path]
