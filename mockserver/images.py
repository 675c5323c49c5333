"""What the service would say of an image, from its head and its end alone; pixels are never decoded.

Formats are told by their bytes, sizes by their headers, completeness by their end marks. An address is only judged by its
form: it is never fetched.
"""

import struct
from collections.abc import Callable, Mapping

import pybase64

from mockserver.shapes import ImageRules

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"

Pixels = tuple[int, int]


class Unfit(Exception):
    """The image is refused; the argument is a situation of the document."""


def is_address(text: str, rules: ImageRules) -> bool:
    """Whether the text is a URL of a scheme the document takes."""
    return rules.address.fullmatch(text) is not None


def decoded(text: str | bytes | memoryview, rules: ImageRules) -> bytes:
    """The file behind raw Base64. Raises Unfit: `not_base64` (also for a `data:` prefix), or `image_too_large`."""
    if len(text) // 4 * 3 > rules.max_bytes + 2:
        raise Unfit("image_too_large")
    try:
        data = pybase64.b64decode(text, validate=True)
    except ValueError as error:
        raise Unfit("not_base64") from error
    if not data:
        raise Unfit("not_base64")
    if len(data) > rules.max_bytes:
        raise Unfit("image_too_large")
    return data


def judge(data: bytes, rules: ImageRules) -> None:
    """Raise Unfit (`image_format`, `image_pixel`) unless the file is an image the document takes."""
    width, height = _pixels(data, rules)
    if min(width, height) < max(rules.min_side_px, 1) or width * height > rules.max_pixels:
        raise Unfit("image_pixel")
    if not rules.min_ratio <= width / height <= rules.max_ratio:
        raise Unfit("image_pixel")


def _pixels(data: bytes, rules: ImageRules) -> Pixels:
    for name in rules.formats:
        signature, measure = _FORMATS[name]
        if data.startswith(signature):
            found = measure(data)
            if found is not None:
                return found
    raise Unfit("image_format")


def _png(data: bytes) -> Pixels | None:
    """Width and height of a PNG whose chunks lead to IEND; None if it is broken off."""
    if data[12:16] != b"IHDR" or len(data) < 33:
        return None
    place = len(_PNG)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        if data[place + 4 : place + 8] == b"IEND":
            width, height = struct.unpack_from(">II", data, 16)
            return width, height
        place += 12 + length
    return None


def _jpeg(data: bytes) -> Pixels | None:
    """Width and height of a JPEG that has a frame, a scan and an end mark; None otherwise."""
    place, size = 2, None
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        if _is_frame(marker) and place + 9 <= len(data):
            height, width = struct.unpack_from(">HH", data, place + 5)
            size = width, height
        if marker == 0xDA:  # the scan: an end mark must follow it
            return size if data.rfind(b"\xff\xd9") > place else None
        place += 2 + length
    return None


def _is_frame(marker: int) -> bool:
    return 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)


_FORMATS: Mapping[str, tuple[bytes, Callable[[bytes], Pixels | None]]] = {
    "png": (_PNG, _png),
    "jpeg": (_JPEG, _jpeg),
}
