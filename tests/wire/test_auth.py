"""Who is let in, and by which code the others are turned away."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

CREATE = "/v1/videos/multi-image2video"
NAN, INFINITY = float("nan"), float("inf")
DAY = 86_400
Make = Callable[[Any], str | None]

WELCOME: dict[str, Make] = {
    "the vendor's sample token": lambda d: f"Bearer {d.token()}",
    "the static API key": lambda d: f"Bearer {d.api_key}",
    "exp 24 h ahead": lambda d: f"Bearer {d.token(exp=DAY)}",
    "exp ten years ahead": lambda d: f"Bearer {d.token(exp=3650 * DAY)}",
    "exp in half a minute": lambda d: f"Bearer {d.token(exp=30)}",
    "fractional exp": lambda d: f"Bearer {d.token(exp=1800.75)}",
    "fractional nbf": lambda d: f"Bearer {d.token(nbf=-5.25)}",
    "no nbf": lambda d: f"Bearer {d.token(nbf=...)}",
    "nbf long ago": lambda d: f"Bearer {d.token(nbf=-DAY)}",
    "iat": lambda d: f"Bearer {d.token(iat=1_700_000_000)}",
    "iat in the future": lambda d: f"Bearer {d.token(iat=9_999_999_999)}",
    "iat that is text": lambda d: f"Bearer {d.token(iat='yesterday')}",
    "aud, sub and jti": lambda d: f"Bearer {d.token(aud=['kling', 'others'], sub='me', jti='1')}",
    "odd aud and sub": lambda d: f"Bearer {d.token(aud=5, sub=7, jti=9)}",
    "an unknown claim": lambda d: f"Bearer {d.token(company={'name': 'x', 'ids': [1, None]})}",
    "no typ": lambda d: f"Bearer {d.token(header={'alg': 'HS256'})}",
    "typ in small letters": lambda d: f"Bearer {d.token(header={'alg': 'HS256', 'typ': 'jwt'})}",
    "typ first": lambda d: f"Bearer {d.token(header={'typ': 'JWT', 'alg': 'HS256'})}",
    "kid and cty": lambda d: f"Bearer {d.token(header={'alg': 'HS256', 'typ': 'JWT', 'kid': '1', 'cty': 'JWT'})}",
}

TURNED_AWAY: dict[str, tuple[Make, set[int]]] = {
    "no header": (lambda d: None, {1001}),
    "an empty header": (lambda d: "", {1001}),
    "Basic": (lambda d: "Basic dXNlcjpwYXNz", {1002}),
    "the token alone": (lambda d: d.token(), {1002}),
    "the key alone": (lambda d: d.api_key, {1002}),
    "another scheme": (lambda d: f"Token {d.api_key}", {1002}),
    "the scheme alone": (lambda d: "Bearer", {1001, 1002}),
    "two spaces": (lambda d: f"Bearer  {d.token()}", {1002}),
    "two spaces before a key": (lambda d: f"Bearer  {d.api_key}", {1002}),
    "no space": (lambda d: f"Bearer{d.token()}", {1002}),
    "something after the token": (lambda d: f"Bearer {d.token()} x", {1002}),
    "garbage": (lambda d: "Bearer garbage", {1002}),
    "two parts": (lambda d: "Bearer " + ".".join(d.token().split(".")[:2]), {1002}),
    "four parts": (lambda d: f"Bearer {d.token()}.AAAA", {1002}),
    "three parts of nothing": (lambda d: "Bearer ..", {1002}),
    "three parts of garbage": (lambda d: "Bearer a.b.c", {1002}),
    "three parts that are not Base64": (lambda d: "Bearer $$$.%%%.&&&", {1002}),
    "claims that are no JSON": (lambda d: f"Bearer {d.signed(b'{')}", {1002}),
    "claims that are a list": (lambda d: f"Bearer {d.signed([1])}", {1002}),
    "claims that are text": (lambda d: f"Bearer {d.signed('me')}", {1002}),
    "claims nested without end": (lambda d: f"Bearer {d.signed(b'[' * 20_000)}", {1002}),
    "an unknown key": (lambda d: f"Bearer {d.api_key[:-1]}x", {1002}),
    "a key cut short": (lambda d: f"Bearer {d.api_key[:-1]}", {1002}),
    "a key in capitals": (lambda d: f"Bearer {d.api_key.upper()}", {1002}),
    "another secret": (lambda d: f"Bearer {d.token(secret='x' * 32)}", {1000}),
    "a changed signature": (lambda d: f"Bearer {flipped(d.token())}", {1000}),
    "changed claims": (lambda d: f"Bearer {swapped(d.token(), d.token(exp=DAY))}", {1000}),
    "an unknown iss": (lambda d: f"Bearer {d.token(iss='a' * 32)}", {1000}),
    "the secret as iss": (lambda d: f"Bearer {d.token(iss=d.ready['secret_key'])}", {1000}),
    "an empty signature": (lambda d: "Bearer " + d.token().rpartition(".")[0] + ".", {1000, 1002}),
    "no iss": (lambda d: f"Bearer {d.token(iss=...)}", {1002}),
    "iss null": (lambda d: f"Bearer {d.token(iss=None)}", {1002}),
    "no exp": (lambda d: f"Bearer {d.token(exp=...)}", {1002}),
    "exp null": (lambda d: f"Bearer {d.token(exp=None)}", {1002}),
    "exp that is text": (lambda d: f"Bearer {d.token(exp='9999999999')}", {1002}),
    "exp that is true": (lambda d: f"Bearer {d.token(exp=True)}", {1002}),
    "exp that is NaN": (lambda d: f"Bearer {d.token(exp=NAN)}", {1002}),
    "exp that is infinite": (lambda d: f"Bearer {d.token(exp=INFINITY)}", {1002}),
    "exp that is a list": (lambda d: f"Bearer {d.token(exp=[1800])}", {1002}),
    "nbf a minute ahead": (lambda d: f"Bearer {d.token(nbf=60)}", {1003}),
    "nbf five seconds ahead": (lambda d: f"Bearer {d.token(nbf=5)}", {1003}),
    "expired an hour ago": (lambda d: f"Bearer {d.token(exp=-3600)}", {1004}),
    "expired two seconds ago": (lambda d: f"Bearer {d.token(exp=-2)}", {1004}),
    "expired in 1970": (lambda d: f"Bearer {d.signed({'iss': d.ready['access_key'], 'exp': 1})}", {1004}),
    "exp zero": (lambda d: f"Bearer {d.signed({'iss': d.ready['access_key'], 'exp': 0})}", {1004}),
    "exp negative": (lambda d: f"Bearer {d.signed({'iss': d.ready['access_key'], 'exp': -1.5})}", {1004}),
    "alg none, signed": (lambda d: f"Bearer {d.token(header={'alg': 'none', 'typ': 'JWT'})}", {1000, 1002}),
    "alg none, unsigned": (lambda d: f"Bearer {unsigned(d)}", {1000, 1002}),
    "HS512": (lambda d: f"Bearer {d.token(header={'alg': 'HS512', 'typ': 'JWT'}, digest='sha512')}", {1000, 1002}),
    "HS512 said, HS256 done": (lambda d: f"Bearer {d.token(header={'alg': 'HS512', 'typ': 'JWT'})}", {1000, 1002}),
    "RS256 said": (lambda d: f"Bearer {d.token(header={'alg': 'RS256', 'typ': 'JWT'})}", {1000, 1002}),
    "no alg": (lambda d: f"Bearer {d.token(header={'typ': 'JWT'})}", {1000, 1002}),
}

MESSAGES: dict[str, tuple[Make, int, str]] = {
    "no header": (lambda d: None, 1001, "Authorization is empty"),
    "garbage": (lambda d: "Bearer garbage", 1002, "The token was expected to have 3 parts, but got 0"),
    "an unknown key": (lambda d: f"Bearer {d.api_key[:-1]}x", 1002, "api key not found"),
}


def flipped(token: str) -> str:
    """The same token with another first sign of its signature."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def swapped(token: str, other: str) -> str:
    """The header and signature of one token around the claims of another."""
    header, _, signature = token.split(".")
    return f"{header}.{other.split('.')[1]}.{signature}"


