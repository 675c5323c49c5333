"""What the page says of an image, tried with files written byte by byte."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

CREATE = "/v1/videos/multi-image2video"
MIB = 1024 * 1024
TEN_MB = 10 * MIB
PIXEL = (400, 1201, "Image pixel is invalid")
BASE64 = (400, 1201, "File is not in a valid base64 format")
Draw = Callable[[Any], Any]

ACCEPTED: dict[str, Draw] = {
    "PNG 300x300": lambda p: p.png(300, 300),
    "PNG 301x300": lambda p: p.png(301, 300),
    "PNG 750x300, 2.5:1": lambda p: p.png(750, 300),
    "PNG 300x750, 1:2.5": lambda p: p.png(300, 750),
    "PNG 749x300": lambda p: p.png(749, 300),
    "PNG 1000x400": lambda p: p.png(1000, 400),
    "PNG 4096x4096": lambda p: p.png(4096, 4096),
    "JPEG 300x300": lambda p: p.jpeg(300, 300),
    "JPEG 750x300": lambda p: p.jpeg(750, 300),
    "JPEG 300x750": lambda p: p.jpeg(300, 750),
    "JPEG 1920x1080": lambda p: p.jpeg(1920, 1080),
    "JPEG with a thumbnail inside": lambda p: p.jpeg_with_thumbnail(),
    "JPEG with a comment": lambda p: p.jpeg(before=b"\xff\xfe\0\x07hello"),
    "JPEG whose frame is progressive": lambda p: p.jpeg(sof=0xC2),
    "JPEG with fill bytes between segments": lambda p: p.jpeg(before=b"\xff\xff\xff\xfe\0\x07hello"),
    "PNG with an ancillary chunk": lambda p: p.png(size=5000),
    "PNG of 10 485 759 bytes": lambda p: p.png(size=TEN_MB - 1),
    "PNG of 10 485 760 bytes": lambda p: p.png(size=TEN_MB),
}

REFUSED: dict[str, tuple[Draw, tuple[int, int, str] | None]] = {
    "PNG 299x300": (lambda p: p.png(299, 300), PIXEL),
    "PNG 300x299": (lambda p: p.png(300, 299), PIXEL),
    "PNG 299x299": (lambda p: p.png(299, 299), PIXEL),
    "PNG 1x1": (lambda p: p.png(1, 1), PIXEL),
    "PNG 0x0": (lambda p: p.png(0, 0), None),
    "PNG 512x288": (lambda p: p.png(512, 288), PIXEL),
    "PNG 751x300, over 2.5:1": (lambda p: p.png(751, 300), PIXEL),
    "PNG 753x300, 2.51:1": (lambda p: p.png(753, 300), PIXEL),
    "PNG 300x751, over 1:2.5": (lambda p: p.png(300, 751), PIXEL),
    "PNG 300x753, 1:2.51": (lambda p: p.png(300, 753), PIXEL),
    "PNG 10001x4000": (lambda p: p.png(10001, 4000, real=(1, 1)), PIXEL),
    "JPEG 299x300": (lambda p: p.jpeg(299, 300), PIXEL),
    "JPEG 300x299": (lambda p: p.jpeg(300, 299), PIXEL),
    "JPEG 751x300": (lambda p: p.jpeg(751, 300), PIXEL),
    "JPEG 300x751": (lambda p: p.jpeg(300, 751), PIXEL),
    "PNG without IEND": (lambda p: p.png()[:-12], None),
    "PNG cut in the middle": (lambda p: p.png()[:60], None),
    "PNG signature alone": (lambda p: p.png()[:8], None),
    "JPEG without EOI": (lambda p: p.jpeg()[:-2], None),
    "JPEG cut in the middle": (lambda p: p.jpeg()[:300], None),
    "JPEG SOI alone": (lambda p: p.jpeg()[:2], None),
    "JPEG without a frame": (lambda p: b"\xff\xd8\xff\xd9", None),
    "PNG of 10 485 761 bytes": (lambda p: p.png(size=TEN_MB + 1), None),
    "PNG bomb of 60000x60000": (lambda p: p.png(60000, 60000, real=(1, 1)), None),
    "PNG bomb of 2147483647 squared": (lambda p: p.png(2147483647, 2147483647, real=(1, 1)), None),
    "GIF": (lambda p: p.gif(), None),
    "WebP": (lambda p: p.webp(), None),
    "BMP": (lambda p: p.bmp(), None),
    "HTML": (lambda p: b"<!doctype html><html><body>Not found</body></html>", None),
    "SVG": (lambda p: b'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"/>', None),
    "PDF": (lambda p: b"%PDF-1.7\n%%EOF\n", None),
    "one byte": (lambda p: b"x", None),
    "zeros": (lambda p: bytes(1000), None),
    "data: prefix on a PNG": (lambda p: "data:image/png;base64," + p.base64(p.png()), BASE64),
    "data: prefix on a JPEG": (lambda p: "data:image/jpeg;base64," + p.base64(p.jpeg()), BASE64),
    "DATA: prefix in capitals": (lambda p: "DATA:image/png;base64," + p.base64(p.png()), BASE64),
    "base64 prefix without data": (lambda p: "base64," + p.base64(p.png()), BASE64),
    "broken Base64": (lambda p: p.base64(p.png())[:-9] + "*" + p.base64(p.png())[-8:], BASE64),
    "Base64 with a comma inside": (lambda p: p.base64(p.png())[:40] + "," + p.base64(p.png())[41:], BASE64),
    "Base64 of an impossible length": (
        lambda p: p.base64(p.png()).rstrip("=") + "A" * (5 - len(p.base64(p.png()).rstrip("=")) % 4),
        BASE64,
    ),
    "padding in the middle": (lambda p: p.base64(p.png())[:8] + "====" + p.base64(p.png())[8:], BASE64),
    "too much padding": (lambda p: p.base64(p.png()) + "====", BASE64),
    "non-ASCII text": (lambda p: "это не картинка", BASE64),
    "plain words": (lambda p: "not an image", BASE64),
    "a file name": (lambda p: "dog.png", BASE64),
    "an ftp URL": (lambda p: "ftp://example.test/dog.png", BASE64),
    "a file URL": (lambda p: "file:///etc/passwd", BASE64),
    "the page's own elided sample": (lambda p: "iVBORw0KGgoAAAANSUhEUgAAAAUA...", BASE64),
}


@pytest.mark.parametrize("draw", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_an_image_inside_the_limits_is_taken(double: Any, pictures: Any, draw: Draw) -> None:
    """As raw Base64."""
    assert double.granted(double.submit_image(draw(pictures)))["task_status"] == "submitted"


@pytest.mark.parametrize(("draw", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_an_image_outside_the_limits_is_refused(
    double: Any, pictures: Any, draw: Draw, expected: tuple[int, int, str] | None
) -> None:
    """400/1201, in the words seen where there are any, and no task."""
    before = double.newest()
    refusal = double.refusal(double.submit_image(draw(pictures)))
    assert refusal == (expected or (400, 1201, refusal[2]))
    assert double.newest() == before


@pytest.mark.parametrize("missing", [1, 2], ids=["one sign short", "two signs short"])
def test_base64_without_its_padding_is_refused(double: Any, pictures: Any, missing: int) -> None:
    """Base64 is really decoded, and this is not Base64."""
    text = next(
        t for t in (pictures.base64(pictures.png(size=n)) for n in range(2000, 2003)) if t.count("=") == missing
    )
    assert double.refusal(double.submit_image(text.rstrip("="))) == BASE64


@pytest.mark.parametrize("place", range(4))
def test_a_bad_image_is_found_at_any_place(double: Any, pictures: Any, place: int) -> None:
    """Among good ones."""
    images = [{"image": pictures.base64(pictures.png())} for _ in range(4)]
    images[place] = {"image": pictures.base64(pictures.png(299, 299))}
    assert double.refusal(double.submit(image_list=images)) == PIXEL


def test_urls_and_base64_may_stand_together(double: Any, pictures: Any) -> None:
    """The page says: either."""
    images = [{"image": "https://example.test/dog.png"}, {"image": pictures.base64(pictures.jpeg())}]
    assert double.create(image_list=images)["task_status"] == "submitted"


def test_a_url_is_never_fetched(double: Any, receiver: Any) -> None:
    """Not at the create call, nor while the task lives."""
    double.finished(image_list=[{"image": receiver.url}, {"image": receiver.url + "/two.png"}])
    assert receiver.got == []


@pytest.fixture(scope="module")
def full_load(pictures: Any) -> bytes:
    """Four images of exactly 10 MB: just under 56 MiB of Base64."""
    text = pictures.base64(pictures.png(size=TEN_MB))
    return json.dumps({"image_list": [{"image": text}] * 4, "prompt": "four large dogs"}).encode()


def test_four_images_of_ten_megabytes_are_a_legal_request(double: Any, full_load: bytes) -> None:
    """The largest thing the page allows."""
    assert double.granted(double.send(full_load))["task_status"] == "submitted"


def test_a_legal_giant_holds_up_nobody(double: Any, full_load: bytes) -> None:
    """Others are answered while it is read."""
    answered = 0
    with ThreadPoolExecutor(1) as pool:
        giant = pool.submit(double.send, full_load)
        while not giant.done():
            assert double.page("pageSize=1").status_code == 200
            answered += 1
    assert double.granted(giant.result())["task_status"] == "submitted"
    assert answered >= 5


def test_a_large_body_may_come_in_chunks(double: Any, pictures: Any) -> None:
    """Without a Content-Length."""
    content = json.dumps(double.body(image_list=[{"image": pictures.base64(pictures.png(size=2 * MIB))}])).encode()
    pieces = (content[at : at + 50_000] for at in range(0, len(content), 50_000))
    assert double.granted(double.send(pieces))["task_status"] == "submitted"


def test_a_body_of_exactly_56_mib_is_read(double: Any) -> None:
    """JSON may end in blanks."""
    content = json.dumps(double.body()).encode().ljust(56 * MIB)
    assert double.granted(double.send(content))["task_status"] == "submitted"


def test_a_body_over_56_mib_is_refused_from_its_length_alone(double: Any) -> None:
    """Nothing of the body is sent, and the answer comes."""
    status, headers, body = double.raw(double.head("POST", CREATE, f"Content-Length: {56 * MIB + 1}"))
    assert (status, headers["content-type"], json.loads(body)["code"]) == (400, "application/json", 1201)


def test_a_chunked_body_over_56_mib_is_refused_without_reading_on(double: Any) -> None:
    """The answer comes though the body never ends."""
    before = double.newest()
    piece = b"100000\r\n" + b" " * MIB + b"\r\n"
    status, _, body = double.pour(double.head("POST", CREATE, "Transfer-Encoding: chunked"), piece, 58)
    assert (status, json.loads(body)["code"]) == (400, 1201)
    assert double.newest() == before


def test_a_huge_body_without_a_token_is_refused_for_the_token(double: Any) -> None:
    """Authentication comes before the body."""
    head = f"POST {CREATE} HTTP/1.1\r\nHost: {double.host}\r\nContent-Length: {200 * MIB}\r\n\r\n"
    status, _, body = double.raw(head.encode())
    assert (status, json.loads(body)["code"]) == (401, 1001)
