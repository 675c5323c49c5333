"""The envelope around every answer, checked against the document before it leaves."""

from typing import Any

import orjson

from mockserver.document import Document, Operation
from mockserver.refusals import Refusal
from mockserver.values import Reply, Task

_VALUE_CHARS = 100  # of what was sent, as much as a message repeats
JSON = (b"content-type", b"application/json")


class WrongReply(AssertionError):
    """Our own answer breaks the document: a bug of the double, never told in Kling's voice."""


def success(data: Any, operation: Operation, document: Document, request_id: str, task: Task | None = None) -> Reply:
    """The answer to an accepted call. Raises WrongReply."""
    row = document.ok
    payload = {"code": row.code, "message": row.message, "request_id": request_id, "data": data}
    return _checked(row.status, payload, operation.replies, operation.id, task)


def refusal(told: Refusal, operation: Operation | None, document: Document, request_id: str) -> Reply:
    """The answer to a refused call: exactly code, message and request_id. Raises WrongReply."""
    situation = document.situations[told.slug]
    message = situation.message.format_map({name: str(value)[:_VALUE_CHARS] for name, value in told.fields.items()})
    payload = {"code": situation.row.code, "message": message, "request_id": request_id}
    checkers = operation.replies if operation else document.error_replies
    return _checked(situation.row.status, payload, checkers, told.slug, None)


def _checked(status: int, payload: dict[str, Any], checkers: Any, name: str, task: Task | None) -> Reply:
    checker = checkers[status]
    if not checker.is_valid(payload):
        raise WrongReply(f"{name}: {checker.problems(payload)[:3]} in {payload}")
    return Reply(
        status, orjson.dumps(payload), payload["code"], payload["message"], payload["request_id"], task, (JSON,)
    )
