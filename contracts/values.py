"""What passes between the rooms of the client: requests and replies, tasks and what belongs to them.

All of it is frozen. Names that come from the wire keep the wire's letters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts import words


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a token: never printed
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """The first half of an answer: what is known before its body is read."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""

    def number(self, name: str) -> int | None:
        """The header as a whole number, None when it is absent or anything else.

        >>> Head(200, {"content-length": "12"}).number("content-length")
        12
        """
        text = self.headers.get(name, "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    @property
    def media_type(self) -> str:
        """`content-type` without its parameters, in lower case; empty when absent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    head: Head
    body: bytes

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.head.status


@dataclass(frozen=True, slots=True)
class Video:
    """One result ("Query Task (Single)", `task_result.videos[]`)."""

    id: str
    url: str
    duration: str
    """Seconds as the service writes them, e.g. `5.1`."""
    watermark_url: str | None = None
    """None unless a watermark was asked for."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it was when the service spoke of it ("Query Task (Single)", `data`)."""

    task_id: str
    task_status: str
    """`submitted`, `processing`, `succeed` or `failed`."""
    created_at: int
    """Unix milliseconds, by the service's clock."""
    updated_at: int
    """Unix milliseconds of the last change of status."""
    task_status_msg: str = ""
    """Why the task failed; otherwise usually empty."""
    external_task_id: str | None = None
    videos: tuple[Video, ...] = ()
    """At least one when the task succeeded."""
    watermark_enabled: bool | None = None
    final_unit_deduction: str | None = None
    """Units charged, as a decimal text, e.g. `3.5`."""

    @property
    def done(self) -> bool:
        """Whether the status is one that never changes again."""
        return self.task_status in words.FINAL


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download has come."""

    received_bytes: int
    total_bytes: int | None
    """None when the host does not say."""


@dataclass(frozen=True, slots=True)
class ResourcePack:
    """Units bought in advance ("Account Information Inquiry", `resource_pack_subscribe_infos[]`)."""

    resource_pack_name: str
    resource_pack_id: str
    resource_pack_type: str
    status: str
    total_quantity: float
    remaining_quantity: float
    """May lag behind the truth by some hours."""
    purchase_time: int
    """Unix milliseconds, like the two that follow."""
    effective_time: int
    invalid_time: int
