"""Performs a reply on the socket, whole or disrupted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from random import Random
from typing import Any

from mockserver.scenario import Disruption
from mockserver.values import Reply

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def perform(reply: Reply, scope: Scope, receive: Receive, send: Send, chance: Random) -> bool:
    """Send a reply, whole or disrupted; whether the client got it as it was meant.

    Disruptions take real time: what they disturb is the client's patience, not the sandbox's clock.
    """
    if reply.disrupt is None:
        await _send(reply, reply.body, send)
        return True
    try:
        return await _DISRUPTIONS[reply.disrupt.kind](reply, reply.disrupt, _Line(scope, receive, send), chance)
    except asyncio.CancelledError:  # the server ends while a reply stalls: an expected fault, no traceback
        _Line(scope, receive, send).abort()
        return False


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
