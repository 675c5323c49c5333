"""What one asks of tasks: begin one, view one."""

from collections.abc import Mapping
from typing import Any

from mockserver.api import Document, Lifecycle, Operation
from mockserver.scenario import Posting
from mockserver.timeline import Mark, Plan
from mockserver.values import Body, Task

FILES = "/__kling/files"
"""Where result files are served, under the base URL."""


def begin(
    operation: Operation,
    arguments: Mapping[str, Any],
    plan: Plan,
    *,
    id: str,
    video_id: str,
    file_key: str,
    base_url: str,
    created_ms: int,
    body: Body,
    story: str = "",
    deliver: tuple[Posting, ...] | None = None,
    unruly: bool = False,
) -> Task:
    """A task as it is accepted: what it was asked, how it will live, what it will cost."""
    return Task(
        id,
        operation,
        created_ms,
        arguments,
        plan,
        video_id,
        file_key,
        base_url,
        body.digest,
        tuple([sight.url for sight in body.sights if sight.url]),
        len(body.sights),
        story,
        deliver,
        arguments.get("external_task_id", ""),
        arguments.get("callback_url", ""),
        "watermark_info" in arguments and arguments["watermark_info"].get("enabled", False),
        unruly,
    )


def new(task: Task, document: Document) -> dict[str, Any]:
    """The task as the create call returns it."""
    return {
        "task_id": task.id,
        "task_status": document.lifecycle.initial,
        "task_info": _info(task),
        "created_at": task.created_ms,
        "updated_at": task.created_ms,
    }


def view(task: Task, mark: Mark, base_url: str, lifecycle: Lifecycle) -> dict[str, Any]:
    """The task as queries and callbacks show it while `mark` holds; links begin with `base_url`. Clause: components/task.yaml#/Task."""
    shown: dict[str, Any] = {
        "task_id": task.id,
        "task_status": mark.status,
        "task_status_msg": mark.message,
        "task_info": _info(task),
    }
    if mark.status == lifecycle.success:
        shown["task_result"] = {"videos": [_video(task, base_url)]}
    shown["watermark_info"] = {"enabled": task.watermarked}
    if lifecycle.is_end(mark.status):
        shown["final_unit_deduction"] = task.units if mark.status == lifecycle.success else "0"
    shown["created_at"] = task.created_ms
    shown["updated_at"] = mark.at_ms
    return shown


def _info(task: Task) -> dict[str, str]:
    return {"external_task_id": task.external_id} if task.external_id else {}


def _video(task: Task, base_url: str) -> dict[str, str]:
    place = f"{base_url}{FILES}/{task.file_key}/{task.video_id}"
    video = {"id": task.video_id, "url": f"{place}.mp4", "duration": task.duration}
    if task.watermarked:
        video["watermark_url"] = f"{place}-watermark.mp4"
    return video
