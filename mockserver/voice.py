"""The control plane's own voice: answers, problems (RFC 9457) and silence; and its ear, for bodies of a bounded size."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from mockserver import wire
from mockserver.guard import Problem
from mockserver.schemas import Checker

_MAX_BODY_BYTES = 4 * 1024 * 1024


def answer(content: Any, status: int = 200) -> Response:
    """A JSON answer of the control plane."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def problem(told: Problem) -> Response:
    """An error of the control plane, RFC 9457."""
    body = {"type": "about:blank", "title": told.title, "status": told.status, **told.more}
    return Response(orjson.dumps(body), told.status, media_type="application/problem+json")


async def not_found(request: Request, _: Exception) -> Response:
    """A path that is not there."""
    return problem(Problem(404, f"the control plane has no {request.url.path}"))


def not_allowed(request: Request, allowed: list[str]) -> Response:
    """A method that is not there."""
    told = problem(Problem(405, f"{request.url.path} does not take {request.method}", allowed=allowed))
    told.headers["allow"] = ", ".join(allowed)
    return told


class Silence(Response):
    """No answer at all: until the client gives up, or at once with the connection dropped."""

    def __init__(self, *, drop: bool) -> None:
        super().__init__()
        self._drop = drop

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await wire.be_silent(scope, receive, send, drop=self._drop)


async def raw_body(request: Request) -> bytes:
    """The request's body. Raises Problem when it is larger than anyone needs."""
    chunks, size = [], 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > _MAX_BODY_BYTES:
            raise Problem(422, f"the body is larger than {_MAX_BODY_BYTES} bytes")
    return b"".join(chunks)


async def body_of(request: Request, checker: Checker) -> dict[str, Any]:
    """The request's body as the control plane's document wants it; for an inbox, whatever came stays unread. Raises Problem."""
    if request.method == "POST" and "/inbox/" in request.url.path:
        return {}
    raw = await raw_body(request)
    try:
        content = orjson.loads(raw) if raw else {}
    except ValueError as error:
        raise Problem(422, f"the body is not JSON: {error}") from error
    problems = checker.problems(content)
    if problems:
        where = "".join(f"/{step}" for step in problems[0].path)
        raise Problem(422, f"{where or 'the body'}: {problems[0].message}", pointer=where)
    return dict(content)
