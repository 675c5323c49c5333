"""Conversations: generators that say what they need of the world and are told what came of it.

A conversation yields one of four wishes and is sent the answer. It never touches a socket, so it is written once; a
shell (`client.py`) that can grant four wishes is all that differs between sync and async.

    wish     answer                    a shell may throw in
    Open     Head                      TransportError
    Read     bytes, or None at the end TransportError
    Pause    nothing
    Do       what the deed returns

At most one answer is open at a time; opening another, pausing and leaving close it.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from contracts.errors import TransportError, UnreadableError
from contracts.values import Head, Reply, Request

T = TypeVar("T")

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""No envelope is that long; whoever sends more is not the service."""


@dataclass(frozen=True, slots=True)
class Open:
    """Send a request and hear the head of the answer."""

    request: Request
    timeout_s: float
    """The longest silence to bear, here and in each `Read` that follows."""


@dataclass(frozen=True, slots=True)
class Read:
    """Hear the next piece of the open answer's body."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Let time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Do:
    """Carry out a deed that may keep the disk or the processor busy; an async shell does it beside its loop."""

    deed: Callable[[], object]


Wish: TypeAlias = Open | Read | Pause | Do
Talk: TypeAlias = Generator[Wish, Any, T]


def done(deed: Callable[[], T]) -> Talk[T]:
    """`Do`, with the type of what comes back."""
    result: T = yield Do(deed)
    return result


def opened(request: Request, timeout_s: float) -> Talk[Head]:
    """`Open`, with the type of what comes back."""
    head: Head = yield Open(request, timeout_s)
    return head


def read() -> Talk[bytes | None]:
    """`Read`, with the type of what comes back."""
    piece: bytes | None = yield Read()
    return piece


def exchange(request: Request, timeout_s: float, monotonic: Callable[[], float]) -> Talk[Reply]:
    """One request and its whole answer.

    `timeout_s` bounds every silence, and the body as a whole: one that only drips is as good as none. A body that
    is shorter than its Content-Length is no answer either (in process no socket notices).

    Raises:
        TransportError: no whole answer arrived in time.
        UnreadableError: the answer is too long to be one.
    """
    head = yield from opened(request, timeout_s)
    until = monotonic() + timeout_s  # from here on: a big picture on a slow line may take its time upwards
    body = bytearray()
    while (piece := (yield from read())) is not None:
        body += piece
        if len(body) > MAX_REPLY_BYTES:
            raise UnreadableError(f"the answer is longer than {MAX_REPLY_BYTES} bytes")
        if monotonic() > until:
            raise TransportError(f"the answer was still arriving after {timeout_s:g} s")
    if len(body) != (head.number("content-length") or len(body)):
        raise TransportError(f"{len(body)} of {head.headers['content-length']} promised bytes arrived")
    return Reply(head, bytes(body))
