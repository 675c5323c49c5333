"""The `media` extra: a film that shows the request's own images, its prompt and its task id.

Never raises over an image: what cannot be shown is named on a panel in its place. Nothing is ever fetched. Pillow and
PyAV are heavy and optional, so this module is imported when the first film is rendered and not before.
"""

import logging
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from io import BytesIO

import av
from PIL import Image, ImageDraw, ImageOps

from . import mp4
from .film import Film, FilmError
from .lettering import WHITE, Size, font_for, unit_of, watermark, wrapped

_log = logging.getLogger("klingmock.media")

_FADE_FRAMES = 4
_DARK, _SLATE, _QUIET = (12, 14, 18), (44, 48, 58), (176, 182, 194)
_BLACK_LUMA, _WHITE_LUMA = b"\x10", b"\xeb"

_FAST = {"preset": "ultrafast", "tune": "zerolatency", "crf": "24"}
_COLOURS = {"x264-params": "colorprim=bt709:transfer=bt709:colormatrix=bt709"}

_UNDECODABLE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, IndexError, KeyError, MemoryError),
    *(struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning),
)
"""What Pillow is known to raise over a damaged or oversized file."""


def render(film: Film, images: Sequence[bytes | str]) -> bytes:
    """Show each image for an equal share of the film and return the MP4 file. Keeps one processor core busy meanwhile.

    `images` are JPEG or PNG files, or URLs, which are shown as text; at least one. An image that cannot be decoded
    makes one line in the log and a panel in the film.
    Raises `FilmError` where the installed PyAV cannot encode H.264.
    """
    size = _even(film.width), _even(film.height)
    overlay = _overlay(film, size)
    slides = [Image.alpha_composite(slide, overlay).convert("RGB") for slide in _slides(film, images, size)]
    frames = _with_progress(_stills(slides, film.frames), film.frames)
    track = encode(frames, size, film.frames_per_second, _FAST)
    return mp4.movie(track, mp4.Display(film.width, film.height, film.frames_per_second), film.tags)


def _even(length: int) -> int:
    return length + length % 2  # the colours of an H.264 picture come in blocks of two by two pixels


def _slides(film: Film, images: Sequence[bytes | str], size: Size) -> Iterator[Image.Image]:
    for number, image in enumerate(images, 1):
        if isinstance(image, str):
            yield _notice(size, f"image {number} was not fetched", image)
            continue
        try:
            yield _framed(_decoded(image, size), size)
        except _UNDECODABLE as error:
            _log.warning("image_undecodable task_id=%s image=%d error=%s", film.task_id, number, type(error).__name__)
            yield _notice(size, f"image {number} could not be decoded", type(error).__name__)


def _decoded(image: bytes, size: Size) -> Image.Image:
    """Upright and hardly larger than needed. Pillow refuses to open what has more than 179 million pixels."""
    picture: Image.Image = Image.open(BytesIO(image), formats=("JPEG", "PNG"))
    picture.draft("RGB", size)  # a large JPEG is not even decoded in full
    picture.thumbnail((max(size), max(size)), reducing_gap=2.0)
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode == "I;16":
        picture = picture.point(lambda grey: grey / 256)  # converting would clip sixteen bits to eight, not scale them
    return picture.convert("RGBA")


