"""Draws the plainest images there are, without a library: real ones, that any decoder takes."""

import struct
import zlib
from base64 import b64decode

_JPEG = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP////////////////////////////////////////////////////////////////////////////"
    "//////////wAALCAFAAUABAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP/Z"
)
"""Entropy-coded grey; too dull to be worth a coder."""


def png(width: int, height: int, *, fill: int = 0) -> bytes:
    """A grey PNG; `fill` bytes of an ancillary chunk make it larger."""
    rows = (b"\0" + b"\x80" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    padding = _chunk(b"teSt", bytes(fill)) if fill else b""
    body = _chunk(b"IHDR", header) + padding + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def gif(width: int, height: int) -> bytes:
    """A GIF of one transparent dot on a screen of that size."""
    head = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0\0\0\0\xff\xff\xff"
    return head + b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"


def webp(width: int, height: int) -> bytes:
    """A lossless WebP of one grey: no transforms, no cache, and five codes of a single symbol each (RFC 9649)."""
    bits = [(0x2F, 8), (width - 1, 14), (height - 1, 14), (0, 1), (0, 3), (0, 3)]
    bits += [field for symbol in (0x80, 0x80, 0x80, 0xFF, 0) for field in ((1, 1), (0, 1), (1, 1), (symbol, 8))]
    packed, at = 0, 0
    for value, length in bits:
        packed, at = packed | value << at, at + length
    data = packed.to_bytes(-(-at // 8), "little")
    data += bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(data) + 12) + b"WEBPVP8L" + struct.pack("<I", len(data)) + data


def jpeg(width: int = 320, height: int = 320) -> bytes:
    """A grey JPEG of up to 320 by 320 points; of a smaller one, decoders leave the rest of its data alone."""
    whole = b64decode(_JPEG)
    frame = whole.index(b"\xff\xc0") + 5  # its marker, its length, its depth
    return whole[:frame] + struct.pack(">HH", height, width) + whole[frame + 4 :]
