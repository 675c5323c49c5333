"""The result files: real MP4s of the right size and length, that say what they are and play and seek in a browser.

The boxes are read here by a walker of our own; the pictures by PyAV, where it is installed.
"""

import asyncio
import io
import logging
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from struct import unpack_from
from typing import Any

import pytest

from mockserver import media
from mockserver.media import Film, Studio, can_render, placeholder

needs_the_extra = pytest.mark.skipif(not can_render(), reason="the `media` extra is not installed: no PyAV, no Pillow")

SIZES = [(1280, 720), (720, 1280), (720, 720), (1920, 1080), (1080, 1920), (1080, 1080)]
EVERY_CLIP = list(product(SIZES, (5, 10), (False, True)))

FILM = Film(
    task_id="task-8271",
    video_id="video-17",
    prompt="A paper boat, 雨の夜, “neon” 🐉",
    mode="std",
    aspect_ratio="16:9",
    width=1280,
    height=720,
    seconds=5,
    frames_per_second=24,
    watermarked=False,
)
SMALL = replace(FILM, width=320, height=180, seconds=2)

CONTAINERS = {"moov", "trak", "mdia", "minf", "dinf", "stbl", "udta", "ilst"}


def boxes(file: bytes, start: int = 0, end: int | None = None, path: str = "") -> Iterator[tuple[str, int, bytes]]:
    """Every box as its path, the offset of its content, and its content; insists that sizes add up."""
    end = len(file) if end is None else end
    while start < end:
        size, kind = unpack_from(">I4s", file, start)
        assert 8 <= size <= end - start, f"{path}/{kind!r} claims {size} of {end - start} bytes"
        name = f"{path}/{kind.decode('latin-1')}"
        yield name, start + 8, file[start + 8 : start + size]
        if name.rsplit("/", 1)[1] in CONTAINERS or path.endswith("/ilst"):
            yield from boxes(file, start + 8, start + size, name)
        if kind == b"meta":
            yield from boxes(file, start + 12, start + size, name)
        start += size


def contents(file: bytes) -> dict[str, bytes]:
    return {path: content for path, _, content in boxes(file)}


def table(file: bytes, name: str) -> bytes:
    return contents(file)[f"/moov/trak/mdia/minf/stbl/{name}"]


def tags(file: bytes) -> dict[str, str]:
    return {
        path.split("/")[-2]: content[8:].decode()
        for path, content in contents(file).items()
        if path.endswith("/data") and "/ilst/" in path
    }


def watch(file: bytes, *numbers: int) -> tuple[int, list[Any]]:
    """Decode the whole file: how many frames it has, and those asked for as Pillow images."""
    import av

    count, shots = 0, {}
    with av.open(io.BytesIO(file)) as film:
        for count, frame in enumerate(film.decode(video=0), 1):
            if count - 1 in numbers:
                shots[count - 1] = frame.to_image()
    return count, [shots[number] for number in numbers]


def shot(file: bytes, number: int) -> Any:
    return watch(file, number)[1][0]


def length(file: bytes) -> int:
    return watch(file)[0]


def picture(colour: str, size: tuple[int, int] = (640, 360), kind: str = "JPEG", **options: Any) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind, **options)
    return file.getvalue()


def far(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) > 40


def difference(one: Any, other: Any, box: tuple[int, int, int, int] | None = None) -> int:
    """How many pixels of two images are visibly different."""
    from PIL import ImageChops

    grey = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).convert("L").crop(box)
    return sum(grey.histogram()[32:])


def rendered(film: Film, *images: bytes | str) -> bytes:
    studio = Studio()
    try:
        return asyncio.run(studio.film(film, images))
    finally:
        studio.close()


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_index_stands_before_the_pictures() -> None:
    """A player can start and seek before the last byte has come."""
    assert [path for path, _, _ in boxes(placeholder(FILM)) if path.count("/") == 1] == ["/ftyp", "/moov", "/mdat"]


def test_the_file_says_in_its_first_bytes_what_it_is() -> None:
    """Sniffers look for `ftyp` at offset four."""
    assert placeholder(FILM)[4:12] == b"ftypisom"


