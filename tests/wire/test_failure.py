"""A task that fails: reached by any client through the magic word `[[fail]]` in its prompt."""

import re
from typing import Any

import pytest

CREATE = "/v1/videos/multi-image2video"
RISK = "Failure to pass the risk control system"
PROMPT = "a dog [[fail]]"
HOUR_MS = 3_600_000


def failed(double: Any, **changes: Any) -> dict[str, Any]:
    """A task that has failed."""
    task_id = double.create(prompt=PROMPT, **changes)["task_id"]
    double.advance(HOUR_MS)
    return double.query(task_id)


def test_a_failed_task_holds_exactly_this(double: Any) -> None:
    """A reason, a price of nothing, no result."""
    task = failed(double)
    assert (task["task_status"], task["task_status_msg"], task["final_unit_deduction"]) == ("failed", RISK, "0")
    always = {"task_id", "task_status", "task_status_msg", "task_info", "watermark_info", "created_at", "updated_at"}
    assert set(task) == always | {"final_unit_deduction"}


def test_a_create_that_will_fail_is_answered_like_any_other(double: Any) -> None:
    """Submitted, without a hint."""
    data = double.create(prompt=PROMPT)
    assert list(data) == ["task_id", "task_status", "task_info", "created_at", "updated_at"]
    assert double.query(data["task_id"])["task_status_msg"] == ""


def test_a_failed_task_stays_failed(double: Any) -> None:
    """For ever, in the list too."""
    task = failed(double)
    double.advance(HOUR_MS)
    assert task == double.query(task["task_id"]) == double.granted(double.page("pageSize=1"))[0]
    assert task["updated_at"] > task["created_at"]


def test_the_magic_word_works_in_an_external_id(double: Any) -> None:
    """The task keeps its whole name."""
    name = f"[[fail]] {double.newest()}"
    task_id = double.create(external_task_id=name)["task_id"]
    double.advance(HOUR_MS)
    assert double.query(name)["task_status"] == "failed"
    assert double.query(task_id)["task_info"] == {"external_task_id": name}


def test_the_next_task_is_calm_again(double: Any) -> None:
    """The word binds one task only."""
    failed(double)
    assert double.finished()["task_status"] == "succeed"


def test_an_unknown_magic_word_changes_nothing(double: Any) -> None:
    """A name that is no story."""
    assert double.finished(prompt="a dog [[no_such_story_at_all]]")["task_status"] == "succeed"


def test_a_failure_is_told_to_the_receiver(double: Any, receiver: Any) -> None:
    """With its reason, as the bare task."""
    task_id = double.create(prompt=PROMPT, callback_url=receiver.url)["task_id"]
    receiver.wait(1)
    double.advance(HOUR_MS)
    last = receiver.tasks(2)[-1]
    assert (last["task_id"], last["task_status"], last["task_status_msg"]) == (task_id, "failed", RISK)
    assert (last["final_unit_deduction"], "task_result" in last) == ("0", False)


def test_a_failed_task_frees_its_slot(slots: Any) -> None:
    """At its end, like any other."""
    slots.call("POST", "/__kling/reset")
    for _ in range(20):
        slots.create(prompt=PROMPT)
    assert slots.refusal(slots.submit())[:2] == (429, 1303)
    slots.advance(HOUR_MS)
    assert slots.create()["task_status"] == "submitted"


def test_a_failed_task_gives_its_units_back(purse: Any) -> None:
    """Reserved at accept, returned at failure."""
    purse.call("POST", "/__kling/reset")
    failed(purse, mode="pro", duration="10")
    for changes in ({"mode": "pro", "duration": "10"}, {}):
        assert purse.create(**changes)["task_status"] == "submitted"


def test_an_external_id_stays_taken_after_failure(double: Any) -> None:
    """A decided fork of the project."""
    name = f"failed {double.newest()}"
    failed(double, external_task_id=name)
    status, code, message = double.refusal(double.submit(external_task_id=name))
    assert (status, code, message) == (400, 1201, f"External_task_id {name} already exists")


@pytest.mark.parametrize("enabled", [True, False])
def test_a_failed_task_still_says_whether_a_mark_was_wanted(double: Any, enabled: bool) -> None:
    """`watermark_info` is always there in queries."""
    assert failed(double, watermark_info={"enabled": enabled})["watermark_info"] == {"enabled": enabled}


def test_a_failed_task_has_no_film(double: Any) -> None:
    """Not even behind the link it would have had."""
    task = failed(double)
    assert not re.search(r"https?://", str(task))
