"""Callbacks that come late, twice, wrong or not at all, played."""

import threading
from typing import Any

from stories.plain import Play, Plays, Stage, receiver

PLAYS = Plays()
DAY_MS = 24 * 3_600_000
CALM = ["submitted", "processing", "succeed"]


def tells(*statuses: str) -> Play:
    """The task succeeds after three seconds, as queries say, and its callbacks are these, in this order."""

    def play(stage: Stage) -> None:
        task_id = stage.accepted(callback_url=stage.inbox_url())
        stage.advance(3_000)
        assert stage.status(task_id) == "succeed"
        stage.advance(DAY_MS)
        assert stage.told() == [(task_id, status) for status in statuses]

    return play


PLAYS |= {
    "callback_never_comes": tells(),
    "callback_twice": tells("submitted", "processing", "succeed", "succeed"),
    "callback_flood": tells(*["submitted"] * 5, *["processing"] * 5, *["succeed"] * 5),
    "callback_out_of_order": tells("processing", "succeed", "submitted"),
    "processing_after_succeed": tells("submitted", "succeed", "processing"),
    "callback_only_at_the_end": tells("succeed"),
}


@PLAYS.of("callback_late")
def _(stage: Stage) -> None:
    task_id = stage.accepted(callback_url=stage.inbox_url())
    stage.advance(3_000)
    assert stage.status(task_id) == "succeed"
    stage.advance(5 * 60_000 - 1)
    assert [status for _, status in stage.told()] == ["submitted", "processing"]
    stage.advance(1)
    assert [status for _, status in stage.told()] == CALM
    last = stage.received()[-1]
    assert last["at_ms"] - last["body"]["updated_at"] == 5 * 60_000


@PLAYS.of("callback_before_reply")
def _(stage: Stage) -> None:
    answered = threading.Event()
    came: list[tuple[str, str, bool]] = []

    def during(task: dict[str, Any]) -> None:
        known = answered.wait(0.2 if not came else 0)
        came.append((task["task_id"], task["task_status"], known))

    with receiver(during) as url:
        task_id = stage.accepted(callback_url=url)
        answered.set()
        stage.advance(10_000)
    assert came == [(task_id, "submitted", False), (task_id, "processing", True), (task_id, "succeed", True)]


@PLAYS.of("callback_corrupt")
def _(stage: Stage) -> None:
    stage.ended(callback_url=stage.inbox_url())
    *before, last = stage.received()
    assert [each["body"]["task_status"] for each in before] == CALM[:2]
    assert (last["body"], last["headers"]["content-length"]) == ('{"task_id": "8668894566987', "26")


@PLAYS.of("callback_wrong_type")
def _(stage: Stage) -> None:
    stage.ended(callback_url=stage.inbox_url())
    came = stage.received()
    assert [each["body"]["task_status"] for each in came] == CALM
    assert [each["headers"]["content-type"] for each in came] == ["text/plain"] * 3


def last_callback(stage: Stage) -> tuple[dict[str, Any], dict[str, Any]]:
    """The task as its last callback of three tells it, and as a query does."""
    task_id = stage.ended(callback_url=stage.inbox_url())
    came = stage.received()
    assert [each["body"]["task_status"] for each in came[:-1]] == CALM[:2]
    assert len(came) == 3
    return came[-1]["body"], stage.query(task_id).data


@PLAYS.of("callback_without_status")
def _(stage: Stage) -> None:
    told, asked = last_callback(stage)
    assert asked.pop("task_status") == "succeed"
    assert told == asked


@PLAYS.of("callback_without_links")
def _(stage: Stage) -> None:
    told, asked = last_callback(stage)
    assert asked.pop("task_result")["videos"]
    assert told == asked


@PLAYS.of("callback_contradicts_query")
def _(stage: Stage) -> None:
    told, asked = last_callback(stage)
    assert (told["task_id"], told["task_status"]) == (asked["task_id"], "failed")
    assert told["task_status_msg"] == "Failure to pass the risk control system"
    assert "task_result" not in told
    assert (asked["task_status"], len(asked["task_result"]["videos"])) == ("succeed", 1)


@PLAYS.of("callback_claims_success")
def _(stage: Stage) -> None:
    told, asked = last_callback(stage)
    assert (told["task_id"], told["task_status"]) == (asked["task_id"], "succeed")
    assert told["task_result"]["videos"][0]["url"] == "http://127.0.0.1:9/forged.mp4"
    assert (asked["task_status"], asked["task_status_msg"]) == ("failed", "Failure to pass the risk control system")
    assert "task_result" not in asked


@PLAYS.of("callback_of_a_stranger")
def _(stage: Stage) -> None:
    task_id = stage.ended(callback_url=stage.inbox_url())
    stranger = ("933557073781063683", "failed")
    assert stage.told() == [(task_id, "submitted"), (task_id, "processing"), stranger, (task_id, "succeed")]
    assert stage.query(stranger[0]).brief == (400, 1201)
    assert stage.status(task_id) == "succeed"


def waits(stage: Stage, name: str) -> list[tuple[str, int]]:
    """Each delivery to an inbox: its status, and how long after the first it came."""
    came = stage.received(name)
    return [(each["body"]["task_status"], each["at_ms"] - came[0]["at_ms"]) for each in came]


@PLAYS.of("callbacks_retried")
def _(stage: Stage) -> None:
    behaviours = {
        "failing": {"answer": 500, "times": 2},
        "redirecting": {"answer": 302, "location": stage.inbox_url("elsewhere"), "times": 1},
        "down": {"down": True, "times": 4},
    }
    for name, behaviour in behaviours.items():
        stage.control(f"inbox/{name}/behaviour", "PUT", behaviour)
        stage.accepted(callback_url=stage.inbox_url(name))
    stage.advance(DAY_MS)
    assert waits(stage, "failing") == [
        ("submitted", 0), ("submitted", 1_000), ("submitted", 6_000), ("processing", 6_000), ("succeed", 6_000)
    ]  # fmt: skip
    assert waits(stage, "redirecting") == [
        ("submitted", 0), ("submitted", 1_000), ("processing", 1_000), ("succeed", 3_000)
    ]  # fmt: skip
    assert waits(stage, "down") == [
        ("submitted", 0), ("submitted", 1_000), ("submitted", 6_000), ("submitted", 36_000),
        ("processing", 36_000), ("succeed", 36_000),
    ]  # fmt: skip
    assert stage.received("elsewhere") == []
