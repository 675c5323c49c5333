"""The calls so far, as people read them: in order, without secrets, long texts replaced by a marker with their true size.

What is kept of a call is bounded when it is written; how it reads is decided when someone asks.
"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import orjson

from mockserver.api import Operation
from mockserver.values import Body, Call, Reply

_TEXT_CHARS = 4000
_PARTS = 2000
_SECRET_HEADERS = (b"authorization", b"cookie", b"proxy-authorization", b"x-api-key")
REDACTED = "[REDACTED]"


class Refused(NamedTuple):
    """Why the document itself, not a story, led to a refusal."""

    slug: str
    fields: Mapping[str, Any]


class Entry(NamedTuple):
    """One call and what it was answered; not the answer's bytes, whose buffer is much larger than they are."""

    number: int  # counts from 1 since the last reset
    at_ms: int  # sandbox time
    method: str
    path: str  # as sent, as is the query
    query: str
    header_lines: bytes  # names and values in turn: one object, where a list of pairs would be twenty
    operation: Operation | None
    action: str | None  # of the operation, or file
    kept: Any  # of the body: a small one's bytes, a large one's content cut down
    body_bytes: int
    status: int
    code: Any
    message: Any
    request_id: str
    rule: str  # where the rule stands that decided it
    disrupted: str | None  # what happened to the answer on the wire
    task_id: str  # the task made or asked for
    refused: Refused | None

    @property
    def content(self) -> Any:
        """The body as JSON, None where it could not be read."""
        return orjson.loads(self.kept) if isinstance(self.kept, bytes) else self.kept

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Names in lower case, and values."""
        lines = self.header_lines.split(b"\n")
        return list(zip(lines[::2], lines[1::2], strict=False))


def entry(number: int, at_ms: int, call: Call, reply: Reply, *, task_id: str, refused: Refused | None) -> Entry:
    """What is kept of a call."""
    return Entry(
        number,
        at_ms,
        call.method,
        call.path,
        call.query,
        _shared(b"\n".join(chain.from_iterable(call.headers))),
        call.operation,
        call.operation.action if call.operation else call.action,
        _kept(call.body),
        call.body.size,
        reply.status,
        reply.code,
        reply.message,
        reply.request_id,
        reply.rule,
        reply.disrupt.kind if reply.disrupt is not None else None,
        task_id,
        refused,
    )


@lru_cache(maxsize=256)
def _shared(header_lines: bytes) -> bytes:
    """One object for what a client sends again and again."""
    return header_lines


def _kept(body: Body) -> Any:
    """A small body as it came, read again if anyone asks: a journal of thousands is mostly never read."""
    if body.problem is not None:
        return None
    return body.digest if body.size and len(body.digest) == body.size else _cut(body.content, [_PARTS])


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
    return {
        "number": entry.number,
        "at_ms": entry.at_ms,
        "method": entry.method,
        "path": entry.path,
        "query": entry.query,
        "headers": [[name.decode("latin-1"), _header(name, value)] for name, value in entry.headers],
        "operation": entry.operation.id if entry.operation else None,
        "action": entry.action,
        "product": entry.operation.product if entry.operation else None,
        "body": entry.content,
        "body_bytes": entry.body_bytes,
        "task_id": entry.task_id or None,
        "status": entry.status,
        "code": entry.code,
        "message": entry.message,
        "request_id": entry.request_id,
        "rule": entry.rule or None,
        "disrupted": entry.disrupted,
    }


def _header(name: bytes, value: bytes) -> str:
    if name.lower() not in _SECRET_HEADERS:
        return value.decode("latin-1")[:_TEXT_CHARS]
    scheme, space, _ = value.decode("latin-1").partition(" ")
    return f"{scheme} {REDACTED}" if space else REDACTED
