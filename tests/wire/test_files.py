"""The video behind a link: its bytes, its ranges, its end after thirty days."""

import struct
from typing import Any

import httpx
import pytest

DAY_MS = 86_400_000
KINDS = {
    "std 5 16:9": ({}, (1280, 720), 5),
    "std 10 16:9": ({"duration": "10"}, (1280, 720), 10),
    "std 5 9:16": ({"aspect_ratio": "9:16"}, (720, 1280), 5),
    "std 5 1:1": ({"aspect_ratio": "1:1"}, None, 5),
    "pro 5 16:9": ({"mode": "pro"}, (1920, 1080), 5),
    "pro 10 9:16": ({"mode": "pro", "duration": "10", "aspect_ratio": "9:16"}, (1080, 1920), 10),
    "pro 5 1:1": ({"mode": "pro", "aspect_ratio": "1:1"}, None, 5),
}


@pytest.fixture(scope="module")
def link(double: Any) -> str:
    """A link to a plain video."""
    return video(double)["url"]


def video(double: Any, **changes: Any) -> dict[str, str]:
    """The only video of a task that has succeeded."""
    return double.finished(**changes)["task_result"]["videos"][0]


def load(double: Any, url: str, method: str = "GET", **headers: str) -> httpx.Response:
    """What anybody who has the link gets."""
    return double.call(method, url, auth=None, headers=headers)


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """The boxes of an MP4, or of a box."""
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found


def inside(data: bytes, *path: bytes) -> bytes:
    """The content of the first box at this path."""
    for kind in path:
        data = next(content for name, content in boxes(data) if name == kind)
    return data


def seconds(data: bytes) -> float:
    """How long the film says it is."""
    header = inside(data, b"moov", b"mvhd")
    scale, length = struct.unpack_from(">II", header, 12)
    return length / scale


def size(data: bytes) -> tuple[int, int]:
    """Width and height of the picture."""
    width, height = struct.unpack(">II", inside(data, b"moov", b"trak", b"tkhd")[-8:])
    return width >> 16, height >> 16


def test_a_plain_get_is_answered_with_a_film(double: Any, link: str) -> None:
    """200, the type, the length, and `ftyp` where clients look for it."""
    reply = load(double, link)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "video/mp4")
    assert int(reply.headers["content-length"]) == len(reply.content) > 1000
    assert reply.content[4:8] == b"ftyp"


def test_a_film_can_be_played_while_it_loads(double: Any, link: str) -> None:
    """The index stands before the pictures, and the boxes add up."""
    kinds = [kind for kind, _ in boxes(load(double, link).content)]
    assert kinds.index(b"moov") < kinds.index(b"mdat")


@pytest.mark.parametrize(("changes", "picture", "long_s"), KINDS.values(), ids=KINDS.keys())
def test_a_film_has_the_length_and_size_asked_for(
    double: Any, changes: dict[str, Any], picture: tuple[int, int] | None, long_s: int
) -> None:
    """Std is 720p, pro 1080p; the answer's duration is the film's."""
    made = video(double, **changes)
    data = load(double, made["url"]).content
    short = 1080 if changes.get("mode") == "pro" else 720
    assert size(data) == (picture or (short, short))
    assert seconds(data) == pytest.approx(long_s, abs=0.2)
    assert float(made["duration"]) == pytest.approx(seconds(data), abs=0.1)


def test_a_film_tells_whose_it_is(double: Any) -> None:
    """Task id and prompt are in its metadata."""
    task = double.finished(prompt="a wire-haired dachshund, 腊肠犬")
    data = load(double, task["task_result"]["videos"][0]["url"]).content
    assert task["task_id"].encode() in data
    assert "a wire-haired dachshund, 腊肠犬".encode() in data


def test_the_marked_twin_is_another_film(double: Any) -> None:
    """Of the same kind, from a link of its own."""
    made = video(double, watermark_info={"enabled": True})
    plain, marked = (load(double, made[name]) for name in ("url", "watermark_url"))
    assert (marked.status_code, marked.headers["content-type"]) == (200, "video/mp4")
    assert (size(marked.content), seconds(marked.content)) == (size(plain.content), seconds(plain.content))
    assert marked.content != plain.content


def test_a_twin_nobody_asked_for_is_not_there(double: Any, link: str) -> None:
    """Even if one knows how its name would be made."""
    marked = video(double, watermark_info={"enabled": True})
    folder, _, name = link.rpartition("/")
    twin = marked["watermark_url"].rpartition("/")[2].replace(marked["id"], name.removesuffix(".mp4"))
    assert twin != name
    assert load(double, f"{folder}/{twin}").status_code == 404


def test_a_film_is_the_same_each_time(double: Any, link: str) -> None:
    """So that ranges fit together."""
    assert load(double, link).content == load(double, link).content


def test_head_tells_all_but_the_bytes(double: Any, link: str) -> None:
    """The same headers as GET."""
    whole, head = load(double, link), load(double, link, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "accept-ranges"):
        assert head.headers[name] == whole.headers[name]
    assert head.headers["accept-ranges"] == "bytes"


RANGES = {
    "bytes=0-0": (0, 1),
    "bytes=0-99": (0, 100),
    "bytes=4-7": (4, 8),
    "bytes=100-": (100, None),
    "bytes=-1": (-1, None),
    "bytes=-500": (-500, None),
    "bytes=0-": (0, None),
    "bytes=0-999999999": (0, None),
    "bytes=-999999999": (0, None),
}


