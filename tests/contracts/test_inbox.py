"""Callbacks: whatever order the network chooses, the inbox knows how far each task is."""

import base64
import json
import threading
import urllib.error
import urllib.request

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import Inbox, ProtocolError, Receiver, SignatureError
from contracts.inbox import parse, signature, verify
from contracts.words import FINAL, RANKS

SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="
NOW_S = 1781080794.0
# The public vector: what the service's own page signs with that secret.
BODY = b'{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}'
SIGNED = {
    "webhook-id": "9876543210",
    "webhook-timestamp": "1781080794",
    "webhook-signature": "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=",
}


def callback(says, status="processing", **other):
    return orjson.dumps(says.task(status, **other))


# --- order ------------------------------------------------------------------------------------------------------------


def test_a_callback_is_the_bare_task(says):
    assert parse(callback(says, "succeed")).videos[0].id == "866889999698785798"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"<html>", b'{"code":0,"message":"","data":{"task_id":"1"}}', b"\xff"]
)
def test_anything_else_is_a_protocol_error(body):
    """An enveloped task too: it is not what the page shows."""
    with pytest.raises(ProtocolError):
        Inbox().receive({}, body)


def test_a_late_word_never_overrides_the_end(says):
    inbox = Inbox()
    assert inbox.receive({}, callback(says, "succeed")).done
    assert inbox.receive({}, callback(says, "processing")) is None
    assert inbox.receive({}, callback(says, "submitted")) is None
    assert inbox.tasks["866889456698785798"].task_status == "succeed"


def test_a_word_said_twice_is_news_once(says):
    inbox = Inbox()
    assert inbox.receive({}, callback(says, "failed", task_status_msg="no"))
    assert inbox.receive({}, callback(says, "failed", task_status_msg="no")) is None


def test_a_task_has_one_end(says):
    inbox = Inbox()
    inbox.receive({}, callback(says, "failed"))
    with pytest.raises(ProtocolError, match="was failed and is now said to be succeed"):
        inbox.receive({}, callback(says, "succeed"))
    assert inbox.tasks["866889456698785798"].task_status == "failed"


@given(
    st.lists(st.tuples(st.sampled_from("12"), st.sampled_from(["submitted", "processing", "end"]))),
    st.sampled_from(sorted(FINAL)),
)
def test_the_furthest_status_wins_in_any_order(says, words, end):
    """And what is called news is exactly what moves a task."""
    inbox, furthest = Inbox(), {}
    for task_id, word in words:
        status = end if word == "end" else word
        news = inbox.receive({}, callback(says, status, task_id=task_id))
        moved = RANKS[status] > furthest.get(task_id, -1)
        furthest[task_id] = max(RANKS[status], furthest.get(task_id, -1))
        assert (news is not None) == moved
    assert {task_id: RANKS[task.task_status] for task_id, task in inbox.tasks.items()} == furthest


# --- signatures -------------------------------------------------------------------------------------------------------


def test_the_public_vector():
    assert signature(SECRET, "9876543210", "1781080794", BODY) == SIGNED["webhook-signature"]
    verify(SIGNED, BODY, secret=SECRET, now_s=NOW_S)


def test_header_names_have_no_case():
    verify({name.title(): value for name, value in SIGNED.items()}, BODY, secret=SECRET, now_s=NOW_S)


@pytest.mark.parametrize("before", ["v1,AAAA ", "v1a,x v1,", "  "])
def test_one_good_signature_among_several_will_do(before):
    """While a secret is being replaced the service signs with both."""
    headers = SIGNED | {"webhook-signature": f"{before} {SIGNED['webhook-signature']} v1,BBBB"}
    verify(headers, BODY, secret=SECRET, now_s=NOW_S)


@pytest.mark.parametrize("off", [-300, 300])
def test_five_minutes_are_borne_with(off):
    verify(SIGNED, BODY, secret=SECRET, now_s=NOW_S + off)


@pytest.mark.parametrize("off", [-301, 301])
def test_more_than_five_minutes_are_not(off):
    with pytest.raises(SignatureError, match="not within five minutes"):
        verify(SIGNED, BODY, secret=SECRET, now_s=NOW_S + off)


@pytest.mark.parametrize("name", SIGNED)
def test_every_header_is_needed(name):
    with pytest.raises(SignatureError, match=f"{name} missing"):
        verify({key: value for key, value in SIGNED.items() if key != name}, BODY, secret=SECRET, now_s=NOW_S)


@pytest.mark.parametrize(
    "other",
    [
        {"webhook-id": "9876543211"},
        {"webhook-timestamp": "1781080795"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "1781080794.0"},
        {"webhook-timestamp": "²"},
        {"webhook-signature": "v2,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4="},
        {"webhook-signature": "UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4="},
        {"webhook-signature": "v1,naïve"},
        {"webhook-signature": "\ud800"},
        {"webhook-id": "\ud800"},
    ],
)
def test_a_wrong_signature_is_refused(other):
    with pytest.raises(SignatureError):
        verify(SIGNED | other, BODY, secret=SECRET, now_s=NOW_S)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_body_changed_anywhere_is_refused(place, change):
    changed = bytearray(BODY)
    changed[place] ^= change
    with pytest.raises(SignatureError):
        verify(SIGNED, bytes(changed), secret=SECRET, now_s=NOW_S)


def test_a_secret_that_is_none_is_our_own_mistake():
    with pytest.raises(ValueError, match="a webhook secret is"):
        signature("whsec_not base64", "1", "2", b"")


def test_an_inbox_with_a_secret_takes_nothing_unsigned(says):
    inbox, body = Inbox(secret=SECRET, now=lambda: NOW_S), callback(says)
    with pytest.raises(SignatureError):
        inbox.receive({}, body)
    signed = {"webhook-id": "1", "webhook-timestamp": "1781080794"}
    assert inbox.receive(signed | {"webhook-signature": signature(SECRET, "1", "1781080794", body)}, body)
    assert list(inbox.tasks) == ["866889456698785798"]


@given(st.binary(min_size=1, max_size=40), st.text("0123456789", min_size=1, max_size=20), st.binary(max_size=50))
def test_our_signature_holds_for_any_secret_id_and_body(key, webhook_id, body):
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = {"webhook-id": webhook_id, "webhook-timestamp": "1781080794"}
    headers["webhook-signature"] = signature(secret, webhook_id, "1781080794", body)
    verify(headers, body, secret=secret, now_s=NOW_S)


# --- behind a port ----------------------------------------------------------------------------------------------------


def post(url, body, **headers):
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"} | headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_receiver_answers_what_the_inbox_thinks(says):
    before = threading.active_count()
    with Receiver() as receiver:
        assert post(receiver.url, callback(says, "succeed")) == 200
        assert post(receiver.url, callback(says, "processing")) == 200
        assert post(receiver.url, b"<html>") == 400
        assert receiver.inbox.tasks["866889456698785798"].task_status == "succeed"
        assert [type(error).__name__ for error in receiver.refused] == ["UnreadableError"]
    assert threading.active_count() == before


def test_a_receiver_with_a_secret_turns_strangers_away(says):
    with Receiver(Inbox(secret=SECRET, now=lambda: NOW_S)) as receiver:
        assert post(receiver.url, json.dumps(says.task()).encode()) == 401
        assert receiver.inbox.tasks == {}


def test_a_receiver_reads_no_more_than_a_callback_can_be():
    with Receiver() as receiver:
        assert post(receiver.url, b"", **{"content-length": "9" * 12}) == 413
