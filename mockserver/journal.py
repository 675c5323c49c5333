"""The calls so far, as people read them: in order, without secrets, long texts replaced by a marker with their true size.

What is kept of a call is bounded when it is written; how it reads is decided when someone asks.
"""

from typing import Any, NamedTuple

from mockserver.breaches import Refused
from mockserver.values import Body, Call, Reply

_TEXT_CHARS = 4000
_PARTS = 2000
_WHOLE_BYTES = 4096  # bodies up to this size are kept as they are
_SECRET_HEADERS = (b"authorization", b"cookie", b"proxy-authorization", b"x-api-key")
REDACTED = "[REDACTED]"


class Entry(NamedTuple):
    """One call and what it was answered."""

    number: int  # counts from 1 since the last reset
    at_ms: int  # sandbox time
    call: Call
    reply: Reply
    task_id: str = ""  # the task made or asked for
    refused: Refused | None = None  # why the document itself led to a refusal


def kept(call: Call) -> Call:
    """The call with its body cut down to what the journal keeps."""
    body = call.body
    if body.size <= _WHOLE_BYTES:
        body.forget()
        return call
    content = _cut(body.content, [_PARTS])
    return call._replace(body=Body(content, body.problem, digest=body.digest, size=body.size))


def _cut(value: Any, parts_left: list[int]) -> Any:
    """A copy with long texts as markers and at most `parts_left` parts; deep nesting ends in a marker too."""
    parts_left[0] -= 1
    if parts_left[0] < 0:
        return "[more parts than are kept]"
    if isinstance(value, str) and len(value) > _TEXT_CHARS:
        return f"[{len(value)} characters]"
    if isinstance(value, dict):
        return {key[:_TEXT_CHARS]: _cut(item, parts_left) for key, item in list(value.items())[: parts_left[0] + 1]}
    if isinstance(value, list):
        return [_cut(item, parts_left) for item in value[: parts_left[0] + 1]]
    return value


def shown(entry: Entry) -> dict[str, Any]:
    """The entry for the control plane: secrets redacted."""
    call, reply = entry.call, entry.reply
    return {
        "number": entry.number,
        "at_ms": entry.at_ms,
        "method": call.method,
        "path": call.path,
        "query": call.query,
        "headers": [[name.decode("latin-1"), _header(name, value)] for name, value in call.headers],
        "operation": call.operation.id if call.operation else None,
        "action": call.operation.action if call.operation else call.action,
        "product": call.operation.product if call.operation else None,
        "body": call.body.content,
        "body_bytes": call.body.size,
        "task_id": entry.task_id or None,
        "status": reply.status,
        "code": reply.code,
        "message": reply.message,
        "request_id": reply.request_id,
        "rule": reply.rule or None,
        "disrupted": reply.disrupt.kind if reply.disrupt else None,
    }


def _header(name: bytes, value: bytes) -> str:
    if name.lower() not in _SECRET_HEADERS:
        return value.decode("latin-1")[:_TEXT_CHARS]
    scheme, space, _ = value.decode("latin-1").partition(" ")
    return f"{scheme} {REDACTED}" if space else REDACTED
