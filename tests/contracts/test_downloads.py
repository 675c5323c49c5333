"""Downloads: whole or not at all, resumed where they broke off, and only videos."""

import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import (
    LinkExpiredError,
    Patience,
    Progress,
    ProtocolError,
    RateError,
    ServerError,
    TransportError,
    Video,
)

FILM = b"\0\0\0\x18ftypisom" + bytes(range(256)) * 4
VIDEO = Video("743211632612511839", "https://files.test/1.mp4?ksSecret=x", "5.1")


class Host:
    """A file host. `cuts` are the bytes after which an answer breaks off, one a request; None means whole."""

    def __init__(self, *cuts, film=FILM, ranges=True, etag='"one"', **headers):
        self.cuts, self.film, self.ranges, self.etag = iter(cuts), film, ranges, etag
        self.headers = {"content-type": "video/mp4", "etag": etag, **headers}
        self.asked = []

    def __call__(self, request):
        self.asked.append(request.headers.get("range"))
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        whole = not asked or not self.ranges or request.headers.get("if-range", self.etag) != self.etag
        start = 0 if whole else int(asked[1])
        if start >= len(self.film):
            return httpx.Response(416, headers={"content-range": f"bytes */{len(self.film)}"})
        rest, cut = self.film[start:], next(self.cuts, None)
        span = {} if whole else {"content-range": f"bytes {start}-{len(self.film) - 1}/{len(self.film)}"}
        headers = {"content-length": str(len(rest)), **self.headers, **span}
        return httpx.Response(200 if whole else 206, headers=headers, content=rest[:cut])


