"""Fetches a result file: whole or not at all, taken up where it broke off, checked before it is called a video.

Bytes gather in a part file beside the target; only when all have come and begin like an mp4 does it take the target's
name, in one step. A download that fails leaves its part under a name made from the video, and the next download of that
video to that target goes on from there. While it is worked on a part has a name of its own, so that no two downloads
ever write to the same file. The file host is a stranger: it gets no Authorization.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from contracts import words
from contracts.desk import Desk
from contracts.errors import KlingError, LinkExpiredError, ProtocolError, RateError, ServerError, TransportError
from contracts.talk import Talk, done, opened, read
from contracts.values import Head, Progress, Reply, Request, Video

GONE = frozenset({403, 404, 410})
"""What file hosts say of a link that is past its time ("Query Task (Single)", `url`: 30 days)."""


def download(
    desk: Desk, video: Video | str, target: Path, *, on_progress: Callable[[Progress], None], timeout_s: float
) -> Talk[Path]:
    """The path of the finished file.

    Raises:
        LinkExpiredError: the host no longer has it.
        TransportError: it would not come whole, in spite of being resumed.
        ProtocolError: what came is no video.
        OSError: our own disk would not take it.
    """
    until = desk.around.monotonic() + timeout_s
    url, key = (video, video) if isinstance(video, str) else (video.url, f"{video.id} {video.url.partition('?')[0]}")
    part = _Part(target, sha256(key.encode()).hexdigest()[:16], desk.around.new_id())
    file = yield from done(part.take)
    try:
        yield from desk.patiently(_Fetch(desk, url, file, until, on_progress).run, until)
        return (yield from done(part.finish))
    finally:
        part.leave()


class _Part:
    """The unfinished file: `kept` between downloads, `ours` during one, the target at last."""

    def __init__(self, target: Path, key: str, name: str) -> None:
        self.target = target
        self.kept = target.with_name(f".{target.name}.{key}.part")
        self.ours = target.with_name(f".{target.name}.{key}.{name}.part")
        self.file: BinaryIO | None = None

    def take(self) -> BinaryIO:
        """What an earlier download kept, or an empty file. Renaming is atomic, so one of many gets what was kept."""
        try:
            self.kept.rename(self.ours)
        except FileNotFoundError:
            self.ours.touch()
        self.file = self.ours.open("r+b")
        return self.file

    def finish(self) -> Path:
        """The file under its final name, if it begins as an mp4 does: with a box called `ftyp`."""
        assert self.file, "taken before it is finished"
        self.file.seek(0)
        start = self.file.read(12)
        if start[4:8] != b"ftyp":
            self.file.truncate(0)
            raise ProtocolError(f"what came is no mp4: it begins with {start!r}")
        os.fsync(self.file.fileno())
        return self.ours.replace(self.target)

    def leave(self) -> None:
        """Close, and keep what came for the next download; nothing is kept of nothing, or of what is finished."""
        if self.file:
            self.file.close()
        if self.ours.exists():
            self.ours.replace(self.kept) if self.ours.stat().st_size else self.ours.unlink()


@dataclass
class _Fetch:
    """One download, however many answers it takes."""

    desk: Desk
    url: str
    file: BinaryIO
    until: float
    on_progress: Callable[[Progress], None]
    etag: str = ""
    """What the host last called this very content; lets it send all of it anew if that has changed."""

    def run(self) -> Talk[None]:
        """Ask for what is missing and write it down."""
        have = yield from done(partial(self.file.seek, 0, os.SEEK_END))
        head = yield from opened(self.request(have), self.desk.time_left_s(self.until))
        if head.status == 416 and have:
            return (yield from self.beyond(head, have))
        start, total = self.promised(head, have)
        yield from done(partial(self.restart, start))
        self.etag = head.headers.get("etag", "")
        return (yield from self.fill(start, total))

    def restart(self, start: int) -> None:
        self.file.seek(start)
        self.file.truncate()

    def request(self, have: int) -> Request:
        headers = {"accept": words.VIDEO_TYPE, "accept-encoding": "identity"}
        if have:
            headers["range"] = f"bytes={have}-"
            if self.etag.startswith('"'):  # only a strong validator may guard a range (RFC 9110, 13.1.5)
                headers["if-range"] = self.etag
        return Request("GET", self.url, headers)

    def promised(self, head: Head, have: int) -> tuple[int, int | None]:
        """Where the bytes that follow belong, and how many the file has in all (None when the host counts none)."""
        if head.status not in (200, 206):
            raise _refused(head)
        if head.media_type != words.VIDEO_TYPE:
            raise _wrong(head, f"no {words.VIDEO_TYPE} but {head.media_type or 'no media type'}")
        if head.status == 206:
            return have, _range_total(head, have)
        total = head.number("content-length")
        if total is None and "chunked" not in head.headers.get("transfer-encoding", "").lower():
            raise _wrong(head, "a file without a length, whose end could not be told from a break")
        return 0, total

    def fill(self, position: int, total: int | None) -> Talk[None]:
        while (piece := (yield from read())) is not None:
            yield from done(partial(self.file.write, piece))
            position += len(piece)
            self.on_progress(Progress(position, total))
            if self.desk.around.monotonic() > self.until:
                raise TransportError(f"the file was still arriving at the deadline, {position} bytes so far")
        if total is not None and position != total:
            raise TransportError(f"{position} of {total} promised bytes arrived")

    def beyond(self, head: Head, have: int) -> Talk[None]:
        """The host has nothing after what we have: then it is all, or it is not of this file."""
        if head.headers.get("content-range", "").strip() == f"bytes */{have}":
            return
        yield from done(partial(self.restart, 0))
        raise TransportError(f"the host has no byte {have}; starting over", reply=Reply(head, b""))


def _range_total(head: Head, have: int) -> int:
    """The size of the whole file, from `Content-Range: bytes 3-9/10` (RFC 9110, 14.4)."""
    unit, _, rest = head.headers.get("content-range", "").strip().partition(" ")
    span, _, whole = rest.partition("/")
    total = Head(206, {"total": whole}).number("total")
    if unit != "bytes" or total is None or span != f"{have}-{total - 1}":
        raise _wrong(head, f"asked for bytes from {have} on, sent {head.headers.get('content-range')!r}")
    return total


def _refused(head: Head) -> KlingError:
    reply = Reply(head, b"")
    if head.status in GONE:
        return LinkExpiredError("the file is no longer there; query the task for a fresh link", reply=reply)
    if head.status == 429:
        return RateError("the file host wants fewer requests", reply=reply)
    if head.status >= 500:
        return ServerError("the file host failed", reply=reply)
    return _wrong(head, "a file, or why there is none, was due")


def _wrong(head: Head, what: str) -> ProtocolError:
    return ProtocolError(what, reply=Reply(head, b""))
