"""Result files that come broken, late or not at all, played."""

import time
from http.client import IncompleteRead

import pytest
from stories.plain import DROPPED, SHORT_S, Answer, Plays, Stage

PLAYS = Plays()


def is_whole(reply: Answer) -> bool:
    """Whether this is all of an mp4."""
    assert (reply.status, reply.media_type) == (200, "video/mp4")
    return len(reply.body) == int(reply.headers["content-length"]) and reply.body[4:8] == b"ftyp"


@PLAYS.of("video_truncated")
def _(stage: Stage) -> None:
    with pytest.raises(IncompleteRead) as cut:
        stage.fetch(stage.video)
    half, missing = cut.value.partial, cut.value.expected or 0
    assert 0 <= missing - len(half) <= 1
    rest = stage.fetch(stage.video, Range=f"bytes={len(half)}-")
    whole = stage.fetch(stage.video)
    assert is_whole(whole)
    assert (rest.status, half + rest.body) == (206, whole.body)


@PLAYS.of("video_slow_drip")
def _(stage: Stage) -> None:
    link = stage.video
    began = time.perf_counter()
    reply = stage.fetch(link)
    lasted_ms = (time.perf_counter() - began) * 1000
    assert is_whole(reply)
    assert lasted_ms >= (-(-len(reply.body) // 2048) - 1) * 50 >= 50


@PLAYS.of("video_slow_start")
def _(stage: Stage) -> None:
    with pytest.raises(TimeoutError):
        stage.fetch(stage.video, timeout_s=SHORT_S)
    assert stage.disrupted()[-1] == "delay"


@PLAYS.of("video_stalls")
def _(stage: Stage) -> None:
    with pytest.raises(TimeoutError):
        stage.fetch(stage.video, timeout_s=SHORT_S)
    assert stage.disrupted()[-1] == "stall"
    assert is_whole(stage.fetch(stage.video))


@PLAYS.of("video_connection_dropped")
def _(stage: Stage) -> None:
    for _ in range(2):
        with pytest.raises(DROPPED):
            stage.fetch(stage.video)
    assert is_whole(stage.fetch(stage.video))


@PLAYS.of("video_garbled")
def _(stage: Stage) -> None:
    spoilt, right = stage.fetch(stage.video), stage.fetch(stage.video)
    assert is_whole(right)
    assert (spoilt.status, spoilt.media_type, len(spoilt.body)) == (200, "video/mp4", len(right.body))
    assert spoilt.body[4:8] != b"ftyp"


@PLAYS.of("video_gone")
def _(stage: Stage) -> None:
    for _ in range(2):
        reply = stage.fetch(stage.video)
        assert (reply.status, reply.media_type) == (404, "text/plain")
        assert b"expired" in reply.body
    assert stage.units() == "2"


@PLAYS.of("video_is_html")
def _(stage: Stage) -> None:
    for _ in range(2):
        reply = stage.fetch(stage.video)
        assert (reply.status, reply.media_type, reply.body[:6]) == (200, "text/html", b"<html>")


@PLAYS.of("video_empty")
def _(stage: Stage) -> None:
    for _ in range(2):
        reply = stage.fetch(stage.video)
        assert (reply.status, reply.media_type, reply.body) == (200, "video/mp4", b"")


@PLAYS.of("video_unavailable_once")
def _(stage: Stage) -> None:
    reply = stage.fetch(stage.video)
    assert (reply.status, reply.headers["retry-after"], reply.body) == (503, "1", b"busy")
    assert is_whole(stage.fetch(stage.video))


@PLAYS.of("video_redirected")
def _(stage: Stage) -> None:
    reply = stage.fetch(stage.video)
    assert (reply.status, reply.headers["location"], reply.body) == (302, "?edge=2", b"")
    assert is_whole(stage.fetch(stage.video + reply.headers["location"]))


@PLAYS.of("bad_day")
def _(stage: Stage) -> None:
    body = {"external_task_id": "mine", "callback_url": stage.inbox_url()}
    assert [stage.create(**body).brief for _ in range(3)] == [(429, 1302), (429, 1302), (200, 0)]
    stage.advance(10_000)
    pages = [stage.query("mine") for _ in range(2)]
    assert [(page.status, page.media_type) for page in pages] == [(502, "text/html")] * 2
    task = stage.query("mine").data
    link = task["task_result"]["videos"][0]["url"]
    with pytest.raises(IncompleteRead):
        stage.fetch(link)
    assert is_whole(stage.fetch(link))
    assert [status for _, status in stage.told()] == ["processing", "succeed", "succeed"]
    assert len(stage.tasks()) == 1