@pytest.mark.parametrize(("size", "seconds", "watermarked"), EVERY_CLIP)
def test_film_track_and_pictures_agree_on_the_length(size: tuple[int, int], seconds: int, watermarked: bool) -> None:
    """The length is exactly what was asked for, whichever box a player believes."""
    film = replace(FILM, width=size[0], height=size[1], seconds=seconds, watermarked=watermarked)
    found = contents(placeholder(film))
    timescale, of_film = unpack_from(">II", found["/moov/mvhd"], 12)
    track_timescale, of_track = unpack_from(">II", found["/moov/trak/mdia/mdhd"], 12)
    (shown,) = unpack_from(">I", found["/moov/trak/tkhd"], 20)
    runs, count, each = unpack_from(">III", found["/moov/trak/mdia/minf/stbl/stts"], 4)
    assert (of_film / timescale, of_track / track_timescale, shown / timescale) == (seconds, seconds, seconds)
    assert (runs, count, count * each / track_timescale) == (1, seconds * 24, seconds)


@pytest.mark.parametrize("size", SIZES)
def test_display_size_and_coded_size_are_those_of_the_film(size: tuple[int, int]) -> None:
    """Every documented size was drawn for itself: nothing is scaled, pixels are square."""
    file = placeholder(replace(FILM, width=size[0], height=size[1]))
    width, height = unpack_from(">II", contents(file)["/moov/trak/tkhd"], 76)
    description = table(file, "stsd")
    at = description.index(b"pasp")
    assert (width / 65536, height / 65536) == size
    assert unpack_from(">HH", description, 16 + 24) == size
    assert unpack_from(">II", description, at + 4) == (1, 1)


@pytest.mark.parametrize(("size", "seconds", "watermarked"), EVERY_CLIP)
def test_there_is_a_keyframe_every_second(size: tuple[int, int], seconds: int, watermarked: bool) -> None:
    """Seeking lands within a second."""
    film = replace(FILM, width=size[0], height=size[1], seconds=seconds, watermarked=watermarked)
    count, *numbers = unpack_from(f">{1 + seconds}I", table(placeholder(film), "stss"), 4)
    assert (count, numbers) == (seconds, [1 + 24 * second for second in range(seconds)])


def test_the_samples_fill_the_pictures_box_exactly() -> None:
    """Offset and sizes lead to the pictures and to nothing else."""
    file = placeholder(FILM)
    (start, content) = next((at, content) for path, at, content in boxes(file) if path == "/mdat")
    fixed, count, *sizes = unpack_from(">122I", table(file, "stsz"), 4)
    assert unpack_from(">II", table(file, "stco"), 4) == (1, start)
    assert unpack_from(">IIII", table(file, "stsc"), 4) == (1, 1, count, 1)
    assert (fixed, count, sum(sizes)) == (0, 120, len(content))


def test_every_sample_is_whole_nal_units() -> None:
    """The length before each unit leads exactly to the end of the sample."""
    file = placeholder(FILM)
    (at,) = unpack_from(">I", table(file, "stco"), 8)
    for size in unpack_from(">120I", table(file, "stsz"), 12):
        assert unpack_from(">I", file, at) == (size - 4,)
        at += size


# ── what the file says of itself ─────────────────────────────────────────────────────────────────────────────────────


def test_the_metadata_carries_task_video_and_prompt() -> None:
    """A stray download still tells which task it belongs to."""
    assert tags(placeholder(FILM)) == {
        "©nam": "klingmock video-17",
        "©cmt": "task_id=task-8271 video_id=video-17 mode=std aspect_ratio=16:9 watermarked=False",
        "desc": "A paper boat, 雨の夜, “neon” 🐉",
        "©too": "klingmock",
    }


def test_the_longest_prompt_is_carried_whole() -> None:
    """Characters outside the basic plane take four bytes each; none is cut."""
    assert tags(placeholder(replace(FILM, prompt="🐉" * 2500)))["desc"] == "🐉" * 2500


def test_a_prompt_that_utf8_cannot_carry_still_makes_a_file() -> None:
    """A lone surrogate becomes a question mark."""
    assert tags(placeholder(replace(FILM, prompt="a\ud800b")))["desc"] == "a?b"


def test_equal_films_make_equal_bytes_and_tasks_make_different_ones() -> None:
    """No dates, no chance; but no two tasks have the same file."""
    assert placeholder(FILM) == placeholder(replace(FILM))
    assert placeholder(FILM) != placeholder(replace(FILM, task_id="task-8272"))


# ── sizes and lengths that were not drawn ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("seconds", "rate", "count"), [(3, 24, 72), (7.5, 24, 180), (25, 24, 600), (5, 30, 150)])
def test_a_length_that_was_not_drawn_is_cut_or_repeated(seconds: float, rate: int, count: int) -> None:
    """The number of frames is right, whatever clip they come from."""
    file = placeholder(replace(FILM, seconds=seconds, frames_per_second=rate))
    timescale, ticks = unpack_from(">II", contents(file)["/moov/mvhd"], 12)
    assert unpack_from(">II", table(file, "stts"), 4) == (1, count)
    assert ticks / timescale == seconds


