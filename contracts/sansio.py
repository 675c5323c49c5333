"""Builds requests and deciphers replies, no network.

Each function follows one clause of the document (`openapi/paths/`). What a reply says is believed only when all that
the client reads of it has the promised type: any surprise is a ProtocolError, never a guess.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from contracts import words
from contracts.errors import (
    FAMILIES,
    KlingError,
    NotFoundError,
    ParametersError,
    ProtocolError,
    ServerError,
    UnreadableError,
)
from contracts.reading import expect, may, must
from contracts.values import Reply, Request, ResourcePack, Task, Video

HEADERS = {"accept": "application/json", "accept-encoding": "identity", "content-type": "application/json"}
"""Sent with every call, GET included ("Request Header")."""


# --- requests ---------------------------------------------------------------------------------------------------------


def creation(body: Mapping[str, object]) -> Request:
    """`createMultiImageToVideo`, the body as it is."""
    return Request("POST", words.PRODUCT_PATH, HEADERS, orjson.dumps(body))


def question(task_id: str) -> Request:
    """`getMultiImageToVideo`; either id goes into the path, every letter that could be more than a letter escaped.

    >>> question("a/b").url
    '/v1/videos/multi-image2video/a%2Fb'

    Raises:
        ValueError: the id is empty, or a path would swallow it; asking for it would ask for something else.
    """
    if task_id in ("", ".", ".."):
        raise ValueError(f"{task_id!r} cannot be asked for: a task_id or external_task_id with other letters would do")
    return Request("GET", f"{words.PRODUCT_PATH}/{quote(task_id, safe='')}", HEADERS)


def page(number: int, size: int) -> Request:
    """`listMultiImageToVideo`; pages count from 1."""
    return Request("GET", f"{words.PRODUCT_PATH}?{urlencode({'pageNum': number, 'pageSize': size})}", HEADERS)


def costs(start_time_ms: int, end_time_ms: int, resource_pack_name: str | None) -> Request:
    """`GET /account/costs`; both ends are Unix milliseconds."""
    asked: dict[str, int | str] = {"start_time": start_time_ms, "end_time": end_time_ms}
    if resource_pack_name is not None:
        asked["resource_pack_name"] = resource_pack_name
    return Request("GET", f"{words.COSTS_PATH}?{urlencode(asked)}", HEADERS)


# --- replies ----------------------------------------------------------------------------------------------------------


def created(reply: Reply, external_task_id: str) -> Task:
    """The task that a create started.

    Raises:
        KlingError: the service refused, or its answer cannot be believed.
    """
    with _blaming(reply):
        task = task_from(must(_answer(reply), "data", dict))
        if task.external_task_id not in (None, external_task_id):  # the page's own create answer leaves it out
            raise _another(task, external_task_id)
        return task


def found(reply: Reply, asked: str) -> Task:
    """The task that was asked for by either id.

    Raises:
        NotFoundError: no task has that id. The service says so with 400/1201 (`task_not_found` in
            `openapi/kling/messages.yaml`), a code it shares with every wrong value, so the words decide.
        KlingError: the service refused, or its answer cannot be believed.
    """
    with _blaming(reply):
        try:
            answer = _answer(reply)
        except ParametersError as refusal:
            if words.NOT_FOUND in refusal.message.casefold():
                raise NotFoundError(refusal.message, code=refusal.code, request_id=refusal.request_id) from None
            raise
        task = task_from(must(answer, "data", dict))
        if asked not in (task.task_id, task.external_task_id):
            raise _another(task, asked)
        return task


def listed(reply: Reply) -> tuple[Task, ...]:
    """One page of tasks; the empty page lies past the end.

    Raises:
        KlingError: the service refused, or its answer cannot be believed.
    """
    with _blaming(reply):
        return tuple(task_from(expect(entry, dict, "data[]")) for entry in must(_answer(reply), "data", list))


def packs(reply: Reply) -> tuple[ResourcePack, ...]:
    """The account's resource packs, from an envelope within the envelope; an account without any may omit the list.

    Raises:
        KlingError: the service refused, or its answer cannot be believed.
    """
    with _blaming(reply):
        inner = must(_answer(reply), "data", dict)
        if must(inner, "code", int) != words.SUCCESS:
            raise ProtocolError(f"data.code is {inner['code']} in a successful answer: {may(inner, 'msg', str)}")
        entries = may(inner, "resource_pack_subscribe_infos", list) or []
        return tuple(_pack(expect(entry, dict, "resource_pack_subscribe_infos[]")) for entry in entries)


def refusal_code(reply: Reply) -> int | None:
    """The code of a reply, None when it has none to read."""
    try:
        return must(_envelope(reply), "code", int)
    except ProtocolError:
        return None


def task_from(data: Mapping[str, Any]) -> Task:
    """A task as queries, lists and callbacks show it (`openapi/components/task.yaml#/Task`).

    Raises:
        ProtocolError: something has the wrong type, the status is no word of the lifecycle, or it succeeded without
            a video.
    """
    task = Task(
        task_id=must(data, "task_id", str),
        task_status=_status(must(data, "task_status", str)),
        created_at=must(data, "created_at", int),
        updated_at=must(data, "updated_at", int),
        task_status_msg=may(data, "task_status_msg", str) or "",
        external_task_id=may(may(data, "task_info", dict) or {}, "external_task_id", str) or None,
        videos=_videos(may(data, "task_result", dict) or {}),
        watermark_enabled=may(may(data, "watermark_info", dict) or {}, "enabled", bool),
        final_unit_deduction=may(data, "final_unit_deduction", str),
    )
    if task.task_status == words.SUCCEED and not task.videos:
        raise ProtocolError(f"task {task.task_id} is said to have succeeded, without a video")
    return task


def decoded(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`.

    Raises:
        UnreadableError: there is none.
    """
    try:
        return expect(orjson.loads(body), dict, "the body")
    except (orjson.JSONDecodeError, ProtocolError) as reason:
        raise UnreadableError(f"no JSON object but {body[:40]!r}: {reason}") from None