def left_over(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_video_comes_whole_and_leaves_nothing_else(stage, tmp_path):
    heard = []
    s = stage(Host())
    assert s.download(VIDEO, tmp_path / "out.mp4", on_progress=heard.append) == tmp_path / "out.mp4"
    assert (tmp_path / "out.mp4").read_bytes() == FILM
    assert left_over(tmp_path) == ["out.mp4"]
    assert heard == [Progress(len(FILM), len(FILM))]


def test_the_file_host_is_told_nothing_about_us(stage, tmp_path):
    s = stage(Host())
    s.download(VIDEO, tmp_path / "out.mp4")
    assert "authorization" not in s.requests[0].headers
    assert str(s.requests[0].url) == VIDEO.url


def test_a_link_alone_will_do(stage, tmp_path):
    """So that a watermarked twin can be fetched too."""
    assert stage(Host()).download("https://files.test/w.mp4", str(tmp_path / "w.mp4")).read_bytes() == FILM


def test_a_broken_download_goes_on_where_it_broke(stage, tmp_path):
    host = Host(100, 200, None)
    s = stage(host)
    s.download(VIDEO, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == FILM
    assert host.asked == [None, "bytes=100-", "bytes=300-"]
    assert s.slept == [1.0, 2.0]


def test_a_host_without_ranges_sends_it_all_again(stage, tmp_path):
    s = stage(Host(100, ranges=False))
    assert s.download(VIDEO, tmp_path / "out.mp4").read_bytes() == FILM


def test_content_that_changed_meanwhile_is_fetched_anew(stage, tmp_path):
    """`If-Range` holds the host to what it began; parts of two films are no film."""
    host, other = Host(500), Host(film=FILM[:12] + b"new" * 400, etag='"two"')

    def service(request):
        return other(request) if host.asked else host(request)

    s = stage(service)
    assert s.download(VIDEO, tmp_path / "out.mp4").read_bytes() == other.film


def test_what_will_not_come_whole_is_an_error_and_no_file(stage, tmp_path):
    host = Host(*[10] * 9)
    with pytest.raises(TransportError, match="of 1036 promised bytes"):
        stage(host, patience=Patience(tries=3)).download(VIDEO, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
    assert len(host.asked) == 3


def test_the_next_download_goes_on_from_there(stage, tmp_path):
    """Of the same video to the same place; a link signed anew is the same video."""
    with pytest.raises(TransportError):
        stage(Host(300), patience=Patience(tries=1)).download(VIDEO, tmp_path / "out.mp4")
    host, again = Host(), Video(VIDEO.id, "https://files.test/1.mp4?ksSecret=y", "5.1")
    assert stage(host).download(again, tmp_path / "out.mp4").read_bytes() == FILM
    assert host.asked == ["bytes=300-"]
    assert left_over(tmp_path) == ["out.mp4"]


def test_another_video_does_not_go_on_from_there(stage, tmp_path):
    with pytest.raises(TransportError):
        stage(Host(300), patience=Patience(tries=1)).download(VIDEO, tmp_path / "out.mp4")
    host = Host()
    stage(host).download(Video("2", "https://files.test/2.mp4", "5.1"), tmp_path / "out.mp4")
    assert host.asked == [None]


def test_a_part_that_is_whole_already_only_gets_its_name(stage, tmp_path):
    """The process died between the last byte and the name."""
    with pytest.raises(TransportError):
        stage(Host(300), patience=Patience(tries=1)).download(VIDEO, tmp_path / "out.mp4")
    next(tmp_path.iterdir()).write_bytes(FILM)
    host = Host()
    assert stage(host).download(VIDEO, tmp_path / "out.mp4").read_bytes() == FILM
    assert host.asked == ["bytes=1036-"]


def test_a_part_longer_than_the_file_is_thrown_away(stage, tmp_path):
    with pytest.raises(TransportError):
        stage(Host(300), patience=Patience(tries=1)).download(VIDEO, tmp_path / "out.mp4")
    next(tmp_path.iterdir()).write_bytes(FILM + b"more")
    assert stage(Host()).download(VIDEO, tmp_path / "out.mp4").read_bytes() == FILM


def test_an_older_file_stays_until_the_new_one_is_whole(stage, tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(TransportError):
        stage(Host(300), patience=Patience(tries=1)).download(VIDEO, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == b"old"
    stage(Host()).download(VIDEO, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == FILM


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_expired_link_has_an_error_of_its_own(stage, tmp_path, status):
    s = stage(httpx.Response(status, html="<h1>gone</h1>"))
    with pytest.raises(LinkExpiredError) as caught:
        s.download(VIDEO, tmp_path / "out.mp4")
    assert (caught.value.status, caught.value.retry) == (status, False)
    assert left_over(tmp_path) == []


NO_VIDEOS = {
    "HTML": {"html": "<html>Please log in</html>"},
    "octets": {"content": FILM, "headers": {"content-type": "application/octet-stream"}},
    "untyped": {"content": FILM},
    "GIF": {"content": b"GIF89a" + bytes(99), "headers": {"content-type": "video/mp4"}},
    "empty": {"content": b"", "headers": {"content-type": "video/mp4"}},
    "unasked range": {"status_code": 206, "content": FILM, "headers": {"content-type": "video/mp4"}},
    "redirect": {"status_code": 302, "headers": {"location": "https://elsewhere.test/"}},
    "nothing": {"status_code": 204},
    "unasked 416": {"status_code": 416},
}


@pytest.mark.parametrize("answer", NO_VIDEOS)
def test_what_is_no_video_is_a_protocol_error(stage, tmp_path, answer):
    with pytest.raises(ProtocolError):
        stage(httpx.Response(**{"status_code": 200} | NO_VIDEOS[answer])).download(VIDEO, tmp_path / "out.mp4")
    assert left_over(tmp_path) == []


def test_a_file_without_length_or_frame_could_not_be_checked(stage, tmp_path):
    answer = httpx.Response(200, stream=httpx.ByteStream(FILM), headers={"content-type": "video/mp4"})
    with pytest.raises(ProtocolError, match="without a length"):
        stage(answer).download(VIDEO, tmp_path / "out.mp4")


def test_a_chunked_file_ends_with_its_last_chunk(stage, tmp_path):
    headers = {"content-type": "video/mp4", "transfer-encoding": "chunked"}
    heard = []
    s = stage(httpx.Response(200, stream=httpx.ByteStream(FILM), headers=headers))
    assert s.download(VIDEO, tmp_path / "out.mp4", on_progress=heard.append).read_bytes() == FILM
    assert heard == [Progress(len(FILM), None)]


@pytest.mark.parametrize(
    "span", ["bytes 0-1035/1036", "bytes 100-1034/1036", "bytes 100-1035/*", "items 100-1035/1036", ""]
)
def test_a_range_that_was_not_asked_for_is_a_protocol_error(stage, tmp_path, span):
    other = httpx.Response(206, content=FILM[100:], headers={"content-type": "video/mp4", "content-range": span})
    with pytest.raises(ProtocolError, match="asked for bytes from 100 on"):
        stage(Host(100)(httpx.Request("GET", VIDEO.url)), other).download(VIDEO, tmp_path / "out.mp4")


@pytest.mark.parametrize(("status", "kind"), [(429, RateError), (500, ServerError), (503, ServerError)])
def test_a_host_in_passing_trouble_is_asked_again(stage, tmp_path, status, kind):
    host = Host()
    s = stage(lambda request: host(request) if len(s.requests) > 2 else httpx.Response(status))
    assert s.download(VIDEO, tmp_path / "out.mp4").read_bytes() == FILM
    with pytest.raises(kind):
        stage(lambda _: httpx.Response(status)).download(VIDEO, tmp_path / "out2.mp4")


def test_a_download_ends_at_its_deadline(stage, tmp_path):
    s = stage(lambda _: httpx.Response(503))
    with pytest.raises(ServerError):
        s.download(VIDEO, tmp_path / "out.mp4", timeout_s=4)
    assert s.slept == [1.0, 2.0]


class Slow(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body without end, of which a piece comes every `pause`."""

    def __init__(self, pause):
        self.pause = pause

    def __iter__(self):
        while True:
            self.pause(1)
            yield FILM

    async def __aiter__(self):
        for piece in self:
            yield piece


def test_a_file_that_only_drips_ends_at_the_deadline_too(stage, tmp_path):
    headers = {"content-type": "video/mp4", "transfer-encoding": "chunked"}
    s = stage(lambda _: httpx.Response(200, headers=headers, stream=Slow(s.sleep)))
    with pytest.raises(TransportError, match="still arriving at the deadline"):
        s.download(VIDEO, tmp_path / "out.mp4", timeout_s=4)
    assert s.slept == [1] * 5


def test_a_link_that_is_none_is_a_protocol_error(stage, tmp_path):
    with pytest.raises(ProtocolError, match="this link is none"):
        stage().download("http://half\x00/1.mp4", tmp_path / "out.mp4")


def test_a_folder_that_is_not_there_is_our_own_mistake(stage, tmp_path):
    s = stage()
    with pytest.raises(FileNotFoundError):
        s.download(VIDEO, tmp_path / "no" / "out.mp4")
    assert s.requests == []


@given(cuts=st.lists(st.integers(0, len(FILM) - 1), max_size=4), ranges=st.booleans())
def test_whatever_breaks_off_the_film_is_whole(any_stage, tmp_path_factory, cuts, ranges):
    """Up to four breaks, anywhere, with a host that knows ranges or not."""
    folder = tmp_path_factory.mktemp("film")
    heard = []
    stage = any_stage("sync", Host(*cuts, ranges=ranges))
    assert stage.download(VIDEO, folder / "out.mp4", on_progress=heard.append).read_bytes() == FILM
    assert heard[-1] == Progress(len(FILM), len(FILM))
    assert left_over(folder) == ["out.mp4"]
    stage.close()


def test_two_downloads_at_once_do_not_disturb_each_other(any_stage, tmp_path):
    """The second starts, breaks, goes on and ends in the middle of the first; each has a part of its own."""
    stages = [any_stage("sync", Host(10)), any_stage("sync", Host(500))]

    def meanwhile(_):
        if stages:
            other = stages.pop(0)
            assert other.download(VIDEO, tmp_path / "out.mp4").read_bytes() == FILM
            other.close()

    first = stages.pop()
    assert first.download(VIDEO, tmp_path / "out.mp4", on_progress=meanwhile).read_bytes() == FILM
    assert left_over(tmp_path) == ["out.mp4"]
    first.close()
