"""How tasks live and end, played: what queries show as time passes."""

from typing import Any

from stories.plain import Play, Plays, Stage

PLAYS = Plays()
HOUR_MS = 3_600_000


def lives(*steps: tuple[int, str], message: str | None = None) -> Play:
    """After so many ms each, a query shows these statuses; a failed task says why inside an envelope of success."""

    def play(stage: Stage) -> None:
        task_id = stage.accepted()
        for wait_ms, status in steps:
            stage.advance(wait_ms)
            assert (wait_ms, stage.status(task_id)) == (wait_ms, status)
        reply = stage.query(task_id)
        assert (reply.brief, reply.json["message"]) == ((200, 0), "SUCCEED")
        if message is not None:
            assert ends_failed(reply.data, message)
            assert stage.units() == "0"
        else:
            assert reply.data["task_result"]["videos"]
            assert stage.units() == "2"

    return play


def ends_failed(task: dict[str, Any], message: str) -> bool:
    """Whether this is a failed task with exactly this reason, which cost nothing."""
    shown = {name: task.get(name) for name in ("task_status", "task_status_msg", "final_unit_deduction", "task_result")}
    return shown == {
        "task_status": "failed",
        "task_status_msg": message,
        "final_unit_deduction": "0",
        "task_result": None,
    }


PLAYS |= {
    "default": lives((0, "submitted"), (1_000, "processing"), (2_000, "succeed")),
    "fail": lives(
        (0, "submitted"),
        (999, "submitted"),
        (1, "processing"),
        (1_999, "processing"),
        (1, "failed"),
        message="Failure to pass the risk control system",
    ),
    "fails_at_once": lives((0, "failed"), message="Failure to pass the risk control system"),
    "fails_without_a_reason": lives((1_000, "processing"), (2_000, "failed"), message=""),
    "fails_for_a_new_reason": lives(
        (1_000, "processing"),
        (2_000, "failed"),
        message="Model overloaded (region sgp-7): 模型过载，请稍后再试 — try after the next maintenance",
    ),
    "image_pixel_found_late": lives(
        (5_000, "processing"), (84_999, "processing"), (1, "failed"), message="Image pixel is invalid"
    ),
    "image_refused_late": lives(
        (1_000, "processing"),
        (20_000, "failed"),
        message="The resolution or aspect ratio of the input image is invalid. "
        "Please ensure it meets the required specifications.",
    ),
    "image_link_dead": lives(
        (1_000, "processing"),
        (10_000, "failed"),
        message="Something went wrong when we tried to get the contents of the file.",
    ),
    "done_at_once": lives((0, "succeed")),
    "slow_queue_ten_minutes": lives((599_999, "submitted"), (1, "processing"), (29_999, "processing"), (1, "succeed")),
    "takes_over_an_hour": lives((30_000, "processing"), (68 * 60_000 - 1, "processing"), (1, "succeed")),
    "ready_by_polls": lives(
        *[(HOUR_MS, "submitted")] * 2, *[(HOUR_MS, "processing")] * 3, (0, "succeed"), (0, "succeed")
    ),
}


@PLAYS.of("realistic_pace")
def _(stage: Stage) -> None:
    ids = [stage.accepted() for _ in range(3)]
    stage.advance(1_999)
    assert {stage.status(each) for each in ids} == {"submitted"}
    stage.advance(6_002)
    assert "submitted" not in {stage.status(each) for each in ids}
    stage.advance(24 * HOUR_MS)
    tasks = [stage.query(each).data for each in ids]
    lasted_ms = [task["updated_at"] - task["created_at"] for task in tasks]
    assert {task["task_status"] for task in tasks} == {"succeed"}
    assert len(set(lasted_ms)) == 3
    assert all(20_000 < each < HOUR_MS for each in lasted_ms)


def held(status: str) -> Play:
    """Nothing but a person moves the task on."""

    def play(stage: Stage) -> None:
        task_id = stage.accepted()
        stage.advance(24 * HOUR_MS)
        assert stage.status(task_id) == status
        stage.control(f"tasks/{task_id}/status", "POST", {"status": "failed"})
        assert stage.status(task_id) == "failed"

    return play


PLAYS |= {"held_in_queue": held("submitted"), "held_in_processing": held("processing")}