# --- inside -----------------------------------------------------------------------------------------------------------


def _answer(reply: Reply) -> dict[str, Any]:
    """The envelope of a success. Anything else is raised as what it is, judged by its code, not by its HTTP status."""
    if reply.status >= 500:
        raise ServerError(_words_of(reply) or f"the service answered HTTP {reply.status}")
    envelope = _envelope(reply)
    code, message = must(envelope, "code", int), may(envelope, "message", str) or ""
    if reply.status == 200 and code == words.SUCCESS:
        may(envelope, "request_id", str)
        return envelope
    if 400 <= reply.status < 500 and code in FAMILIES:
        raise FAMILIES[code](message)
    raise ProtocolError(f"HTTP {reply.status} and code {code} do not go together: {message}")


def _envelope(reply: Reply) -> dict[str, Any]:
    if reply.head.media_type not in ("application/json", ""):
        raise UnreadableError(f"no JSON but {reply.head.media_type}: {reply.body[:40]!r}")
    envelope = decoded(reply.body)
    if type(envelope.get("code")) is not int:
        raise UnreadableError(f"no envelope: its code is {envelope.get('code')!r}")
    return envelope


def _words_of(reply: Reply) -> str | None:
    try:
        return may(_envelope(reply), "message", str)
    except ProtocolError:
        return None


@contextmanager
def _blaming(reply: Reply) -> Iterator[None]:
    """Every error that leaves this block knows the reply it came from."""
    try:
        yield
    except KlingError as error:
        error.reply = reply
        error.code = refusal_code(reply)
        error.request_id = _request_id(reply)
        raise


def _request_id(reply: Reply) -> str | None:
    try:
        return may(_envelope(reply), "request_id", str)
    except ProtocolError:
        return None


def _status(word: str) -> str:
    if word not in words.RANKS:
        raise ProtocolError(f"task_status is {word!r}; the lifecycle knows {', '.join(words.RANKS)}")
    return word


def _another(task: Task, asked: str) -> ProtocolError:
    return ProtocolError(f"asked about {asked!r}, answered about {task.task_id!r} ({task.external_task_id!r})")


def _videos(result: Mapping[str, Any]) -> tuple[Video, ...]:
    return tuple(_video(expect(entry, dict, "videos[]")) for entry in may(result, "videos", list) or [])


def _video(data: Mapping[str, Any]) -> Video:
    return Video(
        id=must(data, "id", str),
        url=_link(must(data, "url", str)),
        duration=must(data, "duration", str),
        watermark_url=may(data, "watermark_url", str) or None,
    )


def _link(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ProtocolError(f"url should be an http(s) address, not {url[:100]!r}")
    return url


def _pack(data: Mapping[str, Any]) -> ResourcePack:
    return ResourcePack(
        resource_pack_name=must(data, "resource_pack_name", str),
        resource_pack_id=must(data, "resource_pack_id", str),
        resource_pack_type=must(data, "resource_pack_type", str),
        status=must(data, "status", str),
        total_quantity=must(data, "total_quantity", float),
        remaining_quantity=must(data, "remaining_quantity", float),
        purchase_time=must(data, "purchase_time", int),
        effective_time=must(data, "effective_time", int),
        invalid_time=must(data, "invalid_time", int),
    )
