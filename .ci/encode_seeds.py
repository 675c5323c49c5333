"""Draw and encode the placeholder clips in `mockserver/seeds`, from which the double cuts its result files.

A developer runs this when the design changes, and commits what it writes; nobody else needs it::

    pip install -e '.[media]' && python .ci/encode_seeds.py          # two minutes of one core
    python .ci/encode_seeds.py --stills /tmp/stills                  # only one picture a clip, to look at

x264 is GPL, so only its output is kept here, never the library.

Each clip file is the zlib-compressed stream of H.264 frames, one NAL unit a frame behind its length in four bytes.
Everything that moves is drawn below everything that rests: the upper part of all keyframes is then the same to the
byte, and zlib stores it once. `index.json` says what each file is.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parents[1]))
from mockserver.lettering import WHITE, Size, font_for, unit_of, watermark
from mockserver.resources import SEEDS
from mockserver.slideshow import encode, to_frame

FRAMES_PER_SECOND = 24
SECONDS = (5, 10)
SHORT_SIDES = {"std": 720, "pro": 1080}
RATIOS = {
    "16:9": ((20, 33, 61), (104, 172, 255)),  # night blue, and what moves on it
    "9:16": ((43, 26, 58), (203, 156, 255)),  # plum
    "1:1": ((16, 46, 40), (102, 214, 170)),  # pine
}

QUIET = (190, 198, 212)
BLOCK = 16
"""The side of an H.264 macroblock in pixels."""

_EQUAL_BYTES_FOR_EQUAL_PICTURES = {"qp": "36", "aq-mode": "0", "psy": "0"}
_ONE_KEYFRAME_A_SECOND = {"sc_threshold": "0", "refs": "1", "weightp": "0"}
_FLAT_COLOURS = {"deblock": "-6:-6", "chromaoffset": "-4"}
SMALL = {"preset": "veryslow", **_EQUAL_BYTES_FOR_EQUAL_PICTURES, **_ONE_KEYFRAME_A_SECOND, **_FLAT_COLOURS}


@dataclass(frozen=True, slots=True)
class Clip:
    ratio: str
    mode: str
    seconds: int
    watermarked: bool

    @property
    def size(self) -> Size:
        across, down = map(int, self.ratio.split(":"))
        unit = SHORT_SIDES[self.mode] // min(across, down)
        return across * unit, down * unit

    @property
    def file(self) -> str:
        width, height = self.size
        return f"{width}x{height}-{self.seconds}s{'-watermarked' if self.watermarked else ''}.zlib"


def backdrop(clip: Clip) -> Image.Image:
    """Everything that rests."""
    (width, height), unit, (ground, accent) = clip.size, unit_of(clip.size), RATIOS[clip.ratio]
    image = Image.new("RGBA", clip.size, ground)
    draw, left, top = ImageDraw.Draw(image), 64 * unit, height * 0.2
    draw.text((left, top), "klingmock", WHITE, font_for("", 112 * unit), anchor="ls", stroke_width=unit)
    draw.text((left, top + 76 * unit), "placeholder", accent, font_for("", 46 * unit), anchor="ls")
    facts = f"{clip.ratio}   ·   {clip.mode}   ·   {clip.seconds} s   ·   {width} x {height}"
    draw.text((left, top + 138 * unit), facts, QUIET, font_for("", 32 * unit), anchor="ls")
    if clip.watermarked:
        image.alpha_composite(watermark(clip.size, free=round(168 * unit)))
    return image.convert("RGB")


def pictures(clip: Clip) -> Iterator[Image.Image]:
    """The film, frame by frame: a counter of whole seconds, and a bar that fills a line."""
    rest, count = backdrop(clip), clip.seconds * FRAMES_PER_SECOND
    for number in range(count):
        image = rest.copy()
        draw_moving(ImageDraw.Draw(image), clip, second=number // FRAMES_PER_SECOND, share=(number + 1) / count)
        yield image


def draw_moving(draw: ImageDraw.ImageDraw, clip: Clip, *, second: int, share: float) -> None:
    unit, (ground, accent), (left, right, top) = unit_of(clip.size), RATIOS[clip.ratio], line_of(clip)
    draw.text((left, top - 24 * unit), f"{second} s", WHITE, font_for("", 64 * unit), anchor="ls")
    done = left + round((right - left) * share / BLOCK) * BLOCK
    draw.rectangle((left, top, right - 1, top + BLOCK - 1), mix(ground, accent, 0.3))
    if done > left:
        draw.rectangle((left, top, done - 1, top + BLOCK - 1), accent)


def line_of(clip: Clip) -> tuple[int, int, int]:
    """Left, right and top of the line. It lies on the encoder's grid and grows by blocks: a step costs few bytes."""
    (width, height), margin = clip.size, round(64 * unit_of(clip.size))
    return margin, (width - margin) // BLOCK * BLOCK, (height - margin - BLOCK) // BLOCK * BLOCK


def mix(one: tuple[int, ...], other: tuple[int, ...], share: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))


def write(clip: Clip) -> dict[str, object]:
    """Encode one clip; returns its entry of the index."""
    track = encode((to_frame(image) for image in pictures(clip)), clip.size, FRAMES_PER_SECOND, SMALL)
    packed = zlib.compress(b"".join(track.samples), 9)
    (SEEDS / clip.file).write_bytes(packed)
    print(f"{clip.file:36} {len(packed):7} bytes")
    return {
        "file": clip.file,
        "width": clip.size[0],
        "height": clip.size[1],
        "seconds": clip.seconds,
        "watermarked": clip.watermarked,
        "configuration": track.configuration.hex(),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--stills", type=Path, metavar="FOLDER", help="write one PNG a clip here and encode nothing")
    stills: Path | None = options.parse_args().stills
    clips = [Clip(*row) for row in product(RATIOS, SHORT_SIDES, SECONDS, (False, True))]
    if stills:
        stills.mkdir(parents=True, exist_ok=True)
        for clip in clips:
            list(pictures(clip))[clip.seconds * 10].save(stills / clip.file.replace(".zlib", ".png"))
        return
    SEEDS.mkdir(exist_ok=True)
    index = "[\n" + ",\n".join("  " + json.dumps(write(clip)) for clip in clips) + "\n]\n"
    (SEEDS / "index.json").write_text(index, encoding="utf-8")


if __name__ == "__main__":
    main()
