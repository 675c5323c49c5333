"""Answers that say what no answer should, played."""

from typing import Any

from stories.plain import Play, Plays, Stage

PLAYS = Plays()
STRANGER = 933557073781063683
MISSING = object()


@PLAYS.of("code_in_a_200")
def _(stage: Stage) -> None:
    task_id = stage.ended()
    for _ in range(3):
        reply = stage.query(task_id)
        assert (reply.brief, sorted(reply.json)) == ((200, 1103), ["code", "message", "request_id"])
        assert reply.json["message"] == "No permission for the requested resource"
    assert stage.tasks()[0]["task_status"] == "succeed"


@PLAYS.of("unknown_status_word")
def _(stage: Stage) -> None:
    task_id = stage.accepted()
    assert [stage.status(task_id) for _ in range(4)] == ["submitted", "queued", "queued", "submitted"]
    stage.advance(10_000)
    assert stage.status(task_id) == "succeed"


@PLAYS.of("status_goes_back")
def _(stage: Stage) -> None:
    task_id = stage.accepted()
    seen = [stage.status(task_id)]
    stage.advance(1_000)
    seen += [stage.status(task_id) for _ in range(3)]
    stage.advance(10_000)
    seen.append(stage.status(task_id))
    assert seen == ["submitted", "processing", "submitted", "processing", "succeed"]


@PLAYS.of("succeed_without_videos")
def _(stage: Stage) -> None:
    task_id = stage.ended()
    shown = [stage.query(task_id).data, stage.query(task_id).data]
    assert [(each["task_status"], each["task_result"]) for each in shown] == [("succeed", {"videos": []})] * 2
    assert (shown[0]["final_unit_deduction"], stage.units()) == ("2", "2")


def shows(*fields: tuple[str, Any], before: str = "succeed") -> Play:
    """A query of a task in this state shows exactly these values, of these types, at these JSON pointers."""

    def play(stage: Stage) -> None:
        task_id = stage.accepted()
        stage.advance({"submitted": 0, "processing": 1_000, "succeed": 3_000}[before])
        reply = stage.query(task_id)
        assert (reply.brief, reply.json["data"]["task_status"]) == ((200, 0), before)
        found = [(pointer, at(reply.json, pointer)) for pointer, _ in fields]
        assert [(pointer, type(value), value) for pointer, value in found] == [
            (pointer, type(value), value) for pointer, value in fields
        ]

    return play


def at(content: Any, pointer: str) -> Any:
    """What stands at a JSON pointer, MISSING if nothing does."""
    for step in pointer[1:].split("/"):
        try:
            content = content[int(step) if isinstance(content, list) else step]
        except (KeyError, IndexError):
            return MISSING
    return content


PLAYS |= {
    "succeed_without_a_link": shows(
        ("/data/task_result/videos/0/url", ""), ("/data/task_result/videos/0/duration", "5")
    ),
    "numbers_for_strings": shows(("/data/task_result/videos/0/duration", 5.1), ("/data/final_unit_deduction", 2)),
    "strings_for_numbers": shows(("/data/created_at", "1774711071284"), ("/data/updated_at", "1774711171284")),
}


@PLAYS.of("id_as_a_number")
def _(stage: Stage) -> None:
    task_id = stage.accepted()
    data = stage.query(task_id).data
    assert (type(data["task_id"]), data["task_id"]) == (int, STRANGER)
    assert int(float(STRANGER)) != STRANGER
    assert task_id != str(STRANGER)


@PLAYS.of("task_result_null")
def _(stage: Stage) -> None:
    shows(("/data/task_result", None), ("/data/task_status_msg", None), before="submitted")(stage)
    shows(("/data/task_result", None), ("/data/task_status_msg", None), before="processing")(stage)
    shows(("/data/task_status_msg", ""), ("/data/task_result/videos/0/duration", "5"))(stage)


@PLAYS.of("fields_missing")
def _(stage: Stage) -> None:
    created = stage.create(external_task_id="mine", watermark_info={"enabled": True}).data
    assert sorted(created) == ["created_at", "task_id", "task_status", "updated_at"]
    stage.advance(10_000)
    assert sorted(stage.query("mine").data) == ["created_at", "task_id", "task_result", "task_status", "updated_at"]


@PLAYS.of("extra_fields")
def _(stage: Stage) -> None:
    created = stage.create()
    for reply in (created, stage.query(created.data["task_id"])):
        assert (reply.json["trace"], reply.data["queue_position"]) == ({"region": "sgp", "hops": [1, 2]}, 7)
        assert (reply.data["task_status_code"], reply.data["task_status"]) == (99, "submitted")


@PLAYS.of("create_answers_201")
def _(stage: Stage) -> None:
    reply = stage.create()
    assert reply.brief == (201, 0)
    assert stage.status(reply.json["data"]["task_id"]) == "submitted"


@PLAYS.of("create_already_processing")
def _(stage: Stage) -> None:
    data = stage.create().data
    assert (data["task_status"], stage.status(data["task_id"])) == ("processing", "submitted")


@PLAYS.of("list_answers_html_once")
def _(stage: Stage) -> None:
    task_id = stage.accepted()
    page = stage.listed()
    assert (page.status, page.media_type, page.body[:6]) == (502, "text/html", b"<html>")
    assert [task["task_id"] for task in stage.listed().data] == [task_id]


@PLAYS.of("list_shows_nothing")
def _(stage: Stage) -> None:
    task_id = stage.accepted()
    assert [stage.listed().data, stage.listed().data] == [[], []]
    assert stage.query(task_id).data["task_id"] == task_id


@PLAYS.of("list_ids_as_numbers")
def _(stage: Stage) -> None:
    ids = [stage.accepted(), stage.accepted()]
    assert [task["task_id"] for task in stage.listed().data] == [STRANGER] * 2
    assert [stage.query(each).data["task_id"] for each in ids] == ids
