"""Looks into an MP4 file as far as the suite needs: how long it lasts and how wide and high it is (ISO 14496-12)."""

from collections.abc import Iterator
from dataclasses import dataclass

_CONTAINERS = {b"moov", b"trak"}


@dataclass(frozen=True, slots=True)
class Footage:
    """What the boxes of a video say."""

    seconds: float
    width: int
    height: int


def look_into(data: bytes) -> Footage | None:
    """Length and size of a video; None if the bytes are no MP4."""
    if data[4:8] != b"ftyp":
        return None
    boxes = list(_boxes(data, 0, len(data)))
    lengths = [_seconds(data[start:end]) for kind, start, end in boxes if kind == b"mvhd"]
    sizes = [_size(data[start:end]) for kind, start, end in boxes if kind == b"tkhd"]
    if not lengths or not sizes:
        return None
    return Footage(lengths[0], *max(sizes))


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box, those within movie and tracks too."""
    while start + 8 <= end:
        size, kind, head = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        stop = end if size == 0 else start + size
        if stop > end or 0 < size < head:
            return
        yield kind, start + head, stop
        if kind in _CONTAINERS:
            yield from _boxes(data, start + head, stop)
        start = stop


def _seconds(mvhd: bytes) -> float:
    wide = mvhd[0] == 1
    scale, length = (mvhd[20:24], mvhd[24:32]) if wide else (mvhd[12:16], mvhd[16:20])
    return int.from_bytes(length, "big") / max(int.from_bytes(scale, "big"), 1)


def _size(tkhd: bytes) -> tuple[int, int]:
    return int.from_bytes(tkhd[-8:-6], "big"), int.from_bytes(tkhd[-4:-2], "big")
