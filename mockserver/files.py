"""Result files over HTTP: whole, in part, or gone; no token, plain GET, HEAD and Range (RFC 9110 §14)."""

import hashlib
import re

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from mockserver import timeline
from mockserver.album import Album
from mockserver.media import Film, Studio
from mockserver.sandbox import Sandbox
from mockserver.values import Task
from mockserver.worlds import Worlds

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_NAME = re.compile(r"(\d+)(-watermark)?\.mp4")


class Files:
    """The endpoint behind every result link."""

    def __init__(self, worlds: Worlds, studio: Studio, album: Album) -> None:
        self._worlds, self._studio, self._album = worlds, studio, album

    async def __call__(self, request: Request) -> Response:
        """Answer GET or HEAD for `{key}/{name}`: 404 before success, after expiry and for anything else."""
        found = self._worlds.with_file_key(request.path_params["key"])
        name = _NAME.fullmatch(request.path_params["name"])
        if found is None or name is None:
            return _gone()
        box, task = found
        marked = name[2] is not None
        if name[1] != task.video_id or (marked and not task.watermarked) or not available(task, box):
            return _gone()
        data = await self._studio.film(film(task, watermarked=marked), self._album.images(task))
        return part(data, request.headers.get("range"), request.headers.get("if-range"), content_type(task, box))


def available(task: Task, box: Sandbox) -> bool:
    """Whether the task's files exist now: from success until the end of their retention, in sandbox time."""
    now_ms, life = box.clock.now_ms(), box.document.lifecycle
    mark = timeline.at(box.facts.timeline(task), now_ms)
    return mark.status == life.success and now_ms < mark.at_ms + box.document.limits["result_retention_ms"]


def film(task: Task, *, watermarked: bool) -> Film:
    """What the task's video must show."""
    return Film(
        task_id=task.id,
        video_id=task.video_id,
        prompt=str(task.arguments.get("prompt", "")),
        mode=str(task.arguments.get("mode", "")),
        aspect_ratio=str(task.arguments.get("aspect_ratio", "")),
        width=task.size[0],
        height=task.size[1],
        seconds=float(task.arguments["duration"]),
        frames_per_second=task.frames_per_second,
        watermarked=watermarked,
    )


def content_type(task: Task, box: Sandbox) -> str:
    """The media type the document gives this product's files."""
    types = (op.footage.content_type for op in box.document.operations if op.footage and op.product == task.product)
    return next(types, "application/octet-stream")


def part(data: bytes, wanted: str | None, if_range: str | None, media_type: str) -> Response:
    """The whole file, or the one part a Range header wants; a range that cannot be read is ignored."""
    tag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
    headers = {"accept-ranges": "bytes", "etag": tag}
    match = _RANGE.fullmatch(wanted or "")
    if match is None or match[0] == "bytes=-" or (if_range is not None and if_range != tag):
        return Response(data, headers=headers, media_type=media_type)
    start, end = _span(match[1], match[2], len(data))
    if start >= len(data) or start > end:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{len(data)}"})
    headers["content-range"] = f"bytes {start}-{end}/{len(data)}"
    return Response(data[start : end + 1], 206, headers, media_type)


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(size - int(last), 0), size - 1 if int(last) else -1
    return int(first), min(int(last), size - 1) if last else size - 1


def _gone() -> Response:
    return PlainTextResponse("There is no such file, or it has expired.\n", 404)
