"""From ASGI to a Call, and from a Reply to ASGI: the API at its own paths, everything of ours under `/__kling/`.

A call is admitted by its headers before its body is read; large bodies are read in worker threads, two at a time, so that
they never hold up anyone else's call.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from mockserver import intake, serve, wire
from mockserver.album import Album
from mockserver.clock import wall_s
from mockserver.courier import Courier
from mockserver.document import Document
from mockserver.refusals import Refusal
from mockserver.routes import Routes
from mockserver.values import Body, Call
from mockserver.worlds import Worlds

OWN_PREFIX = "/__kling/"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LARGE_BYTES = 256 * 1024
_HOST = re.compile(rb"[A-Za-z0-9._~-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


class Disconnected(Exception):
    """The client went away before its request was whole."""


class Double:
    """The whole application. `own` answers under `/__kling/`, everything else is the API."""

    def __init__(self, worlds: Worlds, document: Document, courier: Courier, album: Album, own: App) -> None:
        self._worlds = worlds
        self._routes = Routes(document.operations)
        self._body_limit = document.limits["body_bytes"]
        self._courier = courier
        self._album = album
        self._own = own
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="klingmock-body")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(OWN_PREFIX):
            await self._own(scope, receive, send)
            return
        call = self._call(scope)
        box = self._worlds.whose(call.authorization)
        try:
            call = await self._with_body(call, box, scope, receive)
        except Disconnected:
            return
        reply = serve.serve(call, box)
        await wire.perform(reply, send)
        if reply.task is not None:
            self._courier.kick(box, reply.task)
            if call.body.sights and self._album.wanted:
                await asyncio.to_thread(self._album.keep, reply.task, call.body.sights)

    def _call(self, scope: Scope) -> Call:
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        found = self._routes.find(scope["method"], path)
        authorization, host = None, b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value.decode("latin-1")
            elif name == b"host":
                host = value
        return Call(
            method=scope["method"],
            path=path,
            query=scope["query_string"].decode("latin-1"),
            headers=scope["headers"],
            operation=found.operation,
            known_path=found.known_path,
            path_arguments=found.arguments,
            authorization=authorization,
            base_url=f"{scope['scheme']}://{_host(host, scope)}",
            wall_s=wall_s(),
        )

    async def _with_body(self, call: Call, box: Any, scope: Scope, receive: Receive) -> Call:
        """The call with its body, where the operation wants one and the caller may make it."""
        if call.operation is None or call.operation.body is None:
            return call
        try:
            serve.admit(call, box)
        except Refusal:
            return call  # serve will say so; the body is not worth reading
        raw = await _read(receive, self._body_limit, _declared(scope))
        if raw is None:
            return replace(call, body=Body(problem="body_too_large"))
        if len(raw) <= _LARGE_BYTES:
            return replace(call, body=intake.read(raw, call.operation, keep_images=self._album.wanted))
        reading = partial(intake.read, raw, call.operation, keep_images=self._album.wanted)
        return replace(call, body=await asyncio.get_running_loop().run_in_executor(self._readers, reading))


def _host(host: bytes, scope: Scope) -> str:
    """What the client called us; the socket's own address where it said nothing usable."""
    if _HOST.fullmatch(host):
        return host.decode("ascii")
    address, port = scope.get("server") or ("127.0.0.1", None)
    return f"{address}:{port}" if port else str(address)


def _declared(scope: Scope) -> int:
    """The Content-Length the client announced, 0 if none."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0


async def _read(receive: Receive, limit: int, declared: int) -> bytes | None:
    """The whole body, or None as soon as it is known to be over the limit. Raises Disconnected."""
    if declared > limit:
        return None
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            return None
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)