@pytest.mark.parametrize(("asked", "part"), RANGES.items(), ids=RANGES.keys())
def test_a_range_is_that_part_of_the_film(double: Any, link: str, asked: str, part: tuple[int, int | None]) -> None:
    """206, with where it lies."""
    whole = load(double, link).content
    reply = load(double, link, Range=asked)
    expected = whole[part[0] : part[1]]
    first = part[0] % len(whole)
    assert reply.status_code == 206
    assert reply.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{len(whole)}"
    assert reply.content == expected


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=999999998-999999999", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(double: Any, link: str, asked: str) -> None:
    """With the true length."""
    length = load(double, link, "HEAD").headers["content-length"]
    reply = load(double, link, Range=asked)
    assert (reply.status_code, reply.headers["content-range"]) == (416, f"bytes */{length}")


@pytest.mark.parametrize(
    "asked", ["bytes=abc", "lines=0-5", "bytes", "bytes=", "bytes=9-3", "0-5", "bytes=--5", "bytes=1-x"]
)
def test_a_range_that_is_none_is_ignored_or_refused(double: Any, link: str, asked: str) -> None:
    """RFC 9110: ignore what cannot be read; never an accident."""
    reply = load(double, link, Range=asked)
    assert reply.status_code in {200, 416}
    if reply.status_code == 200:
        assert len(reply.content) == int(reply.headers["content-length"])


def test_a_ranged_head_does_not_break(double: Any, link: str) -> None:
    """Range means nothing to HEAD, or the part's headers."""
    reply = load(double, link, "HEAD", Range="bytes=0-9")
    assert (reply.status_code in {200, 206}, reply.content) == (True, b"")


def test_a_film_can_be_loaded_part_by_part(double: Any, link: str) -> None:
    """As browsers seek."""
    whole = load(double, link).content
    step = len(whole) // 3 + 1
    parts = [load(double, link, Range=f"bytes={at}-{at + step - 1}").content for at in range(0, len(whole), step)]
    assert b"".join(parts) == whole


def test_a_link_that_nobody_gave_is_404(double: Any, link: str) -> None:
    """Neither a changed secret nor a changed name opens anything."""
    folder, _, name = link.rpartition("/")
    stem, _, secret = folder.rpartition("/")
    for url in (f"{folder}/1.mp4", f"{stem}/{'0' * len(secret)}/{name}", f"{folder}/../{name}", f"{stem}/{name}", stem):
        assert load(double, url).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_film_cannot_be_changed(double: Any, link: str, method: str) -> None:
    """Files are read."""
    assert load(double, link, method).status_code in {404, 405}


def test_two_tasks_have_two_secrets(double: Any) -> None:
    """A link says nothing of the next one."""
    first, second = (video(double)["url"].split("/")[-2] for _ in range(2))
    assert first != second
    assert min(len(first), len(second)) >= 16


def test_a_link_stays_the_same_over_polls(double: Any) -> None:
    """Query and list agree, today and tomorrow."""
    task = double.finished()
    double.advance(DAY_MS)
    assert double.query(task["task_id"]) == task
    assert task in double.granted(double.page("pageSize=3"))


def test_a_film_is_gone_after_thirty_days(double: Any) -> None:
    """Of sandbox time; the twin too. The task remains."""
    task = double.finished(watermark_info={"enabled": True})
    made = task["task_result"]["videos"][0]
    double.advance(task["created_at"] + 30 * DAY_MS - 1 - double.now_ms())
    assert [load(double, made[name]).status_code for name in ("url", "watermark_url")] == [200, 200]
    double.advance(task["updated_at"] + 30 * DAY_MS + 1 - double.now_ms())
    assert [load(double, made[name]).status_code for name in ("url", "watermark_url")] == [404, 404]
    assert load(double, made["url"], "HEAD").status_code == 404
    assert load(double, made["url"], Range="bytes=0-9").status_code == 404
    assert double.query(task["task_id"])["task_status"] == "succeed"


def test_links_name_the_host_that_asked(double: Any) -> None:
    """So that clients behind a name get the name."""
    task_id = double.finished()["task_id"]
    reply = double.get(f"{double.CREATE}/{task_id}", headers={"Host": "kling.example.test:8080"})
    url = double.granted(reply)["task_result"]["videos"][0]["url"]
    assert url.startswith("http://kling.example.test:8080/__kling/files/")
    listed = double.granted(double.page("pageSize=1", headers={"Host": "other.test"}))[0]
    assert listed["task_result"]["videos"][0]["url"].startswith("http://other.test/__kling/files/")


def test_a_public_url_names_all_links(switched: Any, receiver: Any) -> None:
    """Whoever asks, and in callbacks too; the path leads to the film."""
    made = video(switched, callback_url=receiver.url, watermark_info={"enabled": True})
    told = receiver.tasks(1)[0]["task_result"]["videos"][0]
    assert made["url"] == told["url"]
    for name in ("url", "watermark_url"):
        assert made[name].startswith("https://media.kling.test:8443/__kling/files/")
        path = made[name].removeprefix("https://media.kling.test:8443")
        assert load(switched, path).content[4:8] == b"ftyp"
