"""From encoded H.264 frames to an MP4 file that plays and seeks in a browser.

Pure and deterministic: equal input makes equal bytes, so every date is zero. The index (`moov`) stands before the
pictures (`mdat`), so that a player can start and seek before the last byte has come.

The file, box by box (ISO/IEC 14496-12 and -15)::

    ftyp  what kind of file this is
    moov  mvhd  the film's clock            ┌ minf  vmhd, dinf: the pictures lie in this very file
          trak  tkhd  the display size      │       stbl  stsd  avc1: avcC (how to decode), pasp (a pixel's shape)
                mdia  mdhd, hdlr, minf ─────┘             stts, stss, stsc, stsz, stco: when, where and how long
          udta  meta  ilst: title, comment, description
    mdat  the samples, in one chunk
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import gcd
from struct import pack
from typing import Literal, TypeAlias

TagName: TypeAlias = Literal["title", "comment", "description", "encoder"]
Tags: TypeAlias = Mapping[TagName, str]

_TAG_BOXES: Mapping[TagName, bytes] = {
    "title": b"\xa9nam",
    "comment": b"\xa9cmt",
    "description": b"desc",
    "encoder": b"\xa9too",
}

_TICKS_PER_FRAME = 512
"""One clock for film, track and pictures: at any whole frame rate all three durations are exactly equal."""

_UPRIGHT = pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
"""The matrix that neither turns nor scales."""

_UNDETERMINED = 0x55C4
"""The language `und`, five bits a letter."""

_KEY_SLICE, _SEQUENCE_SET, _PICTURE_SET = 5, 7, 8
_SLICES = frozenset({1, _KEY_SLICE})
"""The NAL units that are pictures. The others talk about the encoding, which no player needs."""


@dataclass(frozen=True, slots=True)
class Track:
    """An H.264 stream whose frames are equally long and stored in the order in which they are shown."""

    width: int
    """Coded width in pixels."""
    height: int
    """Coded height in pixels."""
    configuration: bytes
    """The parameter sets as an AVCDecoderConfigurationRecord, the payload of `avcC`."""
    samples: tuple[bytes, ...]
    """One frame each: NAL units, each behind its length in four bytes. The first is a keyframe."""


@dataclass(frozen=True, slots=True)
class Display:
    """How a player shall show a track."""

    width: int
    """In pixels; where it differs from the coded width, players scale."""
    height: int
    frames_per_second: int


def movie(track: Track, display: Display, tags: Tags) -> bytes:
    """The whole file. Characters that UTF-8 cannot carry (lone surrogates) become `?` in the tags."""
    head = _box(b"ftyp", b"isom", pack(">I", 0x200), b"isomiso2avc1mp41")
    size = len(_moov(track, display, tags, offset=0))  # which does not depend on the offset written into it
    return b"".join((head, _moov(track, display, tags, offset=len(head) + size + 8), _box(b"mdat", *track.samples)))


def split(stream: bytes) -> tuple[bytes, ...]:
    """Cut length-prefixed NAL units laid end to end into samples, where each sample is one NAL unit."""
    samples, start = [], 0
    while start < len(stream):
        end = start + 4 + int.from_bytes(stream[start : start + 4])
        samples.append(stream[start:end])
        start = end
    return tuple(samples)


def from_annex_b(headers: bytes, frames: Iterable[bytes], *, width: int, height: int) -> Track:
    """Take what an encoder gives: parameter sets and frames, all with start codes (ISO/IEC 14496-10, Annex B)."""
    samples = tuple(
        b"".join(pack(">I", len(unit)) + unit for unit in _units(frame) if unit[0] & 31 in _SLICES) for frame in frames
    )
    return Track(width, height, _configuration(headers), samples)


def _units(stream: bytes) -> list[bytes]:
    return [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1")[1:]]  # no unit ends with a zero byte


def _configuration(headers: bytes) -> bytes:
    sets = {unit[0] & 31: unit for unit in _units(headers)}
    sequence, picture = sets[_SEQUENCE_SET], sets[_PICTURE_SET]
    high_profile = sequence[1] == 100
    return b"".join(
        (
            b"\1" + sequence[1:4] + b"\xff",  # version; profile and level; lengths of four bytes
            b"\xe1" + pack(">H", len(sequence)) + sequence,  # one of each kind
            b"\1" + pack(">H", len(picture)) + picture,
            b"\xfd\xf8\xf8\0" * high_profile,  # which says again: 4:2:0, eight bits
        )
    )


def _box(kind: bytes, *content: bytes) -> bytes:
    payload = b"".join(content)
    return pack(">I4s", 8 + len(payload), kind) + payload


def _full_box(kind: bytes, *content: bytes, flags: int = 0) -> bytes:
    return _box(kind, pack(">I", flags), *content)


def _moov(track: Track, display: Display, tags: Tags, *, offset: int) -> bytes:
    clock = pack(">4I", 0, 0, display.frames_per_second * _TICKS_PER_FRAME, len(track.samples) * _TICKS_PER_FRAME)
    speed_and_volume = pack(">IH10x", 1 << 16, 1 << 8)
    return _box(
        b"moov",
        _full_box(b"mvhd", clock, speed_and_volume, _UPRIGHT, pack(">24xI", 2)),  # 2: the next free track number
        _box(
            b"trak",
            _track_header(track, display),
            _box(
                b"mdia",
                _full_box(b"mdhd", clock, pack(">HH", _UNDETERMINED, 0)),
                _full_box(b"hdlr", pack(">4x4s12x", b"vide"), b"klingmock\0"),
                _box(b"minf", _full_box(b"vmhd", bytes(8), flags=1), _in_this_file(), _table(track, display, offset)),
            ),
        ),
        _box(b"udta", _metadata(tags)),
    )


def _track_header(track: Track, display: Display) -> bytes:
    enabled_in_movie_and_preview = 7
    when = pack(">5I", 0, 0, 1, 0, len(track.samples) * _TICKS_PER_FRAME)
    size = pack(">2I", display.width << 16, display.height << 16)
    return _full_box(b"tkhd", when, bytes(16), _UPRIGHT, size, flags=enabled_in_movie_and_preview)


def _in_this_file() -> bytes:
    return _box(b"dinf", _full_box(b"dref", pack(">I", 1), _full_box(b"url ", flags=1)))


def _table(track: Track, display: Display, offset: int) -> bytes:
    """Where each sample is and when it is shown."""
    count = len(track.samples)
    keyframes = [number for number, sample in enumerate(track.samples, 1) if sample[4] & 31 == _KEY_SLICE]
    return _box(
        b"stbl",
        _full_box(b"stsd", pack(">I", 1), _description(track, display)),
        _full_box(b"stts", pack(">3I", 1, count, _TICKS_PER_FRAME)),
        _full_box(b"stss", pack(f">{1 + len(keyframes)}I", len(keyframes), *keyframes)),
        _full_box(b"stsc", pack(">4I", 1, 1, count, 1)),
        _full_box(b"stsz", pack(f">{2 + count}I", 0, count, *map(len, track.samples))),
        _full_box(b"stco", pack(">2I", 1, offset)),
    )


def _description(track: Track, display: Display) -> bytes:
    across, down = display.width * track.height, display.height * track.width
    common = gcd(across, down)
    dots_per_inch = 72 << 16
    return _box(
        b"avc1",
        pack(">6xH16x2H", 1, track.width, track.height),
        pack(">2I4xH", dots_per_inch, dots_per_inch, 1),
        pack(">32pHh", b"klingmock", 24, -1),  # true colour, no palette
        _box(b"avcC", track.configuration),
        _box(b"pasp", pack(">2I", across // common, down // common)),
    )


def _metadata(tags: Tags) -> bytes:
    handler = _full_box(b"hdlr", pack(">4x4s4s9x", b"mdir", b"appl"))
    return _full_box(b"meta", handler, _box(b"ilst", *(_tag(_TAG_BOXES[name], text) for name, text in tags.items())))


def _tag(kind: bytes, text: str) -> bytes:
    is_utf8 = 1
    return _box(kind, _box(b"data", pack(">II", is_utf8, 0), text.encode("utf-8", "replace")))
