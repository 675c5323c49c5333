"""Grants the wishes of a conversation over httpx, and knows nothing of what it is about.

The only room that imports httpx: another HTTP library would cost this page. No redirect is followed; no proxy, netrc or
certificate path of the environment is used.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar, assert_never

import httpx

from contracts.errors import ProtocolError, TransportError
from contracts.talk import Do, Open, Pause, Read, Talk, Wish
from contracts.values import Head

T = TypeVar("T")

Transport = httpx.BaseTransport
AsyncTransport = httpx.AsyncBaseTransport


class Wire:
    """Connections to the world, and a way to let time pass."""

    def __init__(self, transport: Transport | None, sleep: Callable[[float], object]) -> None:
        self._http = httpx.Client(transport=transport, trust_env=False, follow_redirects=False)
        self._sleep = sleep

    def hold(self, talk: Talk[T]) -> T:
        """What the conversation comes to."""
        line = _Line(self._http, self._sleep)
        step = partial(next, talk)
        try:
            while True:
                try:
                    wish = step()
                except StopIteration as end:  # caught here alone: one that escapes from a deed is no end
                    result: T = end.value
                    return result
                try:
                    step = partial(talk.send, line.grant(wish))
                except (TransportError, ProtocolError) as trouble:
                    step = partial(talk.throw, trouble)
        finally:
            talk.close()
            line.hang_up()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


class AsyncWire:
    """`Wire`, awaited."""

    def __init__(self, transport: AsyncTransport | None, sleep: Callable[[float], Awaitable[object]]) -> None:
        self._http = httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)
        self._sleep = sleep

    async def hold(self, talk: Talk[T]) -> T:
        """What the conversation comes to."""
        line = _AsyncLine(self._http, self._sleep)
        step = partial(next, talk)
        try:
            while True:
                try:
                    wish = step()
                except StopIteration as end:
                    result: T = end.value
                    return result
                try:
                    step = partial(talk.send, await line.grant(wish))
                except (TransportError, ProtocolError) as trouble:
                    step = partial(talk.throw, trouble)
        finally:
            talk.close()
            await line.hang_up()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()


class _Line:
    """One conversation's hold on the wire; at most one answer is open."""

    def __init__(self, http: httpx.Client, sleep: Callable[[float], object]) -> None:
        self._http, self._sleep = http, sleep
        self._answer: httpx.Response | None = None
        self._pieces: Iterator[bytes] = iter(())

    def grant(self, wish: Wish) -> Any:
        with _translated():
            match wish:
                case Open():
                    self.hang_up()
                    self._answer = self._http.send(_outgoing(self._http, wish), stream=True)
                    self._pieces = iter([self._answer.content]) if _has_come(self._answer) else self._answer.iter_raw()
                    return _head(self._answer)
                case Read():
                    return next(self._pieces, None)
                case Pause(seconds):
                    self.hang_up()
                    return self._sleep(seconds)
                case Do(deed):
                    return deed()
                case _:
                    assert_never(wish)

    def hang_up(self) -> None:
        if self._answer:
            self._answer.close()


class _AsyncLine:
    """`_Line`, awaited."""

    def __init__(self, http: httpx.AsyncClient, sleep: Callable[[float], Awaitable[object]]) -> None:
        self._http, self._sleep = http, sleep
        self._answer: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes]

    async def grant(self, wish: Wish) -> Any:
        with _translated():
            match wish:
                case Open():
                    await self.hang_up()
                    self._answer = await self._http.send(_outgoing(self._http, wish), stream=True)
                    self._pieces = _one(self._answer.content) if _has_come(self._answer) else self._answer.aiter_raw()
                    return _head(self._answer)
                case Read():
                    return await anext(self._pieces, None)
                case Pause(seconds):
                    await self.hang_up()
                    return await self._sleep(seconds)
                case Do(deed):
                    return await asyncio.to_thread(deed)
                case _:
                    assert_never(wish)

    async def hang_up(self) -> None:
        if self._answer:
            await self._answer.aclose()


@contextmanager
def _translated() -> Iterator[None]:
    """httpx's errors in our words."""
    try:
        yield
    except httpx.InvalidURL as error:
        raise ProtocolError(f"this link is none: {error}") from error
    except httpx.HTTPError as error:
        raise TransportError(f"no whole answer arrived: {type(error).__name__} {error}".rstrip()) from error


def _outgoing(http: httpx.Client | httpx.AsyncClient, wish: Open) -> httpx.Request:
    request, headers = wish.request, dict(wish.request.headers)
    return http.build_request(
        request.method, request.url, headers=headers, content=request.body, timeout=wish.timeout_s
    )


def _head(answer: httpx.Response) -> Head:
    return Head(answer.status_code, {name.lower(): value for name, value in answer.headers.items()})


def _has_come(answer: httpx.Response) -> bool:
    """Whether the whole body is there already; answers that a test's own transport makes up often are so."""
    return answer.is_stream_consumed


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body
