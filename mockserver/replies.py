"""The envelope around every answer, checked against the document before it leaves."""

from typing import Any

import orjson

from mockserver.api import Document, Operation
from mockserver.refusals import Refusal
from mockserver.scenario import Trap
from mockserver.values import Reply, Task

JSON = (b"content-type", b"application/json")


class WrongReply(AssertionError):
    """Our own answer breaks the document: a bug of the double, never told in Kling's voice."""


def success(
    data: Any,
    operation: Operation,
    document: Document,
    request_id: str,
    task: Task | None = None,
    *,
    check: bool = True,
) -> Reply:
    """The answer to an accepted call. Raises WrongReply; without `check` a story broke the document on purpose."""
    row = document.ok
    payload = {"code": row.code, "message": row.message, "request_id": request_id, "data": data}
    return _checked(row.status, payload, operation.replies if check else None, operation.id, task)


def refusal(
    told: Refusal, operation: Operation | None, document: Document, request_id: str, message: str | None = None
) -> Reply:
    """The answer to a refused call: exactly code, message and request_id. Raises WrongReply."""
    situation = document.situations[told.slug]
    if message is None:
        message = situation.told(told.fields)
    payload = {"code": situation.row.code, "message": message, "request_id": request_id}
    checkers = operation.replies if operation else document.error_replies
    return _checked(situation.row.status, payload, checkers, told.slug, None)


def _checked(status: int, payload: dict[str, Any], checkers: Any, name: str, task: Task | None) -> Reply:
    checker = checkers[status] if checkers is not None else None
    if checker is not None and not checker.is_valid(payload):
        raise WrongReply(f"{name}: {checker.problems(payload)[:3]} in {payload}")
    return Reply(
        status, orjson.dumps(payload), payload["code"], payload["message"], payload["request_id"], task, (JSON,)
    )


def check_callback(body: dict[str, Any], product: str, document: Document) -> None:
    """Raise WrongReply if a callback's body is not what the document says is posted."""
    for operation in document.operations:
        if operation.product == product and operation.callback is not None and not operation.callback.is_valid(body):
            raise WrongReply(f"callback of {product}: {operation.callback.problems(body)[:3]} in {body}")


def trapped(reply: Reply, trap: Trap) -> Reply:
    """The reply with a story's changes made to it; what leaves then breaks the document on purpose."""
    headers = [pair for pair in reply.headers if trap.type is None or pair[0] != b"content-type"]
    if trap.type is not None:
        headers.append((b"content-type", trap.type.encode("latin-1")))
    headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in trap.headers.items()]
    body = changed(reply.body, trap)
    code, message = _code_and_message(body)
    return reply._replace(
        status=trap.status or reply.status, body=body, code=code, message=message, headers=tuple(headers)
    )


def _code_and_message(body: bytes) -> tuple[Any, Any]:
    """What a body now says of itself, for the journal; nothing where it is no envelope."""
    try:
        content = orjson.loads(body)
    except ValueError:
        return None, None
    return (content.get("code"), content.get("message")) if isinstance(content, dict) else (None, None)


def changed(body: bytes, trap: Trap) -> bytes:
    """A JSON body with a trap's `set` and `remove` applied, or the trap's own body."""
    if trap.body is not None:
        return trap.body.encode()
    if not trap.set and not trap.remove:
        return body
    content = orjson.loads(body)
    for pointer in trap.remove:
        _change(content, _steps(pointer), _REMOVED)
    for pointer, value in trap.set.items():
        _change(content, _steps(pointer), value)
    return orjson.dumps(content)


_REMOVED: Any = object()


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def _change(content: Any, steps: list[str], value: Any) -> None:
    """Set or remove what a JSON pointer names; `*` is every item of a list, and a place that is not there is left alone."""
    step, *rest = steps
    if step == "*" and isinstance(content, list):
        for index in range(len(content)):
            _change(content, [str(index), *rest], value)
    elif rest:
        part = _part(content, step)
        if part is not None:
            _change(part, rest, value)
    elif isinstance(content, dict):
        content.pop(step, None) if value is _REMOVED else content.__setitem__(step, value)
    elif isinstance(content, list) and step.isdigit() and int(step) < len(content):
        content.pop(int(step)) if value is _REMOVED else content.__setitem__(int(step), value)


def _part(content: Any, step: str) -> Any:
    if isinstance(content, dict):
        return content.get(step)
    if isinstance(content, list) and step.isdigit() and int(step) < len(content):
        return content[int(step)]
    return None
