"""Answers that are lost, late or spoilt on their way, played: was the work done, and does the next call work?"""

import json
import time
from collections.abc import Callable
from http.client import IncompleteRead

import jwt
import pytest
from stories.plain import DROPPED, SHORT_S, TASKS, Answer, Play, Plays, Stage, is_refused

from mockserver import clock

PLAYS = Plays()


Ask = Callable[..., Answer]
Lost = Callable[[Ask], None]
"""Makes a call and asserts how its answer was lost."""


def is_dropped(ask: Ask) -> None:
    """No byte comes, and the connection is gone."""
    with pytest.raises(DROPPED):
        ask()


def is_silent(ask: Ask) -> None:
    """No byte comes as long as a client waits."""
    with pytest.raises(TimeoutError):
        ask(timeout_s=SHORT_S)


def is_cut_short(ask: Ask) -> None:
    """Half of the announced bytes come, then the connection is closed."""
    with pytest.raises(IncompleteRead) as cut:
        ask()
    came, missing = len(cut.value.partial), cut.value.expected or 0
    assert came > 0
    assert 0 <= missing - came <= 1


def is_garbled(ask: Ask) -> None:
    """The whole length comes under the right type, and it is no JSON."""
    reply = ask()
    assert (reply.status, reply.media_type) == (200, "application/json")
    assert len(reply.body) == int(reply.headers["content-length"]) > 100
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        reply.json  # noqa: B018


def is_html(status: int) -> Lost:
    """A page of a gateway comes instead."""

    def check(ask: Ask) -> None:
        reply = ask()
        assert (reply.status, reply.media_type) == (status, "text/html")
        assert reply.body.startswith(b"<html>")

    return check


def is_error(status: int, code: int) -> Lost:
    """An error of the API comes."""

    def check(ask: Ask) -> None:
        assert is_refused(ask(), status, code)

    return check


def commits_and(lost: Lost) -> Play:
    """The first create's answer is lost and its task exists: it can be asked for by its external id, and was paid for."""

    def play(stage: Stage) -> None:
        lost(lambda **how: stage.create(external_task_id="mine", **how))
        assert stage.units() == "2"
        found = stage.query("mine").data
        assert found["task_status"] == "submitted"
        again = stage.create(external_task_id="mine")
        assert is_refused(again, 400, 1201, "External_task_id mine already exists")
        assert [task["task_id"] for task in stage.tasks()] == [found["task_id"]]
        stage.advance(10_000)
        assert stage.status(found["task_id"]) == "succeed"

    return play


COMMITTED: dict[str, Lost] = {
    "reply_lost_after_commit": is_dropped,
    "server_error_after_commit": is_error(500, 5000),
    "timed_out_after_commit": is_error(504, 5002),
    "refused_yet_accepted": is_error(429, 1302),
    "create_answers_502_html": is_html(502),
    "create_never_answers": is_silent,
    "create_reply_cut_short": is_cut_short,
    "create_reply_garbled": is_garbled,
}
"""How a create's answer is lost though its task exists."""

PLAYS |= {name: commits_and(lost) for name, lost in COMMITTED.items()}


def commits_not_and(lost: Lost) -> Play:
    """The first create's answer is lost and nothing happened: the same create can be made again."""

    def play(stage: Stage) -> None:
        lost(lambda **how: stage.create(external_task_id="mine", **how))
        assert is_refused(stage.query("mine"), 400, 1201, "Task not found")
        assert (stage.tasks(), stage.units()) == ([], "0")
        task_id = stage.accepted(external_task_id="mine")
        assert [task["task_id"] for task in stage.tasks()] == [task_id]

    return play


@PLAYS.of("error_reply_cut_short")
def _(stage: Stage) -> None:
    commits_not_and(is_cut_short)(stage)
    assert stage.control("calls")["calls"][0]["status"] == 503


PLAYS |= {"connection_dropped_before_commit": commits_not_and(is_dropped)}


@PLAYS.of("create_slow")
def _(stage: Stage) -> None:
    for name in ("one", "two"):
        is_silent(lambda **how: stage.create(external_task_id=name, **how))  # noqa: B023  called at once
        assert stage.status(name) == "submitted"
    assert stage.disrupted() == ["delay", None, "delay", None]


@PLAYS.of("create_without_data")
def _(stage: Stage) -> None:
    reply = stage.create(external_task_id="mine")
    assert (reply.status, sorted(reply.json), reply.json["code"]) == (200, ["code", "message", "request_id"], 0)
    assert [task["task_id"] for task in stage.tasks()] == [stage.query("mine").data["task_id"]]


