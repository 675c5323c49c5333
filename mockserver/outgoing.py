"""The one place where the double speaks to the outside: a POST to a judged address.

No URL and no receiver can make `Outgoing.post` raise or wait beyond its deadline; what happened is an `Outcome`.
Nothing is sent to an address that was not judged. The libraries take longer to import than the server may take to
start, so the courier imports this module when the first callback is due.

**How an address is judged.** A URL says a name, and a name says nothing: `localhost.example.com` may lead to a cloud's
metadata service, and lead elsewhere a moment later. So the name is looked up once for each connection, every address it
gives is judged, and the connection is made to one of those very addresses; `Host` and TLS keep the name. Spellings
(`2130706433`, `127.1`, `::ffff:8.8.8.8`, `127.0.0.1\\@8.8.8.8`) need no rules of their own: what is connected to was
judged as the address it is. Whatever stands before an `@` is never sent.

**Why httpx's client is not used**, only its URLs and the connection beneath it: a client would keep a receiver's
cookies for the next delivery and add headers nobody asked for. A connection adds nothing, follows nothing, and reads no
environment.

**Why each POST has a connection of its own.** One that is kept open may be closed by the receiver in the moment we use
it; a delivery would fail by chance. And a receiver that serves one connection at a time, as small test servers do,
would wait for our next callback and hear nobody else. It costs half a millisecond.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Any

import httpcore
import httpx

from mockserver.destinations import HOST, Destinations, Forbidden

__all__ = ["Outcome", "Outgoing"]

MAX_REPLY_BYTES = 64 * 1024
"""Of a receiver's body so much is read, and thrown away; then the connection is closed."""

MAX_ERROR_CHARS = 300
"""URLs and receivers put their own text into errors, as long as they like."""

Resolve = Callable[[str, int], Awaitable[Iterable[str]]]
"""From host and port to every address the host has, as text."""

Connect = Callable[[str, int], Awaitable[httpcore.AsyncNetworkStream]]
"""From one address, as text, and port to an open stream."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one POST."""

    status: int | None
    """The receiver's HTTP status, None if there was none."""
    error: str | None
    """One sentence: a refused address, no connection, no answer in time, … A reply whose body went wrong has both."""
    refused: bool
    """Our own guard said no; nothing was sent."""
    took_ms: float
    """Real milliseconds, from the call to this."""

    @property
    def delivered(self) -> bool:
        """The receiver answered with any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class Outgoing:
    """POSTs to `destinations`, by default loopback and private addresses.

    `timeout_s` is the deadline of a whole POST in real seconds, from looking up the name to the last byte. `resolve` and
    `connect` are for tests.
    """

    def __init__(
        self,
        *,
        destinations: Destinations | None = None,
        timeout_s: float = 5.0,
        resolve: Resolve | None = None,
        connect: Connect | None = None,
    ) -> None:
        self._destinations = destinations or Destinations.allowing(())
        self._timeout_s = timeout_s
        self._resolve, self._connect = resolve or _look_up, connect or _dial
        self._under_way: set[asyncio.Timeout] = set()
        self._end = f"after {timeout_s:g} s"

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Send `body` with exactly these headers and what HTTP needs; never follow a redirect, never raise."""
        began = perf_counter()  # not the loop's time: uvloop rounds that to a millisecond
        status, error, refused = None, None, False
        try:
            async with self._deadline(), _Door(self._destinations, self._resolve, self._connect) as door:
                request = _request(url, body, headers)
                reply = await self._connection(request.url.origin, door).handle_async_request(request)
                status = reply.status
                await _discard(reply)
        except Forbidden as refusal:
            error, refused = str(refusal), True
        except TimeoutError:
            error = f"the receiver had not finished {self._end}"
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as failure:
            error = _sentence(failure)
        return Outcome(status, error and error[:MAX_ERROR_CHARS], refused, took_ms=(perf_counter() - began) * 1000)

    async def close(self) -> None:
        """Break off every POST that is under way; each ends as an outcome."""
        self._end = "when the double stopped"
        for deadline in self._under_way:
            if not deadline.expired():
                deadline.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        async with asyncio.timeout(self._timeout_s) as deadline:
            self._under_way.add(deadline)
            try:
                yield
            finally:
                self._under_way.discard(deadline)

    def _connection(self, origin: httpcore.Origin, door: "_Door") -> httpcore.AsyncHTTPConnection:
        tls = self._tls if origin.scheme == b"https" else None
        return httpcore.AsyncHTTPConnection(origin, tls, network_backend=door)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made for the first https receiver, since reading the machine's certificates holds the loop some 60 ms."""
        return httpcore.default_ssl_context()


