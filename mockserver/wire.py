"""Performs a reply on the socket, and runs the server: the only place that knows uvicorn's inside."""

import asyncio
import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from random import Random
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from mockserver.scenario import Disruption
from mockserver.values import Reply

MAX_HEADER_BYTES = 64 * 1024
GRACE_S = 1  # what calls in flight get at the end
END_AT_LATEST_S = 1.8

_UPGRADE = re.compile(rb"\r\nupgrade[ \t]*:", re.IGNORECASE)

_log = logging.getLogger("klingmock.wire")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def perform(reply: Reply, scope: Scope, receive: Receive, send: Send, chance: Random) -> bool:
    """Send a reply, whole or disrupted; whether the client got it as it was meant.

    Disruptions take real time: what they disturb is the client's patience, not the sandbox's clock.
    """
    if reply.disrupt is None:
        cycle: RequestResponseCycle | None = scope.get("klingmock.cycle")
        if cycle is None:  # in process, without a socket
            await _send(reply, reply.body, send)
            return True
        return await _answer(cycle, reply)
    try:
        return await _DISRUPTIONS[reply.disrupt.kind](reply, reply.disrupt, _Line(scope, receive, send), chance)
    except asyncio.CancelledError:  # the server ends while a reply stalls: an expected fault, no traceback
        _Line(scope, receive, send).abort()
        return False


async def _answer(cycle: RequestResponseCycle, reply: Reply) -> bool:
    """Head and body in one write: half the work of ASGI's two messages, which uvicorn checks and writes one by one."""
    if cycle.flow.write_paused:
        await cycle.flow.drain()
    if cycle.disconnected:
        return False
    body = b"" if cycle.scope["method"] == "HEAD" else reply.body
    lines = [b"%b: %b\r\n" % header for header in reply.headers]
    close = b"" if cycle.keep_alive else b"connection: close\r\n"
    length = b"content-length: %d\r\n" % len(reply.body)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"".join([STATUS_LINE[reply.status], *lines, length, close, b"\r\n", body]))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


async def _send(reply: Reply, body: bytes, send: Send) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": reply.status, "headers": [*reply.headers, length]})
    await send({"type": "http.response.body", "body": body})


class _Line:
    """The connection under a call, for what ASGI cannot say."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._transport: asyncio.Transport = scope["klingmock.transport"]
        self._receive, self.send = receive, send

    async def begin(self, reply: Reply) -> None:
        """Send the head, promising the whole body."""
        length = (b"content-length", str(len(reply.body)).encode())
        await self.send({"type": "http.response.start", "status": reply.status, "headers": [*reply.headers, length]})

    def write(self, data: bytes) -> None:
        """Bytes past ASGI's bookkeeping."""
        self._transport.write(data)

    def abort(self) -> None:
        """Drop the connection: nothing more is sent."""
        self._transport.abort()

    async def end(self) -> None:
        """Close after what was written, and wait until the client is gone, so that the server says nothing more."""
        self._transport.close()
        await self.gone()

    async def gone(self, within_s: float | None = None) -> bool:
        """Wait for the client to go away; whether it did in time."""
        try:
            async with asyncio.timeout(within_s):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return False
        return True


async def be_silent(scope: Scope, receive: Receive, send: Send, *, drop: bool) -> None:
    """Answer nothing until the client gives up, or drop the connection at once."""
    line = _Line(scope, receive, send)
    if drop:
        line.abort()
    try:
        await line.gone()
    except asyncio.CancelledError:
        line.abort()


async def _delay(reply: Reply, how: Disruption, line: _Line, chance: Random) -> bool:
    assert how.length is not None
    if await line.gone(within_s=how.length.draw_ms(chance) / 1000):
        return False
    await _send(reply, reply.body, line.send)
    return True


async def _stall(reply: Reply, how: Disruption, line: _Line, chance: Random) -> bool:
    """Answer nothing until the client gives up."""
    await line.gone()
    return False


