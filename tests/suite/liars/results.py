"""Lies about what a task made."""

from suite.liars.telling import tells, videos


@tells("results_come_with_success_and_only_then", "read")
def results_come_while_processing(task, call):
    if task["task_status"] == "processing":
        task["task_result"] = {
            "videos": [{"id": "866889456698785798", "url": "http://x.example/1.mp4", "duration": "5"}]
        }


@tells("results_come_with_success_and_only_then", "read")
def success_comes_without_videos(task, call):
    if "task_result" in task:
        task["task_result"] = {"videos": []}


@tells("results_come_with_success_and_only_then", "read")
def results_are_null_at_first(task, call):
    task.setdefault("task_result", None)


@tells("a_video_is_told_with_id_link_and_length", "read")
def lengths_are_numbers(task, call):
    for video in videos(task):
        video["duration"] = int(video["duration"])


@tells("a_video_is_told_with_id_link_and_length", "read")
def videos_have_no_id(task, call):
    for video in videos(task):
        del video["id"]


@tells("a_video_is_told_with_id_link_and_length", "read")
def links_are_paths(task, call):
    for video in videos(task):
        video["url"] = "/files/1.mp4"


@tells("no_two_videos_share_an_id", "read")
def videos_have_the_id_of_their_task(task, call):
    for video in videos(task):
        video["id"] = task["task_id"]


@tells("no_two_videos_share_a_link", "read")
def all_links_are_one(task, call):
    for video in videos(task):
        video["url"] = call.memory.setdefault("url", video["url"])


@tells("a_video_is_as_long_as_was_asked_for", "read")
def every_video_lasts_five_seconds(task, call):
    for video in videos(task):
        video["duration"] = "5"


@tells("a_watermark_is_there_exactly_when_asked_for", "read")
def everyone_gets_a_watermark(task, call):
    for video in videos(task):
        video["watermark_url"] = video["url"] + "-w"


@tells("a_watermark_is_there_exactly_when_asked_for", "read")
def nobody_gets_a_watermark(task, call):
    for video in videos(task):
        video.pop("watermark_url", None)


@tells("a_query_tells_whether_a_watermark_was_asked_for", "read")
def watermarks_are_never_told(task, call):
    task["watermark_info"] = {"enabled": False}


@tells("a_query_tells_whether_a_watermark_was_asked_for", "read")
def watermarks_are_told_as_texts(task, call):
    task["watermark_info"] = {"enabled": str(task["watermark_info"]["enabled"]).lower()}


@tells("a_query_tells_whether_a_watermark_was_asked_for", "read")
def failed_tasks_forget_their_watermark(task, call):
    if task.get("task_status") == "failed":
        task["watermark_info"] = {"enabled": False}


@tells("results_come_with_success_and_only_then", "submit")
def creates_promise_a_video(task, call):
    task["task_result"] = {"videos": [{"id": "1", "url": "https://example.com/1.mp4", "duration": "5"}]}


@tells("no_two_videos_share_an_id", "submit", "read")
def the_same_request_gets_the_same_video(task, call):
    wish = call.memory.setdefault(task["task_id"], call.body)
    for video in videos(task):
        video["id"] = call.memory.setdefault(wish, video["id"])
