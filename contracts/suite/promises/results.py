"""What a task made: videos with success, and only then."""

from collections.abc import Iterator
from typing import Any

from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken
from contracts.suite.judging import accepted, fits
from contracts.suite.lives import Life, status_of
from contracts.suite.outcome import SECONDS_OFF, asked, seconds, videos_of
from contracts.suite.registry import promise
from contracts.suite.stage import Stage
from contracts.suite.waiting import until_ended

VIDEO = "#/components/schemas/Video"


def results(stage: Stage) -> Iterator[tuple[Life, Exchange, dict[str, Any]]]:
    """Each video of each watched task that succeeded, once. Raises NotShown when there is none."""
    for life in stage.ended(stage.paper.life["success"]):
        assert life.final is not None
        yield from ((life, life.final, video) for video in videos_of(life.final.task))


def _all_and_one_again(stage: Stage) -> Iterator[tuple[Exchange, dict[str, Any]]]:
    """Each of these videos, and that of a request which was made before."""
    videos = [(look, video) for _, look, video in results(stage)]
    again = stage.settled(stage.account, stage.lives[0].body)
    accepted(again, stage.paper)
    (look,) = until_ended(stage, stage.account, again)
    yield from [*videos, *((look, video) for video in videos_of(look.task))]


@promise("#/components/schemas/Task/allOf/0", costs=True)
def results_come_with_success_and_only_then(stage: Stage) -> None:
    """At least one video when it succeeded; until then, and when it failed, none."""
    for life in stage.lives:
        for look in life.seen:
            succeeded = status_of(look.task) == stage.paper.life["success"]
            if succeeded and not videos_of(look.task):
                raise Broken("task_result with at least one video", repr(look.task.get("task_result")), look)
            if not succeeded and videos_of(look.task):
                raise Broken(f"no videos while {status_of(look.task)!r}", repr(look.task["task_result"]), look)
            if "task_result" in look.task and look.task["task_result"] is None:
                raise Broken("no task_result, or an empty one", "null", look)


@promise(VIDEO, costs=True)
def a_video_is_told_with_id_link_and_length(stage: Stage) -> None:
    """All three are text, and the link is an address."""
    for _, look, video in results(stage):
        fits(video, stage.paper.tolerant(VIDEO), "videos[]", look)
        if not str(video["url"]).startswith(("http://", "https://")):
            raise Broken("url: an http(s) address", video["url"], look)


@promise(f"{VIDEO}/properties/id", costs=True)
def no_two_videos_share_an_id(stage: Stage) -> None:
    """Ids of videos are globally unique; no task has them either."""
    met = {str(life.id) for life in stage.lives}
    for look, video in _all_and_one_again(stage):
        if str(video.get("id")) in met:
            raise Broken("an id for every video", f"{video.get('id')} twice", look)
        met.add(str(video.get("id")))


@promise(f"{VIDEO}/properties/url", costs=True)
def no_two_videos_share_a_link(stage: Stage) -> None:
    """Every task has a result of its own."""
    met: set[str] = set()
    for look, video in _all_and_one_again(stage):
        if str(video.get("url")) in met:
            raise Broken("a link for every video", f"{video.get('url')} twice", look)
        met.add(str(video.get("url")))


@promise(f"{VIDEO}/properties/duration", costs=True)
def a_video_is_as_long_as_was_asked_for(stage: Stage) -> None:
    """`duration` is the one of the request, give or take some frames."""
    for life, look, video in results(stage):
        wanted = float(asked(stage.paper, life.body, "duration"))
        if abs(seconds(video.get("duration")) - wanted) > SECONDS_OFF:
            raise Broken(f"a duration of about {wanted:g} s", repr(video.get("duration")), look)


@promise(f"{VIDEO}/properties/watermark_url", costs=True)
def a_watermark_is_there_exactly_when_asked_for(stage: Stage) -> None:
    """The marked twin has a link of its own, and nobody gets one who did not ask."""
    for life, look, video in results(stage):
        link = video.get("watermark_url")
        if life.watermarked and not (isinstance(link, str) and link.startswith("http") and link != video.get("url")):
            raise Broken("watermark_url: a link of its own, for it was asked for", repr(link), look)
        if not life.watermarked and link not in (None, ""):
            raise Broken("no watermark_url, for none was asked for", repr(link), look)


@promise("#/components/schemas/Task/properties/watermark_info", costs=True)
def a_query_tells_whether_a_watermark_was_asked_for(stage: Stage) -> None:
    """`watermark_info.enabled` is what the create call said."""
    for life in stage.lives:
        for look in life.looks:
            info = look.task.get("watermark_info")
            told = info.get("enabled") if isinstance(info, dict) else None
            if told is not life.watermarked and not (told is None and not life.watermarked and not info):
                raise Broken(f"watermark_info.enabled: {str(life.watermarked).lower()}", repr(info), look)
