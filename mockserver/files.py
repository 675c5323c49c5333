"""Result files over HTTP: whole, in part, or gone; no token, plain GET, HEAD and Range (RFC 9110 §14)."""

import hashlib
import re
from collections.abc import Mapping
from random import Random

from starlette.requests import Request

from mockserver import replies, serve, timeline, wire
from mockserver.album import Album
from mockserver.media import Film, Studio
from mockserver.sandbox import Sandbox
from mockserver.scenario import PROCEED, Rule
from mockserver.values import NO_CREDENTIAL, Call, Reply, Task
from mockserver.worlds import Worlds

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_NAME = re.compile(r"(\d+)(-watermark)?\.mp4")


class Files:
    """The ASGI application behind every result link."""

    def __init__(self, worlds: Worlds, studio: Studio, album: Album) -> None:
        self._worlds, self._studio, self._album = worlds, studio, album

    async def __call__(self, scope: wire.Scope, receive: wire.Receive, send: wire.Send) -> None:
        """Answer GET or HEAD for `…/{key}/{name}`: 404 before success, after expiry and for anything else."""
        request = Request(scope, receive)
        key, name = scope["path_params"]["key"], scope["path_params"]["name"]
        found = self._worlds.with_file_key(key)
        if found is None:
            await wire.perform(_gone(), scope, receive, send, Random(0))
            return
        box, task = found
        now_ms = box.clock.now_ms()
        rule = PROCEED  # a HEAD is asked about the file, not for it: it uses up no rule's turn
        if request.method == "GET":
            rule = box.decide(serve.of_task("file", task, box, now_ms), task.story, task, now_ms)
        reply = _as_told(await self._reply(request, box, task, name), rule, box)
        box.facts.add_call(_call(request), reply, now_ms, task.id)
        await wire.perform(reply, scope, receive, send, box.noise)

    async def _reply(self, request: Request, box: Sandbox, task: Task, name: str) -> Reply:
        """What the calm day answers."""
        match = _NAME.fullmatch(name)
        marked = match is not None and match[2] is not None
        if match is None or match[1] != task.video_id or (marked and not task.watermarked) or not available(task, box):
            return _gone()
        data = await self._studio.film(film(task, watermarked=marked), self._album.images(task))
        return part(data, request.headers, content_type(task))


def _as_told(reply: Reply, rule: Rule, box: Sandbox) -> Reply:
    """The file as a story wants it to leave; a refusal is told in the API's own words."""
    if rule.refuse is not None:
        own = rule.refuse.message
        reply = replies.refusal(rule.refuse.refusal, None, box.document, box.next_request_id(), own)
    return reply if rule is PROCEED else serve.as_told(reply, rule, box)


def _call(request: Request) -> Call:
    scope = request.scope
    path = scope["path"]
    headers = scope["headers"]
    base_url = f"{request.url.scheme}://{request.url.netloc}"
    return Call(
        request.method, path, request.url.query, headers, None, True, {}, NO_CREDENTIAL, base_url, 0.0, action="file"
    )


def available(task: Task, box: Sandbox) -> bool:
    """Whether the task's files exist now: from success until the end of their retention, in sandbox time."""
    now_ms, life = box.clock.now_ms(), box.document.lifecycle
    mark = timeline.at(box.facts.timeline(task), now_ms)
    return mark.status == life.success and now_ms < mark.at_ms + box.document.limits["result_retention_ms"]


def film(task: Task, *, watermarked: bool) -> Film:
    """What the task's video must show."""
    footage = task.operation.footage
    width, height = (footage and footage.sizes.at(task.arguments)) or (0, 0)
    return Film(
        task_id=task.id,
        video_id=task.video_id,
        prompt=str(task.arguments.get("prompt", "")),
        mode=str(task.arguments.get("mode", "")),
        aspect_ratio=str(task.arguments.get("aspect_ratio", "")),
        width=width,
        height=height,
        seconds=float(task.duration),
        frames_per_second=footage.frames_per_second if footage else 0,
        watermarked=watermarked,
        request=task.digest,
    )


def content_type(task: Task) -> str:
    """The media type the document gives this product's files."""
    return task.operation.footage.content_type if task.operation.footage else "application/octet-stream"


def part(data: bytes, asked: Mapping[str, str], media_type: str) -> Reply:
    """The whole file, the one part a Range header wants, or word that the client has it; a range we cannot read is ignored."""
    tag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
    headers = [(b"content-type", media_type.encode()), (b"accept-ranges", b"bytes"), (b"etag", tag.encode())]
    if tag in asked.get("if-none-match", ""):
        return _file(304, b"", headers)
    match = _RANGE.fullmatch(asked.get("range", ""))
    if match is None or match[0] == "bytes=-" or asked.get("if-range", tag) != tag:
        return _file(200, data, headers)
    start, end = _span(match[1], match[2], len(data))
    if start >= len(data) or start > end:
        return _file(416, b"", [*headers, (b"content-range", f"bytes */{len(data)}".encode())])
    return _file(
        206, data[start : end + 1], [*headers, (b"content-range", f"bytes {start}-{end}/{len(data)}".encode())]
    )


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(size - int(last), 0), size - 1 if int(last) else -1
    return int(first), min(int(last), size - 1) if last else size - 1


def _file(status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> Reply:
    return Reply(status, body, 0, "", "", headers=tuple(headers))


def _gone() -> Reply:
    return _file(404, b"There is no such file, or it has expired.\n", [(b"content-type", b"text/plain; charset=utf-8")])