async def _drop(reply: Reply, how: Disruption, line: _Line, chance: Random) -> bool:
    """Not one byte, then the connection is gone."""
    line.abort()
    await line.gone()
    return False


async def _truncate(reply: Reply, how: Disruption, line: _Line, chance: Random) -> bool:
    """The full Content-Length, fewer bytes, close."""
    await line.begin(reply)
    line.write(reply.body[: int(len(reply.body) * how.fraction)])
    await line.end()
    return False


async def _drip(reply: Reply, how: Disruption, line: _Line, chance: Random) -> bool:
    """The whole body in small pieces."""
    assert how.length is not None
    await line.begin(reply)
    for start in range(0, len(reply.body), how.bytes):
        piece = reply.body[start : start + how.bytes]
        last = start + how.bytes >= len(reply.body)
        await line.send({"type": "http.response.body", "body": piece, "more_body": not last})
        if not last and await line.gone(within_s=how.length.draw_ms(chance) / 1000):
            return False
    return True


async def _garble(reply: Reply, how: Disruption, line: _Line, chance: Random) -> bool:
    """The same length, other bytes."""
    await _send(reply, bytes(byte ^ chance.randint(1, 255) for byte in reply.body), line.send)
    return False


Performance = Callable[[Reply, Disruption, _Line, Random], Awaitable[bool]]
_DISRUPTIONS: Mapping[str, Performance] = {
    "delay": _delay,
    "stall": _stall,
    "drop": _drop,
    "truncate": _truncate,
    "drip": _drip,
    "garble": _garble,
}


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with a bound on what may come before a body."""

    _in_head = False  # between a request's first byte and the end of its headers
    _in_body = False
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """As uvicorn's; headers that do not end are cut off, and offers to upgrade are not taken."""
        super().data_received(data if self._in_body or b"pgrade" not in data else _without_upgrade(data))
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEADER_BYTES:
                self._refuse_headers()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()
        self.scope["klingmock.transport"] = self.transport  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        """Its headers are known: too many are refused before anyone sees them."""
        self._in_head, self._in_body = False, True
        if len(self.url) + sum([len(name) + len(value) + 4 for name, value in self.headers]) > MAX_HEADER_BYTES:
            self._refuse_headers()
        else:
            super().on_headers_complete()
            self.scope["klingmock.cycle"] = self.cycle  # type: ignore[typeddict-unknown-key]

    def on_body(self, body: bytes) -> None:
        """Part of a body; there is no one to hear it when the headers were refused."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request ends."""
        self._in_body = False
        if not self.transport.is_closing():
            super().on_message_complete()

    def _refuse_headers(self) -> None:
        self._in_head = False
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()


def _without_upgrade(data: bytes) -> bytes:
    """A head whose Upgrade header has another name: the parser would give up the body for it (RFC 9110 §7.8 lets us ignore it)."""
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-upgrade:", head) + end + rest


class Server(uvicorn.Server):
    """uvicorn's server that ends with status 0 and in time, whatever calls, stalls or deliveries are under way."""

    def __init__(self, app: Any, *, tls: tuple[str, str] | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_S,
                timeout_keep_alive=75,
                ssl_certfile=tls[0] if tls else None,
                ssl_keyfile=tls[1] if tls else None,
            )
        )

        self.answering = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; `answering` says when calls are answered."""
        await super().startup(sockets)
        self.answering.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the server; unlike uvicorn's own, this does not raise them again afterwards."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self.stop)
        try:
            yield
        finally:
            for name in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(name)

    def stop(self) -> None:
        """Stop accepting, give calls in flight their grace, then end; asked twice, end at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        last_resort = threading.Timer(END_AT_LATEST_S, os._exit, (0,))  # a thread stuck in a look-up or a film
        last_resort.daemon = True
        last_resort.start()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(False)
    return listener