def test_a_length_between_two_clips_is_cut_from_the_longer() -> None:
    """A film that need not start anew does not."""
    longer, asked = (contents(placeholder(replace(FILM, seconds=seconds)))["/mdat"] for seconds in (10, 6))
    assert longer.startswith(asked)


def test_a_size_that_was_not_drawn_is_scaled_by_the_player() -> None:
    """The nearest ratio is taken; display size and pixel shape say how to show it."""
    file = placeholder(replace(FILM, width=1000, height=500))
    width, height = unpack_from(">II", contents(file)["/moov/trak/tkhd"], 76)
    description = table(file, "stsd")
    coded = unpack_from(">HH", description, 16 + 24)
    across, down = unpack_from(">II", description, description.index(b"pasp") + 4)
    assert (width >> 16, height >> 16, coded) == (1000, 500, (1280, 720))
    assert coded[0] * across / (coded[1] * down) == 2


# ── what one sees ────────────────────────────────────────────────────────────────────────────────────────────────────


@needs_the_extra
@pytest.mark.parametrize(("size", "watermarked"), list(product(SIZES, (False, True))))
def test_every_frame_of_a_placeholder_decodes_and_the_mark_moves(size: tuple[int, int], watermarked: bool) -> None:
    """A person sees that it plays: the counter counts and the bar grows."""
    count, (first, early, middle, last) = watch(
        placeholder(replace(FILM, width=size[0], height=size[1], watermarked=watermarked)), 0, 12, 60, 119
    )
    assert (count, first.size) == (120, size)
    assert difference(first, last) > 5000
    assert difference(early, middle) > 2000


