"""What passes between rooms: calls and replies, tasks, deliveries and attempts.

Frozen, so that nobody can edit the past. What every call makes is a named tuple, four times quicker to make than a frozen
dataclass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mockserver.api import Operation
from mockserver.scenario import Disruption, Posting
from mockserver.timeline import Mark, Step


@dataclass(frozen=True, slots=True)
class Account:
    """The credentials of one sandbox."""

    access_key: str
    secret_key: str
    api_key: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says, not yet believed."""

    issuer: str | None
    not_before: float | None  # Unix seconds
    expires: float | None


@dataclass(frozen=True, slots=True)
class Credential:
    """What an Authorization header says, not yet believed."""

    token: str = ""
    claims: Claims | None = None  # of a token that can be read
    name: str | None = None  # whose it claims to be: an issuer, or the text of a static key
    problem: str | None = None  # the situation when there is no token in it


NO_CREDENTIAL = Credential(problem="authorization_empty")


Path = tuple[str | int, ...]
"""Where a value stands in a request's body: names of fields and places in lists."""


class Sight(NamedTuple):
    """What was seen of one image of a request."""

    path: Path
    problem: str | None = None  # the situation it is refused with
    url: str | None = None  # for images given by address; never fetched
    data: bytes | None = None  # the decoded file, only while someone may want to show it


class Body(NamedTuple):
    """A request's body, read."""

    content: Any = None  # parsed JSON; a long image's text is replaced by a short stand-in
    problem: str | None = None  # the situation that keeps it from being read
    sights: Sequence[Sight] = ()
    digest: bytes = b""  # of the bytes, or a small body itself, to recognise a repeated request
    size: int = 0  # bytes


NO_BODY = Body()


class Call(NamedTuple):
    """One HTTP request to the API."""

    method: str
    path: str  # as sent, still percent-encoded
    query: str  # as sent, without the question mark
    headers: Sequence[tuple[bytes, bytes]]
    operation: Operation | None  # None: no such path, or no such method on it
    known_path: bool
    path_arguments: Mapping[str, str]
    credential: Credential
    base_url: str  # scheme and host the client used
    wall_s: float  # when it came, by the machine's clock: the judge of tokens
    body: Body = NO_BODY
    action: str | None = None  # of calls that are no operation of the document: file


class Task(NamedTuple):
    """One task as it was accepted; what became of it is a question to its timeline."""

    id: str
    operation: Operation  # the create call it came by
    created_ms: int
    arguments: Mapping[str, Any]  # defaults filled in, images left out
    plan: tuple[Step, ...]
    video_id: str
    file_key: str  # the unguessable part of its links
    base_url: str  # links in callbacks are built from it
    digest: bytes = b""  # of the request's body
    images: tuple[str, ...] = ()  # addresses given as images
    image_count: int = 0
    story: str = ""  # the story its magic word put it under
    deliver: tuple[Posting, ...] | None = None  # its callbacks, where a rule replaced the calm ones
    external_id: str = ""  # the caller's own id
    callback_url: str = ""  # where changes are posted, empty if nowhere
    watermarked: bool = False  # whether a watermarked twin was asked for
    unruly: bool = False  # whether a story gave it a life that breaks the document on purpose

    @property
    def product(self) -> str:
        """What was asked for, as the document names it."""
        return self.operation.product

    @property
    def units(self) -> str:
        """What it costs if it succeeds."""
        prices = self.operation.units
        return str(prices.at(self.arguments)) if prices else "0"

    @property
    def duration(self) -> str:
        """Of its video, seconds."""
        return str(self.arguments.get("duration", ""))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A callback owed: the task as it was when this status began."""

    id: str
    task_id: str
    status: str
    due_ms: int
    mark: Mark  # the state it tells
    posting: Posting | None = None  # what a story wants of it


@dataclass(frozen=True, slots=True)
class Attempt:
    """A callback tried."""

    delivery_id: str
    at_ms: int
    status: int | None  # what the receiver answered
    error: str | None
    took_ms: float
    delivered: bool
    final: bool = False  # no further try can help


class Reply(NamedTuple):
    """An answer, ready for the wire."""

    status: int
    body: bytes
    code: Any  # as it leaves: a story may have made it anything
    message: Any
    request_id: str
    task: Task | None = None  # the task this call made
    headers: tuple[tuple[bytes, bytes], ...] = ()
    rule: str = ""  # where the rule stands that decided it
    disrupt: Disruption | None = None  # what happens to it on the wire
