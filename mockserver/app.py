"""From ASGI to a Call, and from a Reply to ASGI: the API at its own paths, everything of ours under `/__kling/`.

A call is admitted by its headers before its body is read; large bodies are read in worker threads, two at a time, so that
they never hold up anyone else's call.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any

from mockserver import auth, intake, serve, server, wire
from mockserver.album import Album
from mockserver.clock import wall_s
from mockserver.courier import Courier
from mockserver.document import Document
from mockserver.refusals import Refusal
from mockserver.routes import Routes
from mockserver.sandbox import Sandbox
from mockserver.values import NO_BODY, Body, Call, Reply, Task
from mockserver.worlds import Worlds

OWN_PREFIX = "/__kling/"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LARGE_BYTES = 256 * 1024
_LINGER_S, _LINGER_PIECES = 10, 20_000  # what a refused body may take before it is cut off
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
        head = _Head(scope, self._routes)
        box = self._worlds.whose(head.credential)
        try:
            body = await self._body(head, box, receive, send)
        except (Disconnected, asyncio.CancelledError):
            return  # the client went away, or the server ends: there is nobody to answer
        call = head.call(body)
        reply = serve.serve(call, box)
        if reply.task is not None and reply.task.callback_url:
            await self._announce(reply, reply.task, box)
        arrived = await wire.perform(reply, scope, receive, send, box.noise)
        if reply.task is not None and (reply.task.callback_url or not arrived or self._album.wants(body.sights)):
            await self._look_after(reply.task, box, body, arrived=arrived)

    async def _announce(self, reply: Reply, task: Task, box: Sandbox) -> None:
        """Callbacks that do not wait for the create reply: a story's, and all of them when the reply may never leave."""
        await self._courier.deliver_before_reply(box, task)
        if reply.disrupt is not None:
            self._courier.kick(box, task)

    async def _look_after(self, task: Task, box: Sandbox, body: Body, *, arrived: bool) -> None:
        """What a new task needs once its create reply has left: its callbacks, and its images if they may be shown."""
        if not arrived:
            box.facts.add_doubt(task.id)
        if task.callback_url:
            self._courier.kick(box, task)
        if self._album.wants(body.sights):
            await asyncio.to_thread(self._album.keep, task, body.sights)

    async def _body(self, head: "_Head", box: Sandbox, receive: Receive, send: Send) -> Body:
        """The body, where the operation wants one and the caller may make the call."""
        operation = head.found.operation
        if operation is None or operation.body is None:
            return NO_BODY
        try:
            serve.admit(head.credential, head.wall_s, box)
        except Refusal:
            await _let_finish(head.scope, receive)
            return NO_BODY  # serve will say so; the body is not worth reading
        chunks = await _read(receive, send, self._body_limit, head.declared)
        if chunks is None:
            await _let_finish(head.scope, receive)
            return Body(problem="body_too_large")
        if sum(map(len, chunks)) <= _LARGE_BYTES:
            return intake.read(chunks, operation, keep_images=self._album.wanted)
        reading = partial(intake.read, chunks, operation, keep_images=self._album.wanted)
        return await asyncio.get_running_loop().run_in_executor(self._readers, reading)


class _Head:
    """What a request says before its body."""

    __slots__ = ("base_url", "credential", "declared", "found", "scope", "wall_s")

    def __init__(self, scope: Scope, routes: Routes) -> None:
        self.scope = scope
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        self.found = routes.find(scope["method"], path)
        self.wall_s = wall_s()
        headers = dict(scope["headers"])
        self.credential = auth.credential(headers.get(b"authorization", b"").decode("latin-1"))
        length = headers.get(b"content-length", b"")
        self.declared = int(length[:18]) if length.isdigit() else 0
        host = headers.get(b"host", b"")
        self.base_url = _base_url(scope["scheme"], host, scope.get("server"))

    def call(self, body: Body) -> Call:
        """The whole call."""
        scope, found = self.scope, self.found
        return Call(
            scope["method"],
            found.path,
            scope["query_string"].decode("latin-1"),
            scope["headers"],
            found.operation,
            found.known_path,
            found.arguments,
            self.credential,
            self.base_url,
            self.wall_s,
            body,
            body is not NO_BODY,
        )


@lru_cache(maxsize=256)
def _base_url(scheme: str, host: bytes, server: tuple[str, int] | None) -> str:
    """What the client called us; the socket's own address where it said nothing usable."""
    if _HOST.fullmatch(host):
        return f"{scheme}://{host.decode('ascii')}"
    address, port = server or ("127.0.0.1", None)
    return f"{scheme}://{address}:{port}" if port else f"{scheme}://{address}"


async def _read(receive: Receive, send: Send, limit: int, declared: int) -> list[bytes] | None:
    """The whole body in pieces, or None as soon as it is known to be over the limit. Raises Disconnected."""
    if declared > limit:
        return None
    at_hand = server.body_at_hand(send)
    if at_hand is not None:
        return [at_hand] if len(at_hand) <= limit else None
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
            return chunks


async def _let_finish(scope: Scope, receive: Receive) -> None:
    """Throw a refused body away before the answer, where the connection closes after it.

    A client that is still writing when we close never reads why it was refused. On a connection that stays open the server
    throws the rest away by itself, and a client that asked first (`Expect`) has not begun to write.
    """
    headers = dict(scope["headers"])
    closes = scope["http_version"] == "1.0" or b"close" in headers.get(b"connection", b"").lower()
    if not closes or b"expect" in headers:
        return
    try:
        async with asyncio.timeout(_LINGER_S):
            for _ in range(_LINGER_PIECES):
                if not (await receive()).get("more_body", False):
                    return
    except TimeoutError:
        return