@needs_the_extra
@pytest.mark.parametrize("size", SIZES)
def test_the_watermarked_twin_is_visibly_another(size: tuple[int, int]) -> None:
    """A mark across the frame, not a speck in a corner: it is seen in the left and in the right half."""
    width, height = size
    plain = replace(FILM, width=width, height=height)
    one, other = (shot(placeholder(film), 30) for film in (plain, replace(plain, watermarked=True)))
    assert difference(one, other, (0, 0, width // 2, height)) > width * height / 100
    assert difference(one, other, (width // 2, 0, width, height)) > width * height / 100


@needs_the_extra
def test_a_repeated_clip_decodes_without_a_fault() -> None:
    """Where the clip starts anew there is a keyframe."""
    assert length(placeholder(replace(FILM, width=720, seconds=11))) == 264


# ── films of the request's own images ────────────────────────────────────────────────────────────────────────────────


@needs_the_extra
def test_each_image_is_shown_for_its_share_of_the_film() -> None:
    """Red in the first half, blue in the second, and the right number of frames."""
    count, shown = watch(rendered(SMALL, picture("red"), picture("blue", kind="PNG")), *range(48))
    middle = [frame.getpixel((160, 40)) for frame in shown]
    assert count == 48
    assert not any(far(pixel, (255, 0, 0)) for pixel in middle[:24])
    assert not any(far(pixel, (0, 0, 255)) for pixel in middle[28:])


@needs_the_extra
def test_a_film_is_a_file_like_any_other() -> None:
    """The same boxes, size, length, keyframes and metadata as a placeholder's."""
    file = rendered(SMALL, picture("red"))
    assert [path for path, _, _ in boxes(file) if path.count("/") == 1] == ["/ftyp", "/moov", "/mdat"]
    assert unpack_from(">III", table(file, "stss"), 4) == (2, 1, 25)
    assert unpack_from(">HH", table(file, "stsd"), 16 + 24) == (320, 180)
    assert tags(file) == tags(placeholder(SMALL))


@needs_the_extra
def test_the_progress_bar_of_a_film_grows() -> None:
    """It starts black at the right edge and ends white."""
    _, shown = watch(rendered(SMALL, picture("red")), 0, 24, 47)
    assert [sum(image.getpixel((310, 179))) > 600 for image in shown] == [False, False, True]
    assert [sum(image.getpixel((130, 179))) > 600 for image in shown] == [False, True, True]


@needs_the_extra
def test_a_watermarked_film_is_visibly_another() -> None:
    """The twin shows the mark over the image."""
    one, other = (shot(rendered(replace(SMALL, watermarked=mark), picture("navy")), 10) for mark in (False, True))
    assert difference(one, other) > 1000


@needs_the_extra
def test_the_prompt_is_on_the_screen() -> None:
    """Another prompt is another picture in the lower third."""
    one, other = (shot(rendered(replace(SMALL, prompt=text), picture("navy")), 10) for text in ("WWWW", "iiii"))
    assert difference(one, other, (0, 90, 320, 180)) > 50


@needs_the_extra
def test_a_photograph_taken_sideways_is_shown_upright() -> None:
    """EXIF orientation 6: the stored top is the right-hand side."""
    from PIL import Image

    stored = Image.new("RGB", (400, 400), "red")
    stored.paste("blue", (0, 200, 400, 400))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    stored.save(file, "JPEG", exif=exif)
    shown = shot(rendered(SMALL, file.getvalue()), 10)
    assert not far(shown.getpixel((130, 40)), (0, 0, 255))
    assert not far(shown.getpixel((190, 40)), (255, 0, 0))


@needs_the_extra
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_any_kind_of_pixel_is_shown(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    """Grey, palette, transparent, deep and printers' images are images too."""
    from PIL import Image

    file = io.BytesIO()
    Image.new(mode, (400, 300)).save(file, "JPEG" if mode == "CMYK" else "PNG")
    assert (length(rendered(SMALL, file.getvalue())), caplog.messages) == (48, [])


@needs_the_extra
def test_a_grey_of_sixteen_bits_keeps_its_brightness() -> None:
    """Half of 65536 is half of 256, not white."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("I;16", (400, 300), 32768).save(file, "PNG")
    assert not far(shot(rendered(SMALL, file.getvalue()), 10).getpixel((160, 40)), (128, 128, 128))


@needs_the_extra
def test_an_image_that_cannot_be_decoded_gets_a_panel_and_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The others are shown as ever."""
    whole = picture("red", kind="PNG")
    with caplog.at_level(logging.WARNING, "klingmock.media"):
        count, (panel, blue) = watch(rendered(SMALL, whole[: len(whole) // 2], picture("blue")), 10, 40)
    assert caplog.messages == ["image_undecodable task_id=task-8271 image=1 error=OSError"]
    assert (count, far(blue.getpixel((160, 40)), (0, 0, 255))) == (48, False)
    assert far(panel.getpixel((300, 20)), (255, 0, 0))


@needs_the_extra
def test_an_image_of_a_billion_pixels_is_not_decoded(caplog: pytest.LogCaptureFixture) -> None:
    """A small file may claim any size; the claim is refused before memory is asked for."""
    bomb = bytearray(picture("red", kind="PNG"))
    bomb[16:24] = (40_000).to_bytes(4) * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4)
    assert length(rendered(SMALL, bytes(bomb))) == 48
    assert caplog.messages == ["image_undecodable task_id=task-8271 image=1 error=DecompressionBombError"]


@needs_the_extra
def test_a_url_is_shown_as_text_and_not_fetched(caplog: pytest.LogCaptureFixture) -> None:
    """Another URL is another picture, and nothing is amiss."""
    one, other = (shot(rendered(SMALL, f"https://example.com/{name}.png"), 10) for name in ("WWWWWWWW", "iiiiiiii"))
    assert difference(one, other) > 50
    assert caplog.messages == []


@needs_the_extra
@pytest.mark.parametrize("prompt", ["", "\n\t ", "雨" * 2500, "W" * 2500, "a\ud800b", "مرحبا 🐉 \x00 \x07"])
def test_any_prompt_makes_a_film(prompt: str) -> None:
    """However long, in whatever script, with or without spaces."""
    assert length(rendered(replace(SMALL, prompt=prompt), picture("red"))) == 48


@needs_the_extra
def test_lines_break_at_spaces_and_the_last_ends_in_an_ellipsis() -> None:
    """No line is wider than asked, and no word is lost before the last line."""
    from mockserver.lettering import font_for, wrapped

    text = "one two three four five six seven eight nine ten"
    font = font_for(text, 20)
    lines = wrapped(text, font, 150, lines=3)
    assert [font.getlength(line) <= 150 for line in lines] == [True] * 3
    assert text.startswith(" ".join(lines).removesuffix("…"))
    assert lines[-1].endswith("…")
    assert wrapped(text, font, 5000, lines=3) == [text]


# ── the studio ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Camera:
    """Stands in for the renderer: counts, and waits to be released."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.started, self.released = threading.Event(), threading.Event()

    def __call__(self, film: Film, images: object) -> bytes:
        self.taken.append(film.task_id)
        self.started.set()
        assert self.released.wait(10), "nobody released the camera"
        return film.task_id.encode()


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Camera:
    camera = Camera()
    monkeypatch.setattr(media, "_render", camera)
    monkeypatch.setattr(media, "can_render", lambda: True)
    return camera


def test_all_who_ask_for_a_film_share_one_rendering(camera: Camera) -> None:
    """Those who ask meanwhile and those who ask afterwards."""

    async def story() -> list[bytes]:
        studio = Studio()
        asked = [asyncio.create_task(studio.film(FILM, [b"x"])) for _ in range(3)]
        await asyncio.to_thread(camera.started.wait, 10)
        camera.released.set()
        films = [*await asyncio.gather(*asked), await studio.film(FILM, [b"x"])]
        studio.close()
        return films

    assert asyncio.run(story()) == [b"task-8271"] * 4
    assert camera.taken == ["task-8271"]


def test_a_rendering_goes_on_when_the_one_who_asked_gives_up(camera: Camera) -> None:
    """A closed connection does not spoil the film for the next."""

    async def story() -> bytes:
        studio = Studio()
        impatient = asyncio.create_task(studio.film(FILM, [b"x"]))
        await asyncio.to_thread(camera.started.wait, 10)
        impatient.cancel()
        await asyncio.wait([impatient])
        patient = asyncio.create_task(studio.film(FILM, [b"x"]))
        camera.released.set()
        film = await patient
        studio.close()
        return film

    assert asyncio.run(story()) == b"task-8271"
    assert camera.taken == ["task-8271"]


def test_the_film_not_asked_for_the_longest_leaves_the_cache_first(camera: Camera) -> None:
    """Nine bytes a film and room for two."""
    camera.released.set()

    async def story() -> None:
        studio = Studio(cache_bytes=18)
        for name in ("1", "2", "1", "3", "1", "2"):
            await studio.film(replace(FILM, task_id=f"film no{name}"), [b"x"])
        studio.close()

    asyncio.run(story())
    assert camera.taken == ["film no1", "film no2", "film no3", "film no2"]


def test_a_film_larger_than_the_cache_is_still_delivered(camera: Camera) -> None:
    """It is only not kept."""
    camera.released.set()
    studio = Studio(cache_bytes=1)
    assert asyncio.run(studio.film(FILM, [b"x"])) == b"task-8271"
    studio.close()


def test_closing_lets_go_of_those_who_wait(camera: Camera) -> None:
    """Nobody hangs on a server that is going down."""

    async def story() -> bool:
        studio = Studio()
        waiting = asyncio.create_task(studio.film(FILM, [b"x"]))
        await asyncio.to_thread(camera.started.wait, 10)
        studio.close()
        await asyncio.wait([waiting], timeout=10)
        camera.released.set()
        return waiting.cancelled()

    assert asyncio.run(story())


def test_without_images_the_film_is_the_placeholder(camera: Camera) -> None:
    """Text-to-video has nothing of its own to show."""
    assert rendered(FILM) == placeholder(FILM)
    assert camera.taken == []


def test_without_the_extra_the_film_is_the_placeholder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core needs neither PyAV nor Pillow."""
    monkeypatch.setattr(media, "find_spec", lambda name: None if name == "av" else find_spec(name))
    assert not can_render()
    assert rendered(FILM, b"any image") == placeholder(FILM)


def test_an_extra_that_does_not_work_is_logged_and_the_film_is_the_placeholder(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An import that fails, say for a missing system library, fails no download."""
    monkeypatch.setattr(media, "can_render", lambda: True)
    monkeypatch.setitem(sys.modules, "mockserver.slideshow", None)
    monkeypatch.delattr("mockserver.slideshow", raising=False)
    assert rendered(FILM, b"any image") == placeholder(FILM)
    assert [record.message.split(" error=")[0] for record in caplog.records] == ["film_not_rendered task_id=task-8271"]


@needs_the_extra
def test_a_pyav_without_x264_is_logged_and_the_film_is_the_placeholder(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Some builds of FFmpeg leave the encoder out."""
    import av

    def refuse(*_: object) -> None:
        raise av.codec.codec.UnknownCodecError("libx264")

    monkeypatch.setattr("mockserver.slideshow._encoder", refuse)
    assert rendered(SMALL, picture("red")) == placeholder(SMALL)
    assert [record.message.split(": ")[0] for record in caplog.records] == [
        "film_not_rendered task_id=task-8271 error=FilmError"
    ]