def meets_first(times: int, trouble: Lost) -> Play:
    """So many queries meet the trouble; the later ones show the task, which did not mind."""

    def play(stage: Stage) -> None:
        task_id = stage.accepted()
        for _ in range(times):
            trouble(lambda **how: stage.query(task_id, **how))
        assert stage.status(task_id) == "submitted"
        stage.advance(10_000)
        assert stage.status(task_id) == "succeed"

    return play


def is_empty(ask: Ask) -> None:
    """HTTP 200 and no byte."""
    reply = ask()
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "0")


def has_a_text_code(ask: Ask) -> None:
    """The envelope of a success but for its code."""
    reply = ask()
    assert (reply.status, reply.json["code"], reply.json["data"]["task_status"]) == (200, "0", "submitted")


def has_another_type(ask: Ask) -> None:
    """A right answer under text/plain."""
    reply = ask()
    assert (reply.media_type, reply.data["task_status"]) == ("text/plain", "submitted")


PLAYS |= {
    "poll_answers_502_html": meets_first(2, is_html(502)),
    "poll_answers_nothing": meets_first(1, is_empty),
    "poll_never_answers": meets_first(1, is_silent),
    "poll_connection_dropped": meets_first(2, is_dropped),
    "truncated_json": meets_first(1, is_cut_short),
    "garbled_json": meets_first(1, is_garbled),
    "code_as_a_string": meets_first(2, has_a_text_code),
    "wrong_content_type": meets_first(2, has_another_type),
}


@PLAYS.of("poll_maintenance_page")
def _(stage: Stage) -> None:
    def a_page(ask: Ask) -> None:
        reply = ask()
        assert (reply.status, reply.media_type, reply.headers["retry-after"]) == (503, "text/html", "2")
        assert b"maintenance" in reply.body

    meets_first(1, a_page)(stage)


@PLAYS.of("poll_meets_server_error")
def _(stage: Stage) -> None:
    task_id = stage.accepted()
    assert [stage.query(task_id).brief for _ in range(4)] == [(500, 5000), (504, 5002), (200, 0), (200, 0)]


@PLAYS.of("polls_flicker")
def _(stage: Stage) -> None:
    task_id = stage.accepted()
    assert [stage.query(task_id).brief for _ in range(6)] == [(200, 0), (503, 5001)] * 3


@PLAYS.of("token_expires_midway")
def _(stage: Stage) -> None:
    task_id = stage.accepted()
    assert stage.status(task_id) == "submitted"
    assert is_refused(stage.query(task_id), 401, 1004)
    stage.advance(10_000)
    assert stage.status(task_id) == "succeed"
    assert len(stage.tasks()) == 1


@PLAYS.of("server_clock_ahead")
def _(stage: Stage) -> None:
    def listed(lives_s: int) -> Answer:
        now_s = int(clock.wall_s())
        claims = {"iss": stage.keys["access_key"], "exp": now_s + lives_s, "nbf": now_s - 5}
        return stage.api("GET", TASKS, auth=f"Bearer {jwt.encode(claims, stage.keys['secret_key'])}")

    assert is_refused(listed(9 * 60), 401, 1004)
    assert [listed(11 * 60).brief, listed(30 * 60).brief, stage.listed().brief] == [(200, 0)] * 3


def took_ms(ask: Callable[[], Answer]) -> tuple[float, Answer]:
    """How long a call took, and its answer."""
    began = time.perf_counter()
    reply = ask()
    return (time.perf_counter() - began) * 1000, reply


@PLAYS.of("replies_drip")
def _(stage: Stage) -> None:
    task_id = stage.accepted()
    lasted_ms, reply = took_ms(lambda: stage.query(task_id))
    pieces = -(-len(reply.body) // 64)
    assert reply.data["task_id"] == task_id
    assert len(reply.body) == int(reply.headers["content-length"])
    assert lasted_ms >= (pieces - 1) * 20 >= 40


@PLAYS.of("replies_lag")
def _(stage: Stage) -> None:
    calls = [stage.create, stage.listed, stage.costs, lambda: stage.query("mine")]
    stage.accepted(external_task_id="mine")
    met = [took_ms(ask) for ask in calls]
    assert [reply.brief for _, reply in met] == [(200, 0)] * 4
    assert min(lasted_ms for lasted_ms, _ in met) >= 20
    assert stage.disrupted() == ["delay"] * 5


@PLAYS.of("replies_lag_long_tail")
def _(stage: Stage) -> None:
    task_id = stage.accepted()
    met = [took_ms(lambda: stage.query(task_id)) for _ in range(8)]
    assert [reply.brief for _, reply in met] == [(200, 0)] * 8
    lasted_ms = sorted(lasted_ms for lasted_ms, _ in met)
    assert lasted_ms[-1] > 1.2 * lasted_ms[0]
    assert sum(lasted_ms) > 8 * 10
    assert stage.disrupted() == [None] + ["delay"] * 8
