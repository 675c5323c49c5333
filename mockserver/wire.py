"""Performs a reply on the socket, and runs the server: the only place that knows uvicorn's inside."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mockserver.values import Reply

MAX_HEADER_BYTES = 64 * 1024
GRACE_S = 1  # what calls in flight get at the end

_log = logging.getLogger("klingmock.wire")

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def perform(reply: Reply, send: Send) -> None:
    """Send a reply as it is."""
    length = (b"content-length", str(len(reply.body)).encode())
    await send({"type": "http.response.start", "status": reply.status, "headers": [*reply.headers, length]})
    await send({"type": "http.response.body", "body": reply.body})


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with a bound on what may come before a body."""

    _in_head = False  # between a request's first byte and the end of its headers
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """As uvicorn's; headers that do not end are cut off."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEADER_BYTES:
                self._refuse_headers()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its headers are known: too many are refused before anyone sees them."""
        self._in_head = False
        if len(self.url) + sum([len(name) + len(value) + 4 for name, value in self.headers]) > MAX_HEADER_BYTES:
            self._refuse_headers()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Part of a body; there is no one to hear it when the headers were refused."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request ends."""
        if not self.transport.is_closing():
            super().on_message_complete()

    def _refuse_headers(self) -> None:
        self._in_head = False
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()


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
