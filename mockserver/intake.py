"""From a request's bytes to a Body: strict JSON, and what was seen of each image in it.

Images travel as Base64 inside the JSON and make bodies of fifty megabytes. A parser would copy and hold up everything, so
long strings are lifted out first: the rest parses in microseconds, and the images are decoded from where they lie.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from mockserver import images
from mockserver.document import Operation
from mockserver.images import Unfit
from mockserver.shapes import ImageRules
from mockserver.values import Body, Sight

_LIFT_BYTES = 64 * 1024
_STAND_IN = b"klingmock:lifted:%d"
_URL_CHARS = 2048  # of an image's address, as much as is kept

Lifted = Mapping[str, memoryview]


def read(raw: bytes, operation: Operation, *, keep_images: bool = False) -> Body:
    """Read a request's body for an operation. Never raises: what is wrong stands in `problem` or in a sight."""
    digest = hashlib.sha256(raw).hexdigest()
    skeleton, lifted = lift(raw)
    try:
        content = orjson.loads(skeleton)
        content = _put_back(content, lifted, operation)
    except ValueError:
        return Body(problem="unreadable_body", digest=digest, size=len(raw))
    sights = tuple(_sights(content, lifted, operation, keep_images=keep_images))
    return Body(content, None, sights, digest, len(raw))


def lift(raw: bytes) -> tuple[bytes, Lifted]:
    """The JSON text with every long plain string replaced by a short stand-in, and those strings by their stand-ins."""
    if len(raw) <= _LIFT_BYTES or _STAND_IN[:-2] in raw:
        return raw, {}
    pieces: list[bytes] = []
    lifted: dict[str, memoryview] = {}
    view, copied = memoryview(raw), 0
    for start, end in _long_strings(raw):
        stand_in = _STAND_IN % len(lifted)
        lifted[stand_in.decode()] = view[start:end]
        pieces += (raw[copied:start], stand_in)
        copied = end
    return b"".join((*pieces, raw[copied:])), lifted


def _long_strings(raw: bytes) -> Iterator[tuple[int, int]]:
    """Where long strings without escapes lie, between their quotes. Walks from quote to quote; escapes end the walk."""
    place = raw.find(b'"')
    while place >= 0:
        end = raw.find(b'"', place + 1)
        while end > 0 and _escaped(raw, end):
            end = raw.find(b'"', end + 1)
        if end < 0:
            return
        if end - place > _LIFT_BYTES and raw.find(b"\\", place, end) < 0:
            yield place + 1, end
        place = raw.find(b'"', end + 1)


def _escaped(raw: bytes, quote: int) -> bool:
    slashes = 0
    while raw[quote - 1 - slashes] == 0x5C:
        slashes += 1
    return slashes % 2 == 1


def _put_back(content: Any, lifted: Lifted, operation: Operation) -> Any:
    """Long strings that are no image return to their places, parsed as the JSON they were."""
    if not lifted:
        return content
    images_there = {stand_in for _, stand_in, _ in _image_texts(content, operation) if stand_in in lifted}
    return _restored(content, {name: text for name, text in lifted.items() if name not in images_there})


def _restored(value: Any, lifted: Lifted) -> Any:
    if isinstance(value, str):
        return orjson.loads(b'"%b"' % bytes(lifted[value])) if value in lifted else value
    if isinstance(value, list):
        return [_restored(item, lifted) for item in value]
    if isinstance(value, dict):
        return {_restored(key, lifted): _restored(item, lifted) for key, item in value.items()}
    return value


def _sights(content: Any, lifted: Lifted, operation: Operation, *, keep_images: bool) -> Iterator[Sight]:
    for field, text, rules in _image_texts(content, operation):
        if text in lifted:
            yield _see(field, lifted[text], rules, keep=keep_images)
        elif images.is_address(text, rules):
            yield Sight(field, url=text[:_URL_CHARS])
        elif text:  # an empty one is missing, which validation says
            yield _see(field, text, rules, keep=keep_images)


def _see(field: str, text: str | memoryview, rules: ImageRules, *, keep: bool) -> Sight:
    try:
        data = images.decoded(text, rules)
        images.judge(data, rules)
    except Unfit as unfit:
        return Sight(field, problem=str(unfit))
    return Sight(field, data=data if keep else None)


def _image_texts(content: Any, operation: Operation) -> Iterator[tuple[str, str, ImageRules]]:
    """Every text that stands where the document wants an image, with the name of its field."""
    for path, rules in operation.image_places:
        yield from ((field, text, rules) for field, text in _texts_at(content, path, ""))


def _texts_at(value: Any, path: tuple[str | None, ...], field: str) -> Iterator[tuple[str, str]]:
    if not path:
        if isinstance(value, str):
            yield field, value
    elif path[0] is None and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts_at(item, path[1:], f"{field}[{index}]")
    elif isinstance(value, dict) and path[0] in value:
        yield from _texts_at(value[path[0]], path[1:], f"{field}.{path[0]}".lstrip("."))
