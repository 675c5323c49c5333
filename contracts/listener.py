"""Listens for callbacks on the loopback interface, on a thread of its own: the HTTP under every receiver of the kit."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from contracts.values import Head

MAX_BYTES = 4 * 1024 * 1024
"""A longer body is not read."""
SILENCE_S = 5.0
"""How long a sender that says nothing is listened to."""


@dataclass(frozen=True)
class Arrival:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    length: int | None
    """As announced; None if it was not, or makes no sense."""
    body: bytes


class Listener:
    """Gives each arrival to `take`, one at a time, and answers with the HTTP status it returns."""

    def __init__(self, take: Callable[[Arrival], int], *, port: int = 0) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(take))
        self._server.daemon_threads = False  # so that closing waits for the last one
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(take: Callable[[Arrival], int]) -> type[BaseHTTPRequestHandler]:
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        timeout = SILENCE_S

        def answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            length = Head(0, headers).number("content-length")
            body = self.rfile.read(length) if length and length <= MAX_BYTES else b""
            with one_at_a_time:
                status = take(Arrival(self.command, self.path, headers, length, body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        do_POST = do_GET = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  http.server's own spelling

        def log_message(self, *_: object) -> None:
            """Say nothing; whoever takes the arrivals keeps them."""

    return Handler
