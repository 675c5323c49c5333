"""Below HTTP clients: bytes as they come, whole, in pieces, too many, or nonsense."""

import json
from typing import Any

import pytest

CREATE = "/v1/videos/multi-image2video"


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32),
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon here\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=[
        "words",
        "TLS",
        "half a line",
        "version",
        "no colon",
        "text length",
        "negative length",
        "two lengths",
        "bad chunk",
    ],
)
def test_what_is_no_http_is_a_plain_400(double: Any, sent: bytes) -> None:
    """Or, for a request whose head was good, the API's own refusal; never a 500."""
    status, _, body = double.raw(sent)
    assert status == 400 or (status, json.loads(body)["code"]) == (401, 1001)


def test_the_server_lives_on_after_nonsense(double: Any) -> None:
    """And after connections cut in the middle."""
    for sent in (b"", b"\0" * 100, double.head("POST", CREATE, "Content-Length: 100") + b"{"):
        with double.connect() as bare:
            bare.sendall(sent)
    assert double.page().status_code == 200


def test_a_connection_cut_in_a_body_creates_nothing(double: Any) -> None:
    """Half a body is no call."""
    before = double.newest()
    body = json.dumps(double.body()).encode()
    with double.connect() as bare:
        bare.sendall(double.head("POST", CREATE, f"Content-Length: {len(body) + 1}") + body)
    assert double.newest() == before


@pytest.mark.parametrize("size", [1000, 16_000, 60_000])
def test_large_headers_are_read(double: Any, size: int) -> None:
    """Up to 64 KiB in all."""
    status, _, _ = double.raw(double.head("GET", CREATE, f"X-Junk: {'x' * size}"))
    assert status == 200


@pytest.mark.parametrize(
    "extra",
    [
        ("X-Junk: " + "x" * 70_000,),
        tuple(f"X-Junk-{n}: {'x' * 1000}" for n in range(70)),
        ("X-Junk: " + "x" * 2_000_000,),
    ],
    ids=["one header", "many headers", "two megabytes"],
)
def test_headers_over_64_kib_are_431(double: Any, extra: tuple[str, ...]) -> None:
    """Before anything else is looked at."""
    status, _, _ = double.pour(double.head("GET", CREATE, *extra)[:-2], b"\r\n", 1)
    assert status == 431


def test_an_endless_head_is_431(double: Any) -> None:
    """It need not be finished."""
    status, _, _ = double.pour(double.head("GET", CREATE)[:-2], b"X-Junk: " + b"x" * 1000 + b"\r\n", 200)
    assert status == 431


@pytest.mark.parametrize("kib", [1, 63, 64, 65, 200, 300, 1000])
def test_a_body_is_not_counted_as_a_head(double: Any, kib: int) -> None:
    """Head and body in one piece, whatever their size."""
    body = json.dumps(double.body()).encode().ljust(kib * 1024)
    status, _, answer = double.raw(double.head("POST", CREATE, f"Content-Length: {len(body)}") + body)
    assert (status, json.loads(answer)["code"]) == (200, 0)


def test_calls_follow_each_other_on_one_connection(double: Any) -> None:
    """Successes, errors and large bodies."""
    small, large = (json.dumps(double.body()).encode().ljust(size) for size in (500, 300_000))
    with double.connect() as bare:
        for body, path, expected in [
            (small, CREATE, 200),
            (large, CREATE, 200),
            (b"{", CREATE, 400),
            (small, "/x", 404),
        ] * 3:
            bare.sendall(double.head("POST", path, f"Content-Length: {len(body)}") + body)
            assert double.reply(bare)[0] == expected