def unsigned(double: Any) -> str:
    """A token nobody signed."""
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{double.token().split('.')[1]}."


def ask(double: Any, auth: str | None, method: str = "GET", path: str = CREATE, **options: Any) -> Any:
    """One call with this very header; an empty one is sent as it is."""
    headers = {} if auth is None else {"Authorization": auth}
    return double.call(method, path, auth=None, headers=headers, **options)


@pytest.mark.parametrize("make", WELCOME.values(), ids=WELCOME.keys())
def test_a_good_credential_is_let_in(double: Any, make: Make) -> None:
    """On a GET and on a POST."""
    assert isinstance(double.granted(ask(double, make(double))), list)
    created = ask(double, make(double), "POST", json=double.body())
    assert double.granted(created)["task_status"] == "submitted"


@pytest.mark.parametrize(("make", "codes"), TURNED_AWAY.values(), ids=TURNED_AWAY.keys())
def test_a_bad_credential_is_turned_away_by_its_code(double: Any, make: Make, codes: set[int]) -> None:
    """401 with the table's code, on every way in, and no task."""
    before, auth = double.newest(), make(double)
    calls = [("GET", CREATE, {}), ("POST", CREATE, {"json": double.body()}), ("GET", "/account/costs", {})]
    refusals = [double.refusal(ask(double, auth, method, path, **rest)) for method, path, rest in calls]
    assert [(status, code in codes) for status, code, _ in refusals] == [(401, True)] * 3, refusals
    assert double.newest() == before


