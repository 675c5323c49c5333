"""The videos themselves: fetched by a plain GET, whole or in part."""

from collections.abc import Iterator
from typing import Any

import httpx

from contracts.suite import bodies
from contracts.suite.accounts import Body
from contracts.suite.bodies import priced
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken
from contracts.suite.footage import Footage, look_into
from contracts.suite.judging import accepted
from contracts.suite.lives import Life
from contracts.suite.outcome import SECONDS_OFF, as_asked_for, asked, seconds, videos_of
from contracts.suite.promises.results import results
from contracts.suite.registry import promise
from contracts.suite.stage import Stage
from contracts.suite.waiting import until_ended

LINK = "#/components/schemas/Video/properties/url"
HOUR_MS = 3_600_000
FEW = 3
"""Videos that are fetched; on a real service each is some megabytes."""


def _fetch(stage: Stage, url: object, **headers: str) -> Exchange:
    """The reply to a plain GET without a credential. Raises Broken when there is none."""
    shown = Exchange("GET", str(url), headers, b"", 0, {}, b"")
    try:
        reply = stage.fetcher.get(str(url), headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Broken("a file behind the link", f"{type(error).__name__}: {error}", shown) from error
    told = {name.lower(): value for name, value in reply.headers.items()}
    return Exchange("GET", str(url), headers, b"", reply.status_code, told, reply.content)


def _videos(stage: Stage) -> Iterator[tuple[Life, dict[str, Any]]]:
    """A few videos, the marked ones first."""
    found = sorted(results(stage), key=lambda each: not each[0].watermarked)
    yield from ((life, video) for life, _, video in found[:FEW])


def _video(reply: Exchange) -> Footage:
    """What is in the file. Raises Broken when it is no video."""
    if reply.status != 200:
        raise Broken("HTTP 200, without a token", f"HTTP {reply.status}", reply)
    footage = look_into(reply.body)
    if footage is None:
        raise Broken("an MP4 file: `ftyp` at its fifth byte, a movie within", repr(reply.body[:16]), reply)
    return footage


@promise(LINK, costs=True)
def a_video_can_be_fetched_without_a_token(stage: Stage) -> None:
    """Plain GET, 200, an MP4 of the announced type and length."""
    content_type = stage.paper.the("submit").node["x-kling-video"]["content_type"]
    for _, video in _videos(stage):
        reply = _fetch(stage, video.get("url"))
        _video(reply)
        if reply.media_type != content_type:
            raise Broken(f"content-type: {content_type}", reply.headers.get("content-type"), reply)
        if reply.headers.get("content-length", str(len(reply.body))) != str(len(reply.body)):
            raise Broken(f"content-length: {len(reply.body)}", reply.headers["content-length"], reply)


@promise("#/x-kling-limits/result_retention_ms", costs=True)
def a_link_works_for_thirty_days(stage: Stage) -> None:
    """To the last hour of them; where time can be moved."""
    account = stage.fresh(concurrency=FEW)
    born = account.create(bodies.sound())
    accepted(born, stage.paper)
    (ended,) = until_ended(stage, account, born)
    account.passing.pass_ms(stage.paper.limit("result_retention_ms") - HOUR_MS)
    accepted(account.create(bodies.sound()), stage.paper)  # somebody comes back, and remembers the old one
    for video in videos_of(ended.task):
        _video(_fetch(stage, video.get("url")))


@promise(LINK, costs=True)
def a_video_can_be_fetched_in_part(stage: Stage) -> None:
    """Players seek: where ranges are offered, a part is that part of the whole."""
    for _, video in list(_videos(stage))[:1]:
        whole, part = _fetch(stage, video.get("url")), _fetch(stage, video.get("url"), Range="bytes=4-11")
        if part.status == 200 and whole.headers.get("accept-ranges", "none") == "none":
            stage.note("result files are served without ranges; players cannot seek")
            return
        if (part.status, part.body) != (206, whole.body[4:12]):
            raise Broken(f"HTTP 206 with {whole.body[4:12]!r}", f"HTTP {part.status} with {part.body[:20]!r}", part)
        span = f"bytes 4-11/{len(whole.body)}"
        if part.headers.get("content-range") != span:
            raise Broken(f"content-range: {span}", part.headers.get("content-range"), part)


@promise("#/components/schemas/Video/properties/watermark_url", costs=True)
def a_marked_video_can_be_fetched_too(stage: Stage) -> None:
    """Behind `watermark_url` lies a video as well."""
    for life, video in _videos(stage):
        if life.watermarked:
            _video(_fetch(stage, video.get("watermark_url")))


@promise("#/components/schemas/Video/properties/duration", costs=True)
def a_video_lasts_as_long_as_it_says(stage: Stage) -> None:
    """The file's own length is the one that is told."""
    for _, video in _videos(stage):
        reply = _fetch(stage, video.get("url"))
        footage = _video(reply)
        if abs(footage.seconds - seconds(video.get("duration"))) > SECONDS_OFF:
            raise Broken(f"a video of {video.get('duration')} s", f"one of {footage.seconds:.2f} s", reply)


@promise(
    "#/paths/~1v1~1videos~1multi-image2video/post/requestBody/content/application~1json/schema/properties/aspect_ratio",
    costs=True,
)
def a_video_has_the_shape_that_was_asked_for(stage: Stage) -> None:
    """Width to height is the request's `aspect_ratio`."""
    for life, video in _videos(stage):
        _in_shape(stage, life.body, _fetch(stage, video.get("url")))


def _in_shape(stage: Stage, body: Body, reply: Exchange) -> None:
    footage, ratio = _video(reply), asked(stage.paper, body, "aspect_ratio")
    wide, high = map(int, ratio.split(":"))
    if abs(footage.width * high - footage.height * wide) > 0.02 * footage.width * high:
        raise Broken(f"a video of {ratio}", f"one of {footage.width}x{footage.height}", reply)


@promise("#/paths/~1v1~1videos~1multi-image2video/post/x-kling-units", costs=True)
def every_combination_becomes_the_video_that_was_asked_for(stage: Stage) -> None:
    """In every mode, length and shape, with a watermark and without: its price, its length, its marks, its shape; and
    whatever fails costs nothing."""
    account = stage.fresh(concurrency=10_000)
    dresses = (
        {"watermark_info": {"enabled": False}},
        {"watermark_info": {"enabled": True}},
        {"prompt": bodies.doomed()["prompt"]},
    )
    wishes = [{**body, **dress} for body in priced(stage.paper) for dress in dresses]
    births = [account.create(body) for body in wishes]
    for born in births:
        accepted(born, stage.paper, "it has a price")
    for body, look in zip(wishes, until_ended(stage, account, *births), strict=True):
        as_asked_for(stage.paper, body, look.task, look)
        for video in videos_of(look.task):
            _in_shape(stage, body, _fetch(stage, video.get("url")))