class _Door(httpcore.AsyncNetworkBackend):
    """Where a POST's one connection begins: a look-up, a judgement, then only what was judged. And where it ends."""

    def __init__(self, destinations: Destinations, resolve: Resolve, connect: Connect) -> None:
        self._destinations, self._resolve, self._connect = destinations, resolve, connect
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(self, host: str, port: int, *_: Any, **_options: Any) -> httpcore.AsyncNetworkStream:
        """Connect to the first judged address of `host` that answers; the deadline is the caller's."""
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._destinations.judge(host, await self._resolve(host, port)):
            try:
                self._stream = await self._connect(address, port)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return self._stream
        raise failure

    async def __aenter__(self) -> "_Door":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the stream itself: a connection that is left during its TLS handshake has already forgotten it."""
        if self._stream:
            await self._stream.aclose()


async def _look_up(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise Forbidden(f"the URL cannot be used: no host is called {host!r}") from error
    return [str(sockaddr[0]) for *_, sockaddr in found]


async def _dial(address: str, port: int) -> httpcore.AsyncNetworkStream:
    return await httpcore.AnyIOBackend().connect_tcp(address, port)


async def _discard(reply: httpcore.Response) -> None:
    left = MAX_REPLY_BYTES
    async for chunk in reply.aiter_stream():
        left -= len(chunk)
        if left <= 0:
            return


def _request(url: str, body: bytes, headers: Mapping[str, str]) -> httpcore.Request:
    """The given headers, and before them those that HTTP needs and nobody gave."""
    parsed = _parsed(url)
    needed = {
        "Host": parsed.netloc.decode(),
        "User-Agent": "klingmock",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    given = {name.lower() for name in headers}
    lines = [(name, value) for name, value in needed.items() if name.lower() not in given]
    target = httpcore.URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path)
    return httpcore.Request("POST", target, headers=lines + list(headers.items()), content=body)


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Forbidden(f"the URL cannot be used: {error}") from error
    if parsed.scheme not in ("http", "https"):
        raise Forbidden("the URL cannot be used: it does not begin with http:// or https://")
    if not HOST.fullmatch(parsed.raw_host.decode()):
        raise Forbidden(f"the URL cannot be used: no host is called {parsed.host!r}")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise Forbidden(f"the URL cannot be used: there is no port {parsed.port}")
    return parsed


def _sentence(failure: Exception) -> str:
    root: BaseException = failure
    while root.__cause__:
        root = root.__cause__
    match root:
        case ssl.SSLCertVerificationError():
            return f"the receiver's certificate is not trusted: {root.verify_message} (SSL_CERT_FILE can name others)"
        case ssl.SSLError():
            return f"the receiver did not answer in TLS: {root.reason}"
        case socket.gaierror():
            return f"the receiver's name was not found: {root.strerror}"
        case OSError(errno=int(number)):
            return f"the connection to the receiver failed: {os.strerror(number)}"
    if isinstance(failure, httpcore.ProtocolError):
        return f"the receiver did not answer in HTTP: {failure}"
    return f"the connection to the receiver broke off: {str(failure) or type(failure).__name__}"
