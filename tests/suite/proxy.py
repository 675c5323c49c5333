"""A proxy before a double that tells one lie at a time: the first segment of the path names the liar.

Calls, replies, links and callbacks all pass through it, so that a liar may change any of them. `honest` changes nothing.
"""

import asyncio
import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote

import httpx
import orjson
import uvicorn

CREATE = "/v1/videos/multi-image2video"
HOP = {"transfer-encoding", "connection", "content-length", "host"}


@dataclass
class Call:
    """A call on its way to the double. `memory` is the liar's own."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    memory: dict[str, Any]
    origin: str

    @property
    def json(self) -> Any:
        try:
            return orjson.loads(self.body)
        except ValueError:
            return None

    @json.setter
    def json(self, value: Any) -> None:
        self.body = orjson.dumps(value)

    @property
    def fields(self) -> dict[str, Any]:
        """The body when it is an object, else an empty one."""
        content = self.json
        return content if isinstance(content, dict) else {}

    @property
    def name(self) -> str:
        """The external id in the body; empty if there is none."""
        given = self.fields.get("external_task_id")
        return given if isinstance(given, str) else ""

    @property
    def images(self) -> list[Any]:
        listed = self.fields.get("image_list")
        return listed if isinstance(listed, list) else []

    def number(self, name: str) -> int:
        text = self.asked.get(name, "")
        return int(text) if text.isdigit() else 0

    @property
    def action(self) -> str:
        if self.path == CREATE:
            return {"POST": "submit", "GET": "list"}.get(self.method, "")
        if self.path.startswith(f"{CREATE}/") and self.method == "GET":
            return "read"
        return {"/account/costs": "costs"}.get(self.path, "")

    @property
    def asked(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.query).items()}


@dataclass
class Reply:
    """A reply on its way back."""

    status: int
    headers: dict[str, str]
    body: bytes
    content: Any = field(default=None)

    def __post_init__(self) -> None:
        with contextlib.suppress(ValueError):
            self.content = orjson.loads(self.body)

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks in it, whatever the call."""
        data = self.content.get("data") if isinstance(self.content, dict) else None
        found = data if isinstance(data, list) else [data]
        return [task for task in found if isinstance(task, dict) and "task_id" in task]

    @property
    def ok(self) -> bool:
        return self.status == 200

    def refuse(self, status: int, code: int) -> None:
        self.status = status
        self.content = {"code": code, "message": "no", "request_id": self.content["request_id"]}

    def accept(self) -> None:
        """A create was accepted, or so it says."""
        task = {"task_id": "1", "task_status": "submitted", "task_info": {}, "created_at": 1, "updated_at": 1}
        self.status = 200
        self.content = {**self.content, "code": 0, "message": "SUCCEED", "data": task}

    def bytes(self) -> bytes:
        return self.body if self.content is None else orjson.dumps(self.content)


@dataclass
class Letter:
    """A callback on its way to the client; `copies` says how often it goes."""

    content: Any
    memory: dict[str, Any]
    to: str
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    method: str = "POST"
    copies: int = 1


@dataclass(frozen=True)
class Liar:
    """One lie, and the promise that must catch it."""

    name: str
    catcher: str
    request: Callable[[Call], None] | None = None
    reply: Callable[[Call, Reply], None] | None = None
    callback: Callable[[Letter], None] | None = None


class Proxy:
    """The ASGI application."""

    def __init__(self, double: str, liars: dict[str, Liar]) -> None:
        self.double, self.liars, self.url = double, liars, ""
        self.heard: deque[Call] = deque(maxlen=1000)  # bodies of megabytes are among them
        self._memories: dict[str, dict[str, Any]] = {}
        self._client = httpx.AsyncClient(timeout=60, trust_env=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        raw = scope["raw_path"].decode("latin-1")
        name, _, path = raw.lstrip("/").partition("/")
        body = await _whole(receive)
        liar, memory = self.liars[name.partition("+")[0]], self._memories.setdefault(name, {})
        if path.startswith("callback"):
            await self._write(liar, memory, scope, body)
            reply = Reply(200, {}, b"")
        else:
            headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
            call = Call(
                scope["method"], f"/{path}", scope["query_string"].decode(), headers, body, memory, f"{self.url}/{name}"
            )
            reply = await self._answer(liar, call)
        await _send(send, reply)

    async def _answer(self, liar: Liar, call: Call) -> Reply:
        self._mind_the_callback(call)
        self.heard.append(call)
        if liar.request:
            liar.request(call)
        reply = await self.ask(call)
        if reply.ok and "authorization" in call.headers:
            call.memory["good"] = call.headers["authorization"]
            if call.action == "submit":
                call.memory.setdefault("maker", call.headers["authorization"])
        if liar.reply:
            liar.reply(call, reply)
        return reply

    async def ask(self, call: Call) -> Reply:
        headers = {name: value for name, value in call.headers.items() if name not in HOP}
        url = f"{self.double}{call.path}{'?' if call.query else ''}{call.query}"
        told = await self._client.request(call.method, url, headers=headers, content=call.body)
        kept = {name.lower(): value for name, value in told.headers.items() if name.lower() not in HOP}
        json_like = "json" in kept.get("content-type", "")
        body = told.content.replace(self.double.encode(), call.origin.encode()) if json_like else told.content
        return Reply(told.status_code, kept, body)

    def _mind_the_callback(self, call: Call) -> None:
        body = call.json if call.action == "submit" and len(call.body) < 100_000 else None
        url = body.get("callback_url") if isinstance(body, dict) else None
        if isinstance(url, str) and url.startswith("http"):
            call.json = {**body, "callback_url": f"{call.origin}/callback?to={quote(url, safe='')}"}

    async def _write(self, liar: Liar, memory: dict[str, Any], scope: Any, body: bytes) -> None:
        to = parse_qs(scope["query_string"].decode())["to"][0]
        name = scope["raw_path"].decode().lstrip("/").partition("/")[0]
        told = body.replace(self.double.encode(), f"{self.url}/{name}".encode())
        letter = Letter(orjson.loads(told), memory, to)
        if liar.callback:
            liar.callback(letter)
        for _ in range(letter.copies):
            content = letter.content if isinstance(letter.content, bytes) else orjson.dumps(letter.content)
            await self._client.request(letter.method, letter.to, headers=letter.headers, content=content)


async def _whole(receive: Any) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send(send: Any, reply: Reply) -> None:
    body = reply.bytes()
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_END_S = 10


@contextlib.contextmanager
def running(double: str, liars: dict[str, Liar]) -> Iterator[Proxy]:
    """The proxy on a thread of its own, on a real socket."""
    proxy = Proxy(double, liars)
    config = uvicorn.Config(
        proxy,
        port=0,
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,  # a connection that somebody left open must not keep the tests from ending
    )
    server = uvicorn.Server(config)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, so that Nagle is off
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    proxy.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    async def serve() -> None:
        async with proxy._client:
            await server.serve(sockets=[listener])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.should_exit = True
        thread.join(timeout=_END_S)  # a daemon: what still hangs then ends with the process
