"""From ASGI to a Call, and from a Reply to ASGI: the API at its own paths, everything of ours under `/__kling/`.

A call is admitted by its headers before anyone waits for its body; large bodies are read in worker threads, two at a time, so
that they never hold up anyone else's call.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, NamedTuple

from mockserver import auth, intake, serve, wire
from mockserver.album import Album
from mockserver.api import Document
from mockserver.clock import wall_s
from mockserver.courier import Courier
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

_SMALL_BYTES = 256 * 1024  # larger bodies are read in a thread
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
        self._at_once_limit = min(self._body_limit, _SMALL_BYTES)
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
            body = await self._body(head, box, receive)
        except (Disconnected, asyncio.CancelledError):
            return  # the client went away, or the server ends: there is nobody to answer
        reply = serve.serve(head.call(body), box)
        await self._give(_Done(reply, body, box), scope, receive, send)

    def at_once(self, scope: Scope, raw: bytearray, answer: Callable[[Reply], None]) -> App | None:
        """Answer a request that has come whole, where nothing has to be waited for; else what is left to do by way of ASGI."""
        if scope["path"].startswith(OWN_PREFIX) or len(raw) > self._at_once_limit:
            return self
        head = _Head(scope, self._routes)
        box = self._worlds.whose(head.credential)
        body = self._read(head, [bytes(raw)]) if head.wants_body else NO_BODY
        reply = serve.serve(head.call(body), box)
        if reply.disrupt is not None or (reply.task is not None and self._has_to_look_after(reply.task, body)):
            return partial(self._give, _Done(reply, body, box))
        answer(reply)
        return None

    async def _give(self, done: "_Done", scope: Scope, receive: Receive, send: Send) -> None:
        """Send the reply, and do what a new task needs before and after that."""
        reply, body, box = done
        task = reply.task
        if task is not None and task.callback_url:
            await self._announce(reply, task, box)
        arrived = await wire.perform(reply, scope, receive, send, box.noise)
        if task is not None and not arrived:
            box.facts.add_doubt(task.id)
        if task is not None and self._has_to_look_after(task, body):
            await self._look_after(task, box, body)

    async def _announce(self, reply: Reply, task: Task, box: Sandbox) -> None:
        """Callbacks that do not wait for the create reply: a story's, and all of them when the reply may never leave."""
        await self._courier.deliver_before_reply(box, task)
        if reply.disrupt is not None:
            self._courier.kick(box, task)

    def _has_to_look_after(self, task: Task, body: Body) -> bool:
        return bool(task.callback_url) or self._album.wants(body.sights)

    async def _look_after(self, task: Task, box: Sandbox, body: Body) -> None:
        """What a new task needs once its create reply has left: its callbacks, and its images if they may be shown."""
        if task.callback_url:
            self._courier.kick(box, task)
        if self._album.wants(body.sights):
            await asyncio.to_thread(self._album.keep, task, body.sights)

    async def _body(self, head: "_Head", box: Sandbox, receive: Receive) -> Body:
        """The body, where the operation wants one and the caller may make the call."""
        if not head.wants_body:
            return NO_BODY
        try:
            serve.admit(head.credential, head.wall_s, box)
        except Refusal:
            await _let_finish(head.scope, receive)
            return NO_BODY  # serve will say so; the body is not worth reading
        chunks = await _read(receive, self._body_limit, _declared(head.scope))
        if chunks is None:
            await _let_finish(head.scope, receive)
            return Body(problem="body_too_large")
        if sum(map(len, chunks)) <= _SMALL_BYTES:
            return self._read(head, chunks)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, head, chunks)

    def _read(self, head: "_Head", chunks: Sequence[bytes]) -> Body:
        assert head.found.operation is not None
        return intake.read(chunks, head.found.operation, keep_images=self._album.wanted)


class _Done(NamedTuple):
    """A call that was served and is still to be answered."""

    reply: Reply
    body: Body
    box: Sandbox


class _Head:
    """What a request says before its body."""

    __slots__ = ("base_url", "credential", "found", "scope", "wall_s")

    def __init__(self, scope: Scope, routes: Routes) -> None:
        self.scope = scope
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        self.found = routes.find(scope["method"], path)
        self.wall_s = wall_s()
        authorization = host = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"host":
                host = value
        self.credential = auth.credential(authorization.decode("latin-1"))
        self.base_url = _base_url(scope["scheme"], host, scope.get("server"))

    @property
    def wants_body(self) -> bool:
        """Whether it is to an operation that reads one."""
        return self.found.operation is not None and self.found.operation.body is not None

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
        )


@lru_cache(maxsize=256)
def _base_url(scheme: str, host: bytes, server: tuple[str, int] | None) -> str:
    """What the client called us; the socket's own address where it said nothing usable."""
    if _HOST.fullmatch(host):
        return f"{scheme}://{host.decode('ascii')}"
    address, port = server or ("127.0.0.1", None)
    return f"{scheme}://{address}:{port}" if port else f"{scheme}://{address}"


def _declared(scope: Scope) -> int:
    """The Content-Length the client announced, 0 if none."""
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length[:18]) if length.isdigit() else 0


async def _read(receive: Receive, limit: int, declared: int) -> list[bytes] | None:
    """The whole body in pieces, or None as soon as it is known to be over the limit. Raises Disconnected."""
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
