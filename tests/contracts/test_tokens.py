"""Tokens: what they say, how long they serve, and what happens when one is called expired."""

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import AuthenticationError
from contracts.tokens import LIFETIME_S, MARGIN_S, ApiKey, KeyPair, Signer, mint

PAIR = KeyPair("access-key", "secret-key-" * 4)
NOW_S = 1_774_711_071.75


def claims(token):
    skipped = {"verify_exp": False, "verify_nbf": False}
    return jwt.decode(token, PAIR.secret_key, algorithms=["HS256"], options=skipped)


def bearer(request):
    return request.headers["authorization"].removeprefix("Bearer ")


def test_another_library_reads_what_we_mint():
    """An independent JWT implementation finds our signature good and the three claims of the page."""
    token = mint(PAIR, NOW_S)
    assert claims(token) == {"iss": "access-key", "exp": 1_774_712_871, "nbf": 1_774_711_066}
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    assert "=" not in token  # RFC 7515: Base64 without its padding


@given(st.text(min_size=1, max_size=40), st.text(min_size=32, max_size=64), st.integers(10**9, 10**11))
def test_any_pair_and_time_make_a_good_token(access, secret, now_s):
    try:
        pair = KeyPair(access, secret)
        token = mint(pair, now_s)
    except UnicodeEncodeError:  # a lone surrogate is no text anybody can type into a console
        return
    read = jwt.decode(token, secret, algorithms=["HS256"], options={"verify_exp": False, "verify_nbf": False})
    assert read["iss"] == access


@given(st.lists(st.floats(-2 * LIFETIME_S, 2 * LIFETIME_S), max_size=20))
def test_a_token_is_always_good_for_a_minute_more(steps):
    """Whatever the clock does between two calls, also when it is set back, the bearer is valid and stays so a while."""
    clock = [NOW_S + 10**6]
    signer = Signer(PAIR, lambda: clock[0])
    for step in steps:
        clock[0] += step
        now = claims(signer.bearer())
        assert now["nbf"] <= clock[0]
        assert now["exp"] > clock[0] + MARGIN_S - 1  # claims are whole seconds


def test_a_token_is_used_again_while_it_is_good():
    clock = [NOW_S]
    signer = Signer(PAIR, lambda: clock[0])
    first = signer.bearer()
    clock[0] += LIFETIME_S - MARGIN_S - 1
    assert signer.bearer() == first
    clock[0] += 1
    assert signer.bearer() != first


def test_neither_secret_nor_key_can_be_printed():
    assert PAIR.secret_key not in repr(PAIR)
    assert "hidden" not in repr(ApiKey("hidden"))


@pytest.mark.parametrize("key", ["with space", "new\nline", "naïve", " "])
def test_a_key_that_fits_no_header_is_refused_at_once(key):
    with pytest.raises(ValueError, match="printable ASCII"):
        ApiKey(key)


def test_an_expired_token_is_signed_anew_once(stage, says):
    """1004 is answered with a fresh token, and the call goes on as if nothing had been."""
    times = iter([NOW_S, NOW_S + 1])
    s = stage(says.no(401, 1004), says.ok(says.task()), now=lambda: next(times))
    assert s.query("mine").task_status == "submitted"
    first, second = map(bearer, s.requests)
    assert first != second
    assert s.slept == []


def test_a_second_expiry_is_an_error(stage, says):
    s = stage(says.no(401, 1004), says.no(401, 1004))
    with pytest.raises(AuthenticationError) as error:
        s.query("mine")
    assert (error.value.code, error.value.retry) == (1004, False)


def test_an_expired_create_is_sent_again_with_the_same_body(stage, says):
    """Authentication comes before the work, so a create that met 1004 has not been done."""
    s = stage(says.no(401, 1004), says.ok(says.task()))
    s.submit({"prompt": "x", "external_task_id": "mine"})
    assert s.sent() == ["POST", "POST"]
    assert s.requests[0].content == s.requests[1].content


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003])
def test_no_other_refusal_of_a_token_is_tried_again(stage, says, code):
    s = stage(says.no(401, code))
    with pytest.raises(AuthenticationError):
        s.query("mine")


def test_a_static_key_is_sent_as_it_is_and_not_tried_again(stage, says):
    s = stage(says.no(401, 1004), api_key="api-key-kling-1")
    with pytest.raises(AuthenticationError):
        s.query("mine")
    assert [bearer(request) for request in s.requests] == ["api-key-kling-1"]