def _framed(picture: Image.Image, size: Size) -> Image.Image:
    """The whole picture, on a dim and blurred copy of itself that fills what its ratio leaves free."""
    whole = ImageOps.contain(picture, size)
    speck = ImageOps.fit(whole, (1 + size[0] // 40, 1 + size[1] // 40))
    frame = Image.new("RGBA", speck.size, _DARK)
    frame.alpha_composite(Image.blend(speck, frame, 0.6))
    frame = frame.resize(size, Image.Resampling.BICUBIC)
    frame.alpha_composite(whole, ((size[0] - whole.width) // 2, (size[1] - whole.height) // 2))
    return frame


def _notice(size: Size, title: str, detail: str) -> Image.Image:
    """A plain slide that says why there is no picture."""
    frame, unit = Image.new("RGBA", size, _SLATE), unit_of(size)
    draw, font = ImageDraw.Draw(frame), font_for(detail, 26 * unit)
    left, top, width = 48 * unit, size[1] / 4, size[0] - 96 * unit
    draw.text((left, top), title, WHITE, font_for(title, 42 * unit))
    draw.multiline_text((left, top + 68 * unit), "\n".join(wrapped(detail, font, width, lines=4)), _QUIET, font)
    return frame


def _overlay(film: Film, size: Size) -> Image.Image:
    """What lies on every slide: the lower third, the watermark if any, the black track of the progress bar."""
    overlay = Image.new("RGBA", size)
    draw, unit, bar = ImageDraw.Draw(overlay), unit_of(size), _bar_rows(size[1])
    font, small, margin = font_for(film.prompt, 28 * unit), font_for(film.task_id, 21 * unit), 36 * unit
    lines = wrapped(film.prompt, font, size[0] - 2 * margin, lines=3)
    bottom = size[1] - bar
    top = bottom - (len(lines) * 38 + 70) * unit
    draw.rectangle((0, top, size[0], bottom), (*_DARK, 190))
    for row, line in enumerate(lines):
        draw.text((margin, top + (18 + 38 * row) * unit), line, WHITE, font)
    draw.text((margin, bottom - 20 * unit), f"task {film.task_id}", _QUIET, small, anchor="ls")
    draw.text((size[0] - margin, bottom - 20 * unit), "klingmock", WHITE, small, anchor="rs")
    if film.watermarked:
        overlay.alpha_composite(watermark(size, free=size[1] - round(top)))
    draw.rectangle((0, bottom, *size), (0, 0, 0))
    return overlay


def _bar_rows(height: int) -> int:
    return max(2, height // 90)


def _stills(slides: Sequence[Image.Image], count: int) -> Iterator[Image.Image]:
    """One image a frame, fading from slide to slide; the same object for as long as nothing changes."""
    shown = [number * len(slides) // count for number in range(count)]
    for number, slide in enumerate(shown):
        since = number - shown.index(slide)
        fading = slide > 0 and since < _FADE_FRAMES
        share = (since + 1) / (_FADE_FRAMES + 1)
        yield Image.blend(slides[slide - 1], slides[slide], share) if fading else slides[slide]


def _with_progress(stills: Iterable[Image.Image], count: int) -> Iterator[av.VideoFrame]:
    """Convert each image once, and draw the moving bar straight into the brightness: its track has no colour."""
    previous, frame = None, None
    for number, still in enumerate(stills, 1):
        if frame is None or still is not previous:
            previous, frame = still, to_frame(still)
        _draw_bar(frame, number / count)
        yield frame


def to_frame(image: Image.Image) -> av.VideoFrame:
    """An RGB image as the encoder wants it. Width and height must be even."""
    frame: av.VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]  # PyAV has no types here
    return frame.reformat(format="yuv420p", dst_colorspace="ITU709")


def _draw_bar(frame: av.VideoFrame, share: float) -> None:
    luma, rows = frame.planes[0], _bar_rows(frame.height)
    pixels, done = memoryview(luma), round(share * frame.width)
    line = _WHITE_LUMA * done + _BLACK_LUMA * (frame.width - done)
    for row in range(frame.height - rows + 1, frame.height):
        pixels[row * luma.line_size : row * luma.line_size + frame.width] = line


def encode(
    frames: Iterable[av.VideoFrame], size: Size, frames_per_second: int, options: Mapping[str, str]
) -> mp4.Track:
    """Compress frames of the given even size with x264. A frame may be changed as soon as the next is asked for.

    Raises `FilmError` where the installed PyAV cannot encode H.264.
    """
    try:
        encoder = _encoder(size, frames_per_second, options)
        packets = [bytes(packet) for frame in _numbered(frames, frames_per_second) for packet in encoder.encode(frame)]
        packets += [bytes(packet) for packet in encoder.encode(None)]
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        raise FilmError(f"PyAV {av.__version__} cannot encode H.264: {error}") from error
    return mp4.from_annex_b(bytes(encoder.extradata or b""), packets, width=size[0], height=size[1])


def _encoder(size: Size, frames_per_second: int, options: Mapping[str, str]) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.framerate = "yuv420p", Fraction(frames_per_second)
    encoder.time_base = 1 / encoder.framerate
    encoder.options = {"bf": "0", "g": str(frames_per_second), "threads": "1", **_COLOURS, **options}
    encoder.flags |= av.codec.context.Flags.global_header  # the parameter sets go into `avcC`, not into each keyframe
    encoder.open()
    return encoder


def _numbered(frames: Iterable[av.VideoFrame], frames_per_second: int) -> Iterator[av.VideoFrame]:
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, frames_per_second), 0
        yield frame
