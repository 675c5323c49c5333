"""The control plane of a running double, spoken to from outside: what the command line and the pytest plugin share.

Standard library only, and nothing of the server's: whoever borrows a double should not pay for importing one. Every
request has a connection of its own, so that threads may ask at once and an idle connection is never found closed.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

__tracebackhide__ = True  # pytest shows the test that failed, not these lines

ROOT = "/__kling"
PATIENCE_S = 10.0


class Unreachable(ConnectionError):
    """Nobody answers there, or somebody who is no double."""


class Refused(RuntimeError):
    """The control plane says no; the message is its own."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("title", f"HTTP {status}")))
        self.status = status
        self.pointer = str(problem.get("pointer", ""))  # into the request's body, where that was the trouble


@dataclass(frozen=True, slots=True)
class Remote:
    """A double at an address, or one sandbox of it."""

    url: str  # the base URL, or the control root under it
    sandbox: str | None = None  # an access key; None: the default account's
    token: str = ""
    certificate: str = ""  # the file of the double's own, if https and nobody else vouches for it

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return self.url.rstrip("/").removesuffix(ROOT)

    def get(self, path: str) -> Any:
        """What the control plane tells. Raises Unreachable, Refused."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: Any = None, *, patience_s: float = PATIENCE_S) -> Any:
        """One request to `/__kling/PATH`; what it answers, None if nothing. Raises Unreachable, Refused."""
        connection = self._connection(patience_s)
        try:
            connection.request(method, self._target(path), _written(body), self._headers(body))
            reply = connection.getresponse()
            return self._read(reply.status, reply.read())
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, Unreachable):
                raise
            raise Unreachable(f"no double answers at {self.base_url} ({_reason(error)})") from error
        finally:
            connection.close()

    def _connection(self, patience_s: float) -> http.client.HTTPConnection:
        try:
            parts = urlsplit(self.base_url)
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        if parts.scheme not in ("http", "https") or not host:
            raise Unreachable(f"{self.url!r} is no address; write it like http://127.0.0.1:5546")
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=patience_s)
        return http.client.HTTPSConnection(host, port, timeout=patience_s, context=self._trust())

    def _trust(self) -> Any:
        """The world's certificates, or the double's own alone, whatever name is written in it."""
        import ssl  # noqa: PLC0415  most doubles speak plain HTTP

        if not self.certificate:
            return ssl.create_default_context()
        context = ssl.create_default_context(cafile=self.certificate)
        context.check_hostname = False
        return context

    def _target(self, path: str) -> str:
        query = "?" + urlencode({"sandbox": self.sandbox}) if self.sandbox else ""
        return f"{urlsplit(self.base_url).path}{ROOT}/{path}{query}"

    def _headers(self, body: Any) -> dict[str, str]:
        headers = {"Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def _read(self, status: int, raw: bytes) -> Any:
        try:
            told = json.loads(raw) if raw else None
        except ValueError:
            told = raw
        if status < 300 and not isinstance(told, bytes):
            return told
        if isinstance(told, dict) and "title" in told:
            raise Refused(status, told)
        raise Unreachable(f"what answers at {self.base_url} is no double (HTTP {status} without a word of ours)")


def _written(body: Any) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or type(error).__name__
