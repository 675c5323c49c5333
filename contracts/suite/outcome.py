"""What a task tells of its end, and what it must tell, given what was asked for."""

from decimal import Decimal, InvalidOperation
from typing import Any

from contracts.suite.accounts import Body
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken
from contracts.suite.lives import status_of
from contracts.suite.paper import Paper

SECONDS_OFF = 0.5
"""Real videos are some frames longer than was asked for (kling-facts 5.3)."""


def videos_of(task: dict[str, Any]) -> list[dict[str, Any]]:
    """The videos of a task, as far as there are any."""
    result = task.get("task_result")
    videos = result.get("videos") if isinstance(result, dict) else None
    return [video for video in videos if isinstance(video, dict)] if isinstance(videos, list) else []


def seconds(text: object) -> float:
    """A length told as text; endless when it is none."""
    try:
        return float(text) if isinstance(text, str) else float("inf")
    except ValueError:
        return float("inf")


def units(text: object) -> Decimal | None:
    """Units told as text; None when there is no number, zero when nothing is told."""
    if text in (None, ""):
        return Decimal(0)
    try:
        return Decimal(text) if isinstance(text, str) else None
    except InvalidOperation:
        return None


def asked(paper: Paper, body: Body, name: str) -> Any:
    """What a body asks for by a word of its own, or by leaving it out."""
    return body.get(name) or paper.request["properties"][name]["default"]


def as_asked_for(paper: Paper, body: Body, task: dict[str, Any], shown: Exchange) -> None:
    """Videos with success and only then, of the length and with the mark that were asked for, at their price, which is
    nothing for whatever did not succeed. Raises Broken."""
    succeeded, videos = status_of(task) == paper.life["success"], videos_of(task)
    if bool(videos) is not succeeded:
        raise Broken("videos with success and only then", f"{len(videos)} of them", shown)
    price = paper.units(body) if succeeded else 0
    if units(task.get("final_unit_deduction")) != price:
        raise Broken(f"final_unit_deduction {price}", repr(task.get("final_unit_deduction")), shown)
    marked = bool((body.get("watermark_info") or {}).get("enabled"))
    if any(bool(video.get("watermark_url")) is not marked for video in videos):
        raise Broken(f"watermark_url {'there' if marked else 'absent'}", videos, shown)
    length = float(asked(paper, body, "duration"))
    if any(abs(seconds(video.get("duration")) - length) > SECONDS_OFF for video in videos):
        raise Broken(f"a duration of about {length:g} s", videos, shown)
