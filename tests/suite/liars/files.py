"""Lies about the videos themselves."""

from suite.liars.telling import add, answers, asks, changing, files, tells, videos
from suite.proxy import Liar


def links_die_within_a_day(call, reply):
    now, ends = call.memory.setdefault("now", [0]), call.memory.setdefault("ends", {})
    for task in reply.tasks:
        now[0] = max(now[0], task["created_at"])
        ends |= {video["url"].rpartition("/")[2]: task["updated_at"] for video in videos(task)}
    if "/files/" in call.path and now[0] - ends.get(call.path.rpartition("/")[2], now[0]) > 86_400_000:
        reply.status, reply.body = 404, b""


add(Liar("links_die_within_a_day", "a_link_works_for_thirty_days", reply=links_die_within_a_day))


@files("a_video_can_be_fetched_without_a_token")
def files_need_a_token(call, reply):
    if "authorization" not in call.headers:
        reply.status, reply.body = 401, b""


@files("a_video_can_be_fetched_without_a_token")
def files_are_web_pages(call, reply):
    reply.headers["content-type"], reply.body = "text/html", b"<html>a video</html>"


@files("a_video_can_be_fetched_without_a_token")
def files_are_octets(call, reply):
    reply.headers["content-type"] = "application/octet-stream"


@files("a_video_can_be_fetched_in_part")
def parts_are_shifted(call, reply):
    if reply.status == 206:
        reply.body = b"x" + reply.body[:-1]


@files("a_video_can_be_fetched_in_part")
def parts_are_the_whole(call, reply):
    reply.status = 200


@files("a_marked_video_can_be_fetched_too")
def marked_videos_are_gone(call, reply):
    if "watermark" in call.path:
        reply.status, reply.body = 404, b""


@tells("a_video_lasts_as_long_as_it_says", "read")
def videos_say_they_are_longer(task, call):
    for video in videos(task):
        video["duration"] = str(float(video["duration"]) + 1)


@asks("a_video_has_the_shape_that_was_asked_for")
def every_video_is_square(call):
    if call.action == "submit":
        changing(call, aspect_ratio="1:1")


@answers("every_combination_becomes_the_video_that_was_asked_for", "submit", "read")
def short_squares_of_pros_lose_their_watermark(call, reply):
    wishes = call.memory.setdefault("wishes", {})
    for task in reply.tasks:
        wish = wishes.setdefault(
            task["task_id"], [call.fields.get(name) for name in ("mode", "duration", "aspect_ratio")]
        )
        for video in videos(task) if wish == ["pro", "5", "1:1"] else []:
            video.pop("watermark_url", None)


@asks("every_combination_becomes_the_video_that_was_asked_for")
def long_portraits_are_squares(call):
    if call.fields.get("duration") == "10" and call.fields.get("aspect_ratio") == "9:16":
        changing(call, aspect_ratio="1:1")


@answers("every_combination_becomes_the_video_that_was_asked_for", "submit", "read")
def failed_pros_are_charged(call, reply):
    for task in reply.tasks:
        mode = call.memory.setdefault(task["task_id"], call.fields.get("mode"))
        if (mode, task["task_status"]) == ("pro", "failed"):
            task["final_unit_deduction"] = "3.5"
