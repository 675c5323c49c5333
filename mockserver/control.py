"""The control plane, `/__kling/…`: routes and request bodies from its own document, one method an operation.

It speaks in its own voice (`application/problem+json`), never in Kling's.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mockserver import memories, timeline, wire, yaml12
from mockserver.api import Document
from mockserver.clock import Clock
from mockserver.courier import Busy, Courier
from mockserver.files import Files
from mockserver.guard import Guard, Problem
from mockserver.inbox import Behaviour, Inbox
from mockserver.resources import CONTROL_DOCUMENT
from mockserver.sandbox import Sandbox
from mockserver.scenario import Scenario
from mockserver.schemas import Checker, compile_all
from mockserver.timeline import Mark
from mockserver.values import Account, Task
from mockserver.voice import Silence, answer, body_of, not_allowed, not_found, problem, raw_body
from mockserver.worlds import Worlds, new_account, new_seed
from mockserver.yaml12 import AuthorsMistake

PREFIX = "/__kling"

Handler = Callable[[Request, dict[str, Any]], Awaitable[Response]]


class Control:
    """The application under `/__kling/`."""

    def __init__(self, worlds: Worlds, document: Document, courier: Courier, files: Files, guard: Guard) -> None:
        self._worlds, self._document, self._courier, self._guard = worlds, document, courier, guard
        self._own = yaml12.read(CONTROL_DOCUMENT)
        _list_stories(self._own["components"]["schemas"], worlds.default.library.names())
        self._checker_at = compile_all(_enforced(self._own))
        routes = [Route(f"{PREFIX}/files/{{key}}/{{name}}", files, methods=["GET"])]
        routes += [self._route(path, item) for path, item in self._own["paths"].items()]
        self._app = Starlette(routes=routes, exception_handlers={404: not_found})

    async def __call__(self, scope: wire.Scope, receive: wire.Receive, send: wire.Send) -> None:
        await self._app(scope, receive, send)

    def _route(self, path: str, item: dict[str, Any]) -> Route:
        """One path of the document, all its methods."""
        pointer = f"#/paths/{path.replace('/', '~1')}"
        found: dict[str, tuple[Handler, Checker | None]] = {}
        for method in item.keys() - {"parameters"}:
            body = item[method].get("requestBody", {}).get("content", {}).get("application/json")
            place = f"{pointer}/{method}/requestBody/content/application~1json/schema"
            name = item[method]["operationId"]
            found[method.upper()] = getattr(self, f"_{name}"), self._checker_at(place) if body else None
        return Route(f"{PREFIX}{path}", self._answering(found), methods=[*_ALL_METHODS])

    def _answering(self, found: dict[str, tuple[Handler, Checker | None]]) -> Callable[[Request], Awaitable[Response]]:
        allowed = sorted(found)

        async def answering(request: Request) -> Response:
            try:
                self._guard.check(request)
                method = "GET" if request.method == "HEAD" and "GET" in found else request.method
                if method not in found:
                    return not_allowed(request, allowed)
                handler, checker = found[method]
                return await handler(request, await body_of(request, checker) if checker else {})
            except Problem as told:
                return problem(told)

        return answering

    # -- about the server

    async def _livez(self, request: Request, body: dict[str, Any]) -> Response:
        return answer({"status": "up"})

    async def _readyz(self, request: Request, body: dict[str, Any]) -> Response:
        return answer({"status": "up"})

    async def _own_document(self, request: Request, body: dict[str, Any]) -> Response:
        return answer(self._own)

    async def _spec_json(self, request: Request, body: dict[str, Any]) -> Response:
        return answer(self._document.raw)

    async def _spec_yaml(self, request: Request, body: dict[str, Any]) -> Response:
        return Response(as_yaml(self._document), media_type="application/yaml")

    # -- sandboxes

    async def _make_sandbox(self, request: Request, wish: dict[str, Any]) -> Response:
        default = self._worlds.default
        fresh = new_account()
        account = Account(*(wish.get(name) or getattr(fresh, name) for name in ("access_key", "secret_key", "api_key")))
        if self._worlds.taken(account):
            raise Problem(409, f"there is already a sandbox with access key {account.access_key!r} or this API key")
        balance = wish.get("balance")
        settings = replace(
            default.settings,
            seed=str(wish.get("seed", new_seed())),
            pace=wish.get("pace", default.settings.pace),
            concurrency=wish.get("concurrency", default.settings.concurrency),
            balance=Decimal(str(balance)) if balance is not None else default.settings.balance,
            webhook_secret=wish.get("webhook_secret", default.settings.webhook_secret),
        )
        clock = Clock(wish.get("rate", default.clock.rate), wish.get("now_ms"))
        story = default.library.story(wish["scenario"]) if "scenario" in wish else default.scenario
        self._worlds.add(Sandbox(account, self._document, clock, settings, default.library, story))
        made = {"access_key": account.access_key, "secret_key": account.secret_key, "api_key": account.api_key}
        return answer(made, 201)

    async def _remove_sandbox(self, request: Request, body: dict[str, Any]) -> Response:
        name = request.path_params["access_key"]
        if name == self._worlds.default.account.access_key:
            raise Problem(409, "the default sandbox stays")
        box = self._worlds.remove(name)
        if box is None:
            raise Problem(404, f"there is no sandbox {name!r}")
        self._courier.forget(box)
        return Response(status_code=204)

    def _box(self, request: Request) -> Sandbox:
        wanted = request.query_params.get("sandbox")
        box = self._worlds.default if wanted is None else self._worlds.named(wanted)
        if box is None:
            raise Problem(404, f"there is no sandbox {wanted!r}")
        return box

    # -- time

    async def _clock(self, request: Request, body: dict[str, Any]) -> Response:
        return answer(_time(self._box(request), []))

    async def _set_clock(self, request: Request, wish: dict[str, Any]) -> Response:
        box, fired = self._box(request), []
        if "rate" in wish:
            box.clock.set_rate(wish["rate"])
            self._courier.kick(box)
        else:
            try:
                fired = await self._courier.advance(box, int(wish["advance_ms"]))
            except Busy as busy:
                raise Problem(409, "another advance of this sandbox is under way") from busy
        return answer(_time(box, fired))

    # -- stories

    async def _scenario(self, request: Request, body: dict[str, Any]) -> Response:
        return answer(_told(self._box(request)))

    async def _set_scenario(self, request: Request, wish: dict[str, Any]) -> Response:
        box = self._box(request)
        box.tell(box.library.story(wish["name"]) if "name" in wish else self._parsed(wish["yaml"]))
        return answer(_told(box))

    def _parsed(self, text: str) -> Scenario:
        try:
            return self._worlds.default.library.parse(text)
        except AuthorsMistake as mistake:
            raise Problem(422, str(mistake), place=mistake.place, problem=mistake.problem) from mistake

    # -- memory

    async def _reset(self, request: Request, body: dict[str, Any]) -> Response:
        box = self._box(request)
        box.reset()
        self._courier.forget(box)
        return Response(status_code=204)

    async def _tasks(self, request: Request, body: dict[str, Any]) -> Response:
        box = self._box(request)
        return answer({"tasks": [memories.task(box, each) for each in box.facts.tasks.values()]})

    def _asked(self, request: Request, box: Sandbox) -> Task:
        found = box.facts.task(request.path_params["id"])
        if found is None:
            raise Problem(404, f"there is no task {request.path_params['id']!r}")
        return found

    async def _task(self, request: Request, body: dict[str, Any]) -> Response:
        box = self._box(request)
        return answer(memories.task_with_timeline(box, self._asked(request, box)))

    async def _move_task(self, request: Request, wish: dict[str, Any]) -> Response:
        box = self._box(request)
        asked, life = self._asked(request, box), box.document.lifecycle
        now_ms, status = box.clock.now_ms(), wish["status"]
        before = timeline.at(box.facts.timeline(asked), now_ms).status
        if status not in life.steps[before]:
            allowed = list(life.steps[before])
            raise Problem(409, f"a task that is {before} cannot become {status}", allowed=allowed)
        message = wish.get("message") or next(iter(life.failures.values()))
        box.facts.add_move(asked, Mark(status, now_ms, message if status == life.failure else ""))
        self._courier.kick(box, asked if asked.callback_url else None)
        return answer(memories.task(box, asked))

    async def _calls(self, request: Request, body: dict[str, Any]) -> Response:
        return answer(memories.calls(self._box(request)))

    async def _violations(self, request: Request, body: dict[str, Any]) -> Response:
        return answer(memories.violations(self._box(request)))

    async def _callbacks(self, request: Request, body: dict[str, Any]) -> Response:
        return answer({"callbacks": memories.callbacks(self._box(request))})

    async def _resend(self, request: Request, body: dict[str, Any]) -> Response:
        box, name = self._box(request), request.path_params["id"]
        found = memories.delivery(box, name)
        if found is None:
            raise Problem(404, f"there is no callback {name!r}")
        task, delivery = found
        now_ms = box.clock.now_ms()
        again = replace(delivery, id=box.next_id(now_ms), due_ms=now_ms)
        box.facts.add_resend(again)
        self._courier.kick(box, task)
        return answer({"id": again.id, "task_id": task.id, "status": again.status}, 202)

    async def _ledger(self, request: Request, body: dict[str, Any]) -> Response:
        return answer(memories.ledger(self._box(request)))

    # -- inboxes

    def _inbox_of(self, request: Request) -> tuple[Sandbox, Inbox]:
        box, name = self._box(request), request.path_params["name"]
        if not _is_inbox_name(name):
            raise Problem(404, "an inbox's name is 1 to 64 letters, digits, dots, dashes and underscores")
        return box, box.inbox(name)

    async def _inbox(self, request: Request, body: dict[str, Any]) -> Response:
        _, inbox = self._inbox_of(request)
        return answer({"received": list(inbox.received), "evicted": inbox.evicted})

    async def _behave(self, request: Request, wish: dict[str, Any]) -> Response:
        _, inbox = self._inbox_of(request)
        inbox.behave(Behaviour(**wish))
        return answer(inbox.behaviour.shown())

    async def _receive(self, request: Request, body: dict[str, Any]) -> Response:
        box, inbox = self._inbox_of(request)
        how = inbox.receive(dict(request.headers), await raw_body(request), box.clock.now_ms())
        if how.hang or how.down:
            return Silence(drop=how.down)
        headers = {"location": how.location} if how.location else {}
        return Response(b"{}", how.answer, headers, "application/json")


_ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")


def _list_stories(schemas: dict[str, Any], names: list[str]) -> None:
    """Say in the document which stories this server knows."""
    for schema, field in (("SandboxWish", "scenario"), ("ScenarioWish", "name")):
        schemas[schema]["properties"][field]["enum"] = names


def _enforced(value: Any) -> Any:
    """A document without the keywords that only advise (`x-advisory`)."""
    if isinstance(value, dict):
        advisory = value.get("x-advisory", ())
        return {key: _enforced(item) for key, item in value.items() if key not in advisory}
    return [_enforced(item) for item in value] if isinstance(value, list) else value


def _is_inbox_name(name: str) -> bool:
    return 0 < len(name) <= 64 and all(char.isascii() and (char.isalnum() or char in "_.-") for char in name)


def as_yaml(document: Document) -> bytes:
    """The document in one piece, as YAML that a 1.1 reader understands the same way."""
    plain = orjson.loads(orjson.dumps(document.raw))
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()


def _time(box: Sandbox, fired: list[dict[str, Any]]) -> dict[str, Any]:
    return {"now_ms": box.clock.now_ms(), "rate": box.clock.rate, "fired": fired}


def _told(box: Sandbox) -> dict[str, Any]:
    story = box.scenario
    used = box.facts.rules_used(story.name)
    rules = [{"place": rule.place, "used": rule.place in used} for rule in story.rules]
    return {"name": story.name, "about": story.about, "expect": story.expect, "rules": rules}