def test_calls_sent_ahead_are_answered_in_their_order(double: Any) -> None:
    """All in one piece: quick ones, one that owes a callback, one of the control plane, a large one, and the last closes."""
    bodies = [
        json.dumps(double.body(**changes)).encode().ljust(size)
        for changes, size in (({}, 0), ({"callback_url": "http://127.0.0.1:9/"}, 0), ({"mode": "x"}, 0), ({}, 300_000))
    ]
    calls = [double.head("POST", CREATE, f"Content-Length: {len(body)}") + body for body in bodies]
    others = [double.head("GET", path) for path in (CREATE, "/__kling/livez", "/x")]
    sent = [*others, *calls, *others * 50, *calls, double.head("GET", "/y", "Connection: close")]
    with double.connect() as bare:
        bare.sendall(b"".join(sent))
        told = b"".join(iter(lambda: bare.recv(65536), b""))
    statuses = [int(part[:3]) for part in told.split(b"HTTP/1.1 ")[1:]]
    once = [200, 200, 404]
    assert statuses == [*once, 200, 200, 400, 200, *once * 50, 200, 200, 400, 200, 404]


def test_a_head_may_come_byte_by_byte(double: Any) -> None:
    """Slow lines exist."""
    with double.connect() as bare:
        for byte in double.head("GET", CREATE):
            bare.sendall(bytes([byte]))
        assert double.reply(bare)[0] == 200


def test_a_body_may_come_in_two_pieces(double: Any) -> None:
    """Head first, then the body."""
    body = json.dumps(double.body()).encode()
    with double.connect() as bare:
        bare.sendall(double.head("POST", CREATE, f"Content-Length: {len(body)}"))
        bare.sendall(body[:10])
        bare.sendall(body[10:])
        assert double.reply(bare)[0] == 200


def test_a_client_may_ask_before_it_sends(double: Any) -> None:
    """curl does, with bodies over a megabyte."""
    body = json.dumps(double.body()).encode()
    with double.connect() as bare:
        bare.sendall(double.head("POST", CREATE, f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert bare.recv(1000).startswith(b"HTTP/1.1 100 ")
        bare.sendall(body)
        assert double.reply(bare)[0] == 200


def test_an_old_client_is_answered(double: Any) -> None:
    """HTTP/1.0 without a Host; the connection ends."""
    head = f"GET {CREATE} HTTP/1.0\r\nAuthorization: Bearer {double.api_key}\r\n\r\n".encode()
    status, _, body = double.raw(head)
    assert (status, json.loads(body)["code"]) == (200, 0)


def test_a_result_link_survives_a_missing_host(double: Any) -> None:
    """HTTP/1.0 again: the answer is whole."""
    task_id = double.finished()["task_id"]
    head = f"GET {CREATE}/{task_id} HTTP/1.0\r\nAuthorization: Bearer {double.api_key}\r\n\r\n".encode()
    status, _, body = double.raw(head)
    assert status == 200
    assert json.loads(body)["data"]["task_result"]["videos"][0]["url"].startswith("http://")


@pytest.mark.parametrize("host", ["", "a b", "<script>", "x" * 5000, "evil.test/path?", "[::1", "\x7f", "user@host"])
def test_an_odd_host_breaks_nothing(double: Any, host: str) -> None:
    """The links may be of no use; the answer is the API's, or HTTP's own 400."""
    task_id = double.finished()["task_id"]
    head = f"GET {CREATE}/{task_id} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {double.api_key}\r\n\r\n".encode()
    assert double.raw(head)[0] in {200, 400}


def test_header_names_may_be_written_in_any_case(double: Any) -> None:
    """HTTP says so."""
    head = f"GET {CREATE} HTTP/1.1\r\nhOST: {double.host}\r\naUTHORIZATION: Bearer {double.api_key}\r\n\r\n"
    assert double.raw(head.encode())[0] == 200


def test_an_upgrade_is_not_taken_up(double: Any) -> None:
    """There are no web sockets here."""
    extra = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    assert double.raw(double.head("GET", CREATE, *extra))[0] == 200


def test_a_very_long_path_is_refused_like_large_headers(double: Any) -> None:
    """The request line is part of the head."""
    assert double.pour(double.head("GET", "/" + "x" * 70_000)[:-2], b"\r\n", 1)[0] in {404, 414, 431}
