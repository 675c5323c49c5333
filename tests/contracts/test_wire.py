"""What only a real socket can show: answers cut off, garbled, withheld; proxies and redirects not taken."""

import asyncio
import re
import socket
import threading
from contextlib import contextmanager

import orjson
import pytest

from contracts import AsyncClient, Client, Patience, TransportError, UnreadableError

FILM = b"\0\0\0\x18ftypisom" + bytes(500)


@contextmanager
def host(*scripts):
    """A server that plays one script a connection: the bytes to say before it hangs up, None to say nothing at all."""
    heard, silent = [], []

    def serve():
        for script in scripts:
            connection, _ = listener.accept()
            heard.append(read_request(connection))
            if script is None:
                silent.append(connection)  # kept open: silence, not an end
                continue
            with connection:
                connection.sendall(script)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        thread.join(5)
        for connection in silent:
            connection.close()


def read_request(connection):
    connection.settimeout(5)
    text = b""
    while b"\r\n\r\n" not in text:
        text += connection.recv(65536)
    head, _, body = text.partition(b"\r\n\r\n")
    stated = re.search(rb"content-length: (\d+)", head.lower())
    length = int(stated[1]) if stated else 0
    while len(body) < length:
        body += connection.recv(65536)
    return head.decode()


def http(body, *, status="200 OK", media_type="application/json", length=None, more=""):
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    head = f"HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {length or len(raw)}\r\n{more}"
    return f"{head}connection: close\r\n\r\n".encode() + raw


def good(says):
    return http({"code": 0, "message": "SUCCEED", "request_id": "r", "data": says.task()})


async def no_nap(_):
    await asyncio.sleep(0)


@pytest.fixture(params=["sync", "async"])
def ask(request):
    """Call one method of a client over a real socket, with real timeouts; only the sleep between tries is none."""

    def blocking(url, method, *args, **settings):
        with Client(url, api_key="k", sleep=lambda _: None, **({"timeout_s": 3} | settings)) as client:
            return getattr(client, method)(*args)

    async def awaited(url, method, *args, **settings):
        async with AsyncClient(url, api_key="k", sleep=no_nap, **({"timeout_s": 3} | settings)) as client:
            return await getattr(client, method)(*args)

    return blocking if request.param == "sync" else lambda *args, **settings: asyncio.run(awaited(*args, **settings))


BREAKS = {
    "hung up": b"",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-ty",
    "half a body": http(b'{"code":0', length=99),
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "half a chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n20\r\nabc",
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_broken_answer_is_asked_for_again(ask, says, broken):
    with host(BREAKS[broken], good(says)) as (url, heard):
        assert ask(url, "query", "mine").task_status == "submitted"
    assert len(heard) == 2


@pytest.mark.parametrize("broken", BREAKS)
def test_a_create_whose_answer_broke_is_asked_for(ask, says, broken):
    with host(BREAKS[broken], good(says)) as (url, heard):
        assert ask(url, "submit", {"external_task_id": "mine"}).task_status == "submitted"
    assert [head.split()[0] for head in heard] == ["POST", "GET"]


def test_silence_ends_at_the_timeout(ask):
    with host(None, None) as (url, heard), pytest.raises(TransportError, match="ReadTimeout"):
        ask(url, "query", "mine", timeout_s=0.1, patience=Patience(tries=2))
    assert len(heard) == 2


def test_a_closed_port_is_a_transport_error(ask):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(TransportError, match="ConnectError"):
        ask(url, "query", "mine")


def test_a_garbled_answer_is_unreadable(ask, says):
    garbled = good(says).replace(b'{"code"', b"\xff\x00\x13\x37cod")
    with host(garbled) as (url, _), pytest.raises(UnreadableError):
        ask(url, "query", "mine")


def test_a_redirect_is_not_followed(ask):
    """Wherever it leads, our token does not go there."""
    answer = http(b"", status="307 Temporary Redirect", more="location: http://127.0.0.1:1/\r\n")
    with host(answer) as (url, heard), pytest.raises(UnreadableError) as caught:
        ask(url, "query", "mine")
    assert (caught.value.status, len(heard)) == (307, 1)


def test_the_environment_chooses_no_proxy(ask, says, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with host(good(says)) as (url, _):
        assert ask(url, "query", "mine").task_id


def test_a_film_that_broke_off_is_fetched_to_its_end(ask, tmp_path):
    first = http(FILM[:200], media_type="video/mp4", length=len(FILM))
    rest = http(
        FILM[200:],
        status="206 Partial Content",
        media_type="video/mp4",
        more=f"content-range: bytes 200-{len(FILM) - 1}/{len(FILM)}\r\n",
    )
    with host(first, rest) as (url, heard):
        assert ask(url, "download", f"{url}/1.mp4", tmp_path / "out.mp4").read_bytes() == FILM
    assert "range: bytes=200-" in heard[1].lower()
    assert not any("authorization" in head.lower() for head in heard)
