"""A stage: a client of either kind before a scripted service, with a time that passes only when somebody sleeps."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest

from contracts import AsyncClient, Client

REQUEST_ID = "3d67a2e2-cec7-4571-ba0d-556668ff7e82"
CREATED_MS = 1774711071284
Service = Callable[[httpx.Request], httpx.Response]


class Stage:
    """Calls reach a `Client` or an `AsyncClient` by the same names; what it sent and slept is kept."""

    def __init__(self, kind: str, service: Service, **settings: Any) -> None:
        self.time_s = 1_774_711_071.0
        self.slept: list[float] = []
        self.requests: list[httpx.Request] = []
        self._service = service
        self._runner = asyncio.Runner() if kind == "async" else None
        options = {"secret_key": "s" * 32, "access_key": "a" * 32} if "api_key" not in settings else {}
        options |= {"now": self.now, "monotonic": self.now, "random": lambda: 0.0} | settings
        transport = httpx.MockTransport(self.serve)
        self.client: Any = (
            AsyncClient("http://kling.test", transport=transport, sleep=self.sleep_async, **options)
            if self._runner
            else Client("http://kling.test", transport=transport, sleep=self.sleep, **options)
        )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)
        return lambda *args, **kwargs: self._run(method(*args, **kwargs))

    def tasks(self, **options: Any) -> list[Any]:
        if not self._runner:
            return list(self.client.tasks(**options))

        async def gather() -> list[Any]:
            return [task async for task in self.client.tasks(**options)]

        return self._runner.run(gather())

    def now(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time_s += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)

    def serve(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._service(request)

    def sent(self) -> list[str]:
        """The conversation so far, as `POST` and `GET id`."""
        return [f"{r.method} {r.url.path.split('/')[-1]}" if r.method == "GET" else r.method for r in self.requests]

    def close(self) -> None:
        self._run(self.client.close())
        if self._runner:
            self._runner.close()

    def _run(self, outcome: Any) -> Any:
        return self._runner.run(outcome) if self._runner else outcome


class Says:
    """The service's answers, written as it writes them."""

    REQUEST_ID = REQUEST_ID

    @staticmethod
    def task(status: str = "submitted", **other: Any) -> dict[str, Any]:
        """A task's data; `other` overrides, and `...` takes a field out."""
        data: dict[str, Any] = {
            "task_id": "866889456698785798",
            "task_status": status,
            "task_status_msg": "",
            "task_info": {"external_task_id": "mine"},
            "created_at": CREATED_MS,
            "updated_at": CREATED_MS,
        }
        if status == "succeed":
            data["task_result"] = {"videos": [Says.video()]}
        data |= other
        return {name: value for name, value in data.items() if value is not ...}

    @staticmethod
    def video(**other: Any) -> dict[str, Any]:
        video = {"id": "866889999698785798", "url": "https://files.test/1.mp4?ksSecret=x", "duration": "5.1"} | other
        return {name: value for name, value in video.items() if value is not ...}

    @staticmethod
    def ok(data: Any) -> httpx.Response:
        return Says.json(200, {"code": 0, "message": "SUCCEED", "request_id": REQUEST_ID, "data": data})

    @staticmethod
    def no(status: int, code: int, message: str = "because", **headers: str) -> httpx.Response:
        return Says.json(status, {"code": code, "message": message, "request_id": REQUEST_ID}, **headers)

    @staticmethod
    def not_found(task_id: str = "mine") -> httpx.Response:
        return Says.no(400, 1201, f"Task not found by id/external id: {task_id}")

    @staticmethod
    def json(status: int, body: Any, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return httpx.Response(status, content=raw, headers={"content-type": "application/json"} | named)

    @staticmethod
    def html(status: int = 200) -> httpx.Response:
        return httpx.Response(status, html="<html><body>Welcome to nginx!</body></html>")


@pytest.fixture(scope="session")
def says() -> type[Says]:
    return Says


@pytest.fixture(params=["sync", "async"])
def stage(request: pytest.FixtureRequest) -> Iterator[Callable[..., Stage]]:
    """Open a stage: `stage(answer, answer, …)` plays a script, `stage(function)` asks it."""
    opened: list[Stage] = []

    def open_stage(*script: Any, **settings: Any) -> Stage:
        opened.append(Stage(request.param, _service(script), **settings))
        return opened[-1]

    yield open_stage
    for each in opened:
        each.close()


@pytest.fixture(scope="session")
def any_stage() -> type[Stage]:
    """The stage itself, for properties: `any_stage("sync", service)`."""
    return Stage


def _service(script: tuple[Any, ...]) -> Service:
    if len(script) == 1 and callable(script[0]):
        return script[0]
    answers = iter(script)

    def answer(request: httpx.Request) -> httpx.Response:
        said = next(answers, None)
        assert said is not None, f"the script ended before {request.method} {request.url}"
        if isinstance(said, Exception):
            raise said
        return said

    return answer
