"""Text on pictures for the `media` extra: a font that has the letters, lines that fit, the watermark.

Sizes are pixels; `unit_of` makes them the same share of the picture whatever its size. A letter that no installed font
has is shown as an empty box, never dropped.
"""

from bisect import bisect_right
from functools import lru_cache
from math import atan2, degrees, hypot
from typing import TypeAlias

from PIL import Image, ImageDraw
from PIL.ImageFont import FreeTypeFont, load_default, truetype

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""

WHITE = (255, 255, 255)

_WIDE_FONTS = (
    *("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "wqy-zenhei.ttc", "DejaVuSans.ttf"),  # Linux
    *("PingFang.ttc", "Hiragino Sans GB.ttc", "Arial Unicode.ttf"),  # macOS
    *("msyh.ttc", "malgun.ttf", "arial.ttf"),  # Windows
)
"""Where to look for letters that Pillow's own font, which is English, does not have."""

_LONGEST_LINE = 200
"""No line of a readable size holds more characters; so a long text costs no more than a short one."""


def unit_of(size: Size) -> float:
    """What one pixel of a design whose short side is 720 pixels measures in a picture of this size."""
    return min(size) / 720


def font_for(text: str, size: float) -> FreeTypeFont:
    """The font that lacks the fewest of the text's letters; Pillow's own wherever it will do."""
    letters = set(text[: 4 * _LONGEST_LINE]) - {" "}
    fonts = _fonts() if not text.isascii() else _fonts()[:1]
    return min(fonts, key=lambda font: _lacking(font, letters)).font_variant(size=size)


@lru_cache(maxsize=1)
def _fonts() -> tuple[FreeTypeFont, ...]:
    """Pillow's own font first, then what is installed. Looking takes a while, so only once."""
    own = load_default(20)
    assert isinstance(own, FreeTypeFont), "Pillow was built without FreeType"
    return (own, *(font for name in _WIDE_FONTS if (font := _installed(name))))


def _installed(name: str) -> FreeTypeFont | None:
    try:
        return truetype(name, 20)
    except OSError:
        return None


def _lacking(font: FreeTypeFont, letters: set[str]) -> int:
    empty_box = bytes(font.getmask("\uffff"))
    return sum(bytes(font.getmask(letter)) == empty_box for letter in letters)


def wrapped(text: str, font: FreeTypeFont, width: float, *, lines: int) -> list[str]:
    """Break the text into at most so many lines of at most `width` pixels; what is left over becomes an ellipsis."""
    rest, done = " ".join(text.split()), list[str]()
    while rest and len(done) < lines:
        cut = _break(rest, _fitting(rest, font, width))
        done.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if rest:
        done[-1] = done[-1][: _fitting(done[-1] + "…", font, width) - 1].rstrip() + "…"
    return done


def _fitting(text: str, font: FreeTypeFont, width: float) -> int:
    """How many leading characters fit: at least one, or nothing would ever be done."""
    lengths = range(1, min(len(text), _LONGEST_LINE) + 1)
    return max(1, bisect_right(lengths, width, key=lambda length: font.getlength(text[:length])))


def _break(text: str, fitting: int) -> int:
    """Go back to the last space, unless all fits or there is none: many scripts have no spaces."""
    if fitting >= len(text) or text[fitting] == " ":
        return fitting
    return text.rfind(" ", 0, fitting) + 1 or fitting


def watermark(size: Size, *, free: int) -> Image.Image:
    """A transparent layer with one large word from corner to corner and a line in the top right corner.

    The lowest `free` rows of pixels stay empty.
    """
    layer, (width, height) = Image.new("RGBA", size), (size[0], size[1] - free)
    turned = _word("WATERMARK", length=0.76 * hypot(width, height)).rotate(
        degrees(atan2(height, width)), Image.Resampling.BICUBIC, expand=True
    )
    layer.paste(turned, ((width - turned.width) // 2, (height - turned.height) // 2))
    unit = unit_of(size)
    corner = (width - 28 * unit, 28 * unit)
    ImageDraw.Draw(layer).text(corner, "klingmock watermark", (*WHITE, 200), font_for("", 24 * unit), anchor="rt")
    return layer


def _word(text: str, *, length: float) -> Image.Image:
    """Translucent letters, so many pixels long."""
    font = font_for(text, 100)
    font = font.font_variant(size=100 * length / font.getlength(text))
    word = Image.new("RGBA", (round(length), round(font.size)), (*WHITE, 0))
    ImageDraw.Draw(word).text((length / 2, font.size / 2), text, (*WHITE, 84), font, anchor="mm")
    return word
