"""Receives callbacks and keeps each as it came: the inbox of the reference client would throw the wrong ones away."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import orjson

from contracts.surroundings import AROUND

_MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Letter:
    """A callback as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes
    arrived_s: float
    """By the machine's clock that never goes back, as in an exchange."""

    @cached_property
    def content(self) -> Any:
        """Its JSON value, None if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    @property
    def task(self) -> dict[str, Any]:
        """Its JSON value when it is an object, else an empty one."""
        return self.content if isinstance(self.content, dict) else {}


class Postbox:
    """A receiver on the loopback interface that answers 200 to everything."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def url(self, name: str) -> str:
        """An address of its own for whoever should write."""
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def at(self, name: str) -> list[Letter]:
        """What arrived at this address, in order."""
        return [letter for letter in list(self.letters) if letter.path == f"/{name}"]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        letters = self.letters

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def answer(self) -> None:
                length = self.headers.get("content-length", "0")
                body = self.rfile.read(min(int(length), _MAX_BYTES)) if length.isdigit() else b""
                headers = {name.lower(): value for name, value in self.headers.items()}
                letters.append(Letter(self.command, self.path, headers, body, AROUND.monotonic()))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            do_POST = do_GET = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  http.server's own spelling

            def log_message(self, *_: object) -> None:
                """Say nothing; the letters are kept."""

        return Handler
