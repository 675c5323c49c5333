"""The control plane, `/__kling/…`: health, the document, a sandbox's clock, tasks, calls and callbacks.

It speaks in its own voice (`application/problem+json`), never in Kling's, and keeps strangers out: the Host must be ours,
a page of another origin is refused, and where a token is set it is demanded.
"""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mockserver import journal, outbox, tasks
from mockserver.courier import Busy, Courier
from mockserver.document import Document
from mockserver.files import Files
from mockserver.sandbox import Sandbox
from mockserver.values import Task
from mockserver.worlds import Worlds

PREFIX = "/__kling"
_OPEN = ("/__kling/livez", "/__kling/readyz", "/__kling/files/", "/__kling/inbox/")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_MAX_ADVANCE_MS = 366 * 24 * 3600 * 1000

Handler = Callable[[Request], Awaitable[Response]]


class Problem(Exception):
    """The control plane says no."""

    def __init__(self, status: int, title: str, **more: Any) -> None:
        super().__init__(title)
        self.status, self.title, self.more = status, title, more


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may use the control plane."""

    token: str = ""
    hosts: frozenset[str] = frozenset()  # beside loopback: the bound address, the public URL's host

    def check(self, request: Request) -> None:
        """Raise Problem unless the request may pass."""
        path = request.scope["path"]
        if path.startswith(_OPEN) and (request.method in ("GET", "HEAD") or path.startswith("/__kling/inbox/")):
            return
        host = _host_name(request.headers.get("host", ""))
        if host not in _LOOPBACK and host not in self.hosts:
            raise Problem(403, f"the Host {host!r} is not this server's")
        self._check_origin(request)
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.token and not hmac.compare_digest(sent.encode(), self.token.encode()):
            raise Problem(401, "the control plane wants its token: Authorization: Bearer TOKEN")

    def _check_origin(self, request: Request) -> None:
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "none")
        own = f"{request.url.scheme}://{request.headers.get('host', '')}"
        if (origin is not None and origin != own) or site in ("cross-site", "same-site"):
            raise Problem(403, "requests that a browser sends from another origin are refused")


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


class Control:
    """The application under `/__kling/`."""

    def __init__(self, worlds: Worlds, document: Document, courier: Courier, files: Files, guard: Guard) -> None:
        self._worlds, self._document, self._courier, self._guard = worlds, document, courier, guard
        self._app = Starlette(
            routes=[
                Route(f"{PREFIX}{path}", _speaking_json(handler, guard), methods=[method])
                for method, path, handler in self._routes(files)
            ],
            exception_handlers={404: _not_found, 405: _not_allowed},
        )

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]
    ) -> None:
        await self._app(scope, receive, send)

    def _routes(self, files: Files) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/livez", self._up),
            ("GET", "/readyz", self._up),
            ("GET", "/files/{key}/{name}", files),
            ("GET", "/spec/openapi.json", self._spec_json),
            ("GET", "/spec/openapi.yaml", self._spec_yaml),
            ("GET", "/clock", self._clock),
            ("POST", "/clock", self._set_clock),
            ("GET", "/tasks", self._tasks),
            ("GET", "/tasks/{id}", self._task),
            ("GET", "/calls", self._calls),
            ("GET", "/callbacks", self._callbacks),
            ("POST", "/reset", self._reset),
        ]

    # -- about the server

    async def _up(self, request: Request) -> Response:
        return answer({"status": "up"})

    async def _spec_json(self, request: Request) -> Response:
        return answer(self._document.raw)

    async def _spec_yaml(self, request: Request) -> Response:
        return Response(as_yaml(self._document), media_type="application/yaml")

    # -- about one sandbox

    def _box(self, request: Request) -> Sandbox:
        wanted = request.query_params.get("sandbox")
        box = self._worlds.named(wanted) if wanted else self._worlds.default
        if box is None:
            raise Problem(404, f"there is no sandbox {wanted!r}")
        return box

    async def _clock(self, request: Request) -> Response:
        return answer(_time(self._box(request), []))

    async def _set_clock(self, request: Request) -> Response:
        """`{"advance_ms"}` or `{"rate"}`; forward only."""
        box, wish = self._box(request), await _json_object(request)
        match wish:
            case {"advance_ms": int(ms)} if len(wish) == 1 and not isinstance(ms, bool) and 0 <= ms <= _MAX_ADVANCE_MS:
                return answer(_time(box, await self._advanced(box, ms)))
            case {"rate": int() | float() as rate} if len(wish) == 1 and not isinstance(rate, bool):
                try:
                    box.clock.set_rate(rate)
                except ValueError as error:
                    raise Problem(422, str(error)) from error
                self._courier.kick(box)
                return answer(_time(box, []))
        raise Problem(
            422, f'wants {{"advance_ms": 0…{_MAX_ADVANCE_MS}}} or {{"rate": 0…1000000}}: time can\'t go backwards'
        )

    async def _advanced(self, box: Sandbox, ms: int) -> list[dict[str, Any]]:
        try:
            return await self._courier.advance(box, ms)
        except Busy as busy:
            raise Problem(409, "another advance of this sandbox is under way") from busy

    async def _tasks(self, request: Request) -> Response:
        box = self._box(request)
        return answer({"tasks": [self._shown(box, task) for task in box.facts.tasks.values()]})

    async def _task(self, request: Request) -> Response:
        box = self._box(request)
        task = box.facts.task(request.path_params["id"])
        if task is None:
            raise Problem(404, f"there is no task {request.path_params['id']!r}")
        marks = [{"status": mark.status, "at_ms": mark.at_ms} for mark in box.facts.timeline(task)]
        return answer({**self._shown(box, task), "timeline": marks, "deliveries": self._deliveries(box, task)})

    def _shown(self, box: Sandbox, task: Task) -> dict[str, Any]:
        base_url = box.settings.public_url or task.base_url
        shown = tasks.view(task, box.facts.timeline(task), box.clock.now_ms(), base_url, self._document.lifecycle)
        return {**shown, "product": task.product, "units": task.units, "arguments": task.arguments}

    async def _calls(self, request: Request) -> Response:
        facts = self._box(request).facts
        return answer({"calls": [journal.shown(entry) for entry in facts.calls], "evicted": facts.evicted})

    async def _callbacks(self, request: Request) -> Response:
        box = self._box(request)
        found = [delivery for task in box.facts.tasks.values() for delivery in self._deliveries(box, task)]
        return answer({"callbacks": found})

    def _deliveries(self, box: Sandbox, task: Task) -> list[dict[str, Any]]:
        """Every delivery of a task that is due or was tried, with its attempts."""
        owing = outbox.deliveries(task, box.facts.timeline(task), box.document.choices["callback_statuses"])
        now_ms = box.clock.now_ms()
        return [
            {
                "id": delivery.id,
                "task_id": task.id,
                "url": task.callback_url,
                "status": delivery.status,
                "due_ms": delivery.due_ms,
                "attempts": [
                    {
                        "at_ms": attempt.at_ms,
                        "answer": attempt.status,
                        "error": attempt.error,
                        "delivered": attempt.delivered,
                        "refused": attempt.final,
                        "took_ms": round(attempt.took_ms, 3),
                    }
                    for attempt in box.facts.attempts.get(delivery.id, ())
                ],
            }
            for delivery in owing
            if delivery.due_ms <= now_ms
        ]

    async def _reset(self, request: Request) -> Response:
        box = self._box(request)
        box.reset()
        self._courier.forget(box)
        return Response(status_code=204)


def as_yaml(document: Document) -> bytes:
    """The document in one piece, as YAML that a 1.1 reader understands the same way."""
    plain = orjson.loads(orjson.dumps(document.raw))
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()


def answer(content: Any, status: int = 200) -> Response:
    """A JSON answer of the control plane."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def problem(told: Problem) -> Response:
    """An error of the control plane, RFC 9457."""
    body = {"type": "about:blank", "title": told.title, "status": told.status, **told.more}
    return Response(orjson.dumps(body), told.status, media_type="application/problem+json")


def _time(box: Sandbox, fired: list[dict[str, Any]]) -> dict[str, Any]:
    return {"now_ms": box.clock.now_ms(), "rate": box.clock.rate, "fired": fired}


async def _json_object(request: Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.body())
    except ValueError as error:
        raise Problem(422, f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Problem(422, "the body must be a JSON object")
    return body


def _speaking_json(handler: Handler, guard: Guard) -> Handler:
    async def guarded(request: Request) -> Response:
        try:
            guard.check(request)
            return await handler(request)
        except Problem as told:
            return problem(told)

    return guarded


async def _not_found(request: Request, error: Exception) -> Response:
    return problem(Problem(404, f"the control plane has no {request.url.path}"))


async def _not_allowed(request: Request, error: Exception) -> Response:
    told = problem(Problem(405, f"{request.url.path} does not take {request.method}"))
    allow = getattr(error, "headers", None) or {}
    told.headers.update(allow)
    return told
