"""Draws the two pictures that `klingmock demo` submits. Run with the media extra: python .ci/draw_pictures.py"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

FOLDER = Path(__file__).parent.parent / "mockserver" / "pictures"
SIZE, SCALE = 640, 3


def canvas(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A square with a soft vertical light."""
    side = SIZE * SCALE
    column = Image.new("RGB", (1, side))
    for y in range(side):
        share = y / side
        column.putpixel((0, y), tuple(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True)))
    picture = column.resize((side, side))
    return picture, ImageDraw.Draw(picture)


def blob(draw: ImageDraw.ImageDraw, x: float, y: float, rx: float, ry: float, colour: str) -> None:
    """An ellipse around a point, in picture units."""
    draw.ellipse([SCALE * (x - rx), SCALE * (y - ry), SCALE * (x + rx), SCALE * (y + ry)], fill=colour)


def dog() -> Image.Image:
    """A white, woolly dog that looks at us."""
    picture, draw = canvas((196, 222, 233), (120, 168, 178))
    blob(draw, 320, 610, 300, 60, "#5f8f93")
    for x, y, r in ((320, 520, 140), (230, 540, 80), (410, 540, 80), (320, 440, 110)):
        blob(draw, x, y, r, r * 0.9, "#f4f1ea")
    for x, y, r in ((205, 270, 66), (435, 270, 66), (188, 330, 58), (452, 330, 58)):
        blob(draw, x, y, r, r * 1.25, "#e4ded1")
    for x, y, r in ((320, 260, 150), (240, 200, 80), (400, 200, 80), (320, 165, 90), (250, 330, 70), (390, 330, 70)):
        blob(draw, x, y, r, r, "#fbf9f4")
    for x in (262, 378):
        blob(draw, x, 262, 19, 22, "#2d2622")
        blob(draw, x + 6, 255, 6, 7, "#ffffff")
    blob(draw, 320, 345, 78, 58, "#ffffff")
    blob(draw, 320, 318, 30, 22, "#2d2622")
    draw.arc([SCALE * 280, SCALE * 325, SCALE * 322, SCALE * 372], 20, 160, fill="#5b4a43", width=4 * SCALE)
    draw.arc([SCALE * 318, SCALE * 325, SCALE * 360, SCALE * 372], 20, 160, fill="#5b4a43", width=4 * SCALE)
    blob(draw, 320, 388, 22, 28, "#e98a91")
    for x in (250, 390):
        blob(draw, x, 596, 56, 34, "#ffffff")
    return picture


def jacket() -> Image.Image:
    """A red jacket with flowers on it."""
    picture, draw = canvas((240, 229, 211), (214, 196, 170))
    blob(draw, 320, 590, 230, 26, "#b79f7d")
    left = [(230, 150), (110, 240), (70, 420), (150, 450), (205, 330)]
    right = [(640 - x, y) for x, y in left]
    for sleeve in (left, right):
        draw.polygon([(SCALE * x, SCALE * y) for x, y in sleeve], fill="#a9182a")
    body = [(230, 150), (280, 130), (320, 175), (360, 130), (410, 150), (450, 560), (190, 560)]
    draw.polygon([(SCALE * x, SCALE * y) for x, y in body], fill="#c8202f")
    draw.polygon(
        [(SCALE * x, SCALE * y) for x, y in ((280, 130), (320, 175), (360, 130), (345, 120), (295, 120))],
        fill="#7d0f1d",
    )
    draw.line([SCALE * 320, SCALE * 175, SCALE * 320, SCALE * 560], fill="#7d0f1d", width=5 * SCALE)
    for y in range(220, 540, 75):
        blob(draw, 320, y, 11, 11, "#e8c15a")
    flowers = [(250, 260), (395, 300), (245, 420), (400, 470), (275, 520), (380, 210), (120, 350), (520, 350)]
    for index, (x, y) in enumerate(flowers):
        petal = "#f6d8dc" if index % 2 else "#f2b441"
        for dx, dy in ((0, -20), (19, -6), (12, 17), (-12, 17), (-19, -6)):
            blob(draw, x + dx, y + dy, 14, 14, petal)
        blob(draw, x, y, 10, 10, "#2f7d4f")
    return picture


def main() -> None:
    """Draw both, with edges smoothed."""
    FOLDER.mkdir(exist_ok=True)
    for name, picture in (("dog.jpg", dog()), ("jacket.jpg", jacket())):
        small = picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS).filter(ImageFilter.SMOOTH)
        small.save(FOLDER / name, quality=88, optimize=True)


if __name__ == "__main__":
    main()