@pytest.mark.parametrize(("make", "code", "message"), MESSAGES.values(), ids=MESSAGES.keys())
def test_where_the_words_are_known_they_are_used(double: Any, make: Make, code: int, message: str) -> None:
    """As integrators saw them."""
    assert double.refusal(ask(double, make(double))) == (401, code, message)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/videos/nothing-here"),
        ("GET", "/"),
        ("DELETE", CREATE),
        ("PATCH", f"{CREATE}/1"),
        ("POST", "/account/costs"),
        ("GET", f"{CREATE}/unknown"),
        ("GET", f"{CREATE}?pageNum=0"),
    ],
    ids=[
        "unknown path",
        "root",
        "wrong method",
        "wrong method on a task",
        "wrong method on costs",
        "unknown id",
        "bad page",
    ],
)
def test_the_token_is_judged_before_the_path(double: Any, method: str, path: str) -> None:
    """A bad token gets 401 wherever it goes."""
    assert double.refusal(ask(double, None, method, path))[:2] == (401, 1001)
    assert double.refusal(ask(double, "Bearer garbage", method, path))[:2] == (401, 1002)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 1000, b'{"mode":"4k"}'], ids=["empty", "half", "deep", "wrong"])
def test_the_token_is_judged_before_the_body(double: Any, content: bytes) -> None:
    """A bad token is told before a bad body."""
    assert double.refusal(ask(double, None, "POST", content=content))[:2] == (401, 1001)
    assert double.refusal(ask(double, f"Bearer {double.token(exp=-60)}", "POST", content=content))[:2] == (401, 1004)


def test_a_token_serves_many_calls_until_it_ends(double: Any) -> None:
    """One token is sent for a whole wait."""
    auth = f"Bearer {double.token(exp=60)}"
    replies = [ask(double, auth) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200] * 5


def test_a_token_outlives_the_advance_of_the_sandbox_clock(double: Any) -> None:
    """Tokens are judged by the wall's clock."""
    auth = f"Bearer {double.token(exp=60)}"
    assert ask(double, auth).status_code == 200
    double.advance(3_600_000)
    assert ask(double, auth).status_code == 200


def test_two_authorization_headers_do_not_break_the_server(double: Any) -> None:
    """Whichever counts, the answer is Kling's."""
    head = f"GET {CREATE} HTTP/1.1\r\nHost: {double.host}\r\nAuthorization: Bearer x\r\n"
    status, _, body = double.raw(f"{head}Authorization: Bearer {double.api_key}\r\n\r\n".encode())
    assert (status, json.loads(body)["code"]) in {(200, 0), (401, 1002)}


def test_a_header_that_is_not_ascii_is_turned_away(double: Any) -> None:
    """Bytes of any kind come over a socket."""
    head = f"GET {CREATE} HTTP/1.1\r\nHost: {double.host}\r\nAuthorization: Bearer ".encode()
    status, _, body = double.raw(head + b"\xff\xfe\x80\r\n\r\n")
    assert (status, json.loads(body)["code"]) == (401, 1002)


def test_files_need_no_token(double: Any) -> None:
    """Links are downloaded by anybody who has them."""
    url = double.finished()["task_result"]["videos"][0]["url"]
    assert double.call("GET", url, auth=None).status_code == 200
