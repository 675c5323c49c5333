"""uvicorn, with our bounds and a clean end: the only place that knows its inside.

Two doors lead from here: an application with `at_once` may answer a request that has come whole without ASGI's task and
messages, and `klingmock.transport` in a call's scope is the connection under it.
"""

import asyncio
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle as Cycle

from mockserver.values import Reply

MAX_HEADER_BYTES = 64 * 1024
GRACE_S = 1  # what calls in flight get at the end
END_AT_LATEST_S = 1.8
_MOST_WAITING_BYTES = 256 * 1024  # of answers, before a client that does not read is noticed
_UPGRADE = re.compile(rb"\r\nupgrade[ \t]*:", re.IGNORECASE)


class Departures:
    """Answers to calls that came together leave together: a write that wakes its reader costs more than a call."""

    def __init__(self) -> None:
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []
        self._bytes = 0

    def add(self, transport: asyncio.Transport, data: bytes) -> None:
        """To be written as soon as everything that has come was read, or much waits."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.leave)
        self._waiting.append((transport, data))
        self._bytes += len(data)
        if self._bytes > _MOST_WAITING_BYTES:
            self.leave()

    def leave(self) -> None:
        """Write what waits."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        for transport, data in waiting:
            if not transport.is_closing():  # its client may have gone in the meantime
                transport.write(data)


@lru_cache(maxsize=64)
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...], *, keep_alive: bool) -> bytes:
    """Everything before the length: the same for most replies."""
    told = headers if keep_alive else (*headers, (b"connection", b"close"))
    return b"".join([STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in told)])


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with a bound on what may come before a body, and a short way for requests that have come whole."""

    _busy = False  # parsing, or answering: what is to be answered next waits
    _next: Cycle | None = None
    _in_head = False  # between a request's first byte and the end of its headers
    _in_body = False
    _head_bytes = 0  # as much as may belong to the head by now

    def __init__(self, departures: Departures, **settings: Any) -> None:
        super().__init__(**settings)
        self._departures = departures

    def data_received(self, data: bytes) -> None:
        """As uvicorn's; headers that do not end are cut off, and offers to upgrade are not taken."""
        self._head_bytes = self._head_bytes + len(data) if self._in_head else len(data)
        self._busy = True
        super().data_received(data if self._in_body or b"pgrade" not in data else _without_upgrade(data))
        self._answer_what_waits()
        if self._in_head and self._head_bytes > MAX_HEADER_BYTES:
            self._refuse_headers()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        super().on_message_begin()
        self.scope["klingmock.transport"] = self.transport  # type: ignore[typeddict-unknown-key]  # ours

    def on_headers_complete(self) -> None:
        """Its headers are known: too many are refused before anyone sees them."""
        self._in_head, self._in_body = False, True
        if self._head_bytes > MAX_HEADER_BYTES < self._exact_head_bytes():
            self._refuse_headers()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Part of a body; there is no one to hear it when the headers were refused."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request ends."""
        self._in_body = False
        if not self.transport.is_closing():
            super().on_message_complete()

    def _start_asgi_task(self, cycle: Cycle, app: Any) -> None:  # noqa: ARG002  it is always ours
        """A request's turn has come; by the end of the piece that is being parsed its body has mostly come too."""
        self._next = cycle
        if not self._busy:
            self._answer_what_waits()

    def _answer_what_waits(self) -> None:
        self._busy = True
        while self._next is not None:
            cycle, self._next = self._next, None
            app = self._at_once(cycle)
            if app is not None:
                super()._start_asgi_task(cycle, app)
        self._busy = False

    def _at_once(self, cycle: Cycle) -> Any:
        """Let the application answer at once; what is left to do by way of ASGI, if anything."""
        short = getattr(self.app, "at_once", None)
        if short is None or cycle.more_body or self.flow.write_paused or self.transport.is_closing():
            return self.app
        try:
            return short(cycle.scope, cycle.body, partial(self.answer, cycle))
        except Exception as error:  # noqa: BLE001  uvicorn tells of it as of any other
            return partial(_fail, error)

    def answer(self, cycle: Cycle, reply: Reply) -> None:
        """Head and body in one write: half the work of ASGI's two messages, which uvicorn checks and writes one by one."""
        body = b"" if cycle.scope["method"] == "HEAD" else reply.body
        head = _head(reply.status, reply.headers, keep_alive=cycle.keep_alive)
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        self._departures.add(self.transport, b"%bcontent-length: %d\r\n\r\n%b" % (head, len(reply.body), body))
        if not cycle.keep_alive:
            self._departures.leave()
            self.transport.close()
        cycle.message_event.set()
        cycle.on_response()

    def send_400_response(self, msg: str) -> None:
        """As uvicorn's, behind what waits to leave."""
        self._departures.leave()
        super().send_400_response(msg)

    def _exact_head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_headers(self) -> None:
        self._in_head = False
        self._departures.leave()
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()


async def _fail(error: Exception, *_: Any) -> None:
    raise error


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
                http=partial(Protocol, Departures()),  # type: ignore[arg-type]  # it is only called
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
