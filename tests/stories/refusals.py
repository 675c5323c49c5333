"""Refusals, played: those that last, those that pass, and what they leave behind."""

from collections.abc import Callable
from typing import Any

from stories.plain import Answer, Play, Plays, Stage, is_refused

PLAYS = Plays()


def refuses(status: int, code: int, says: str = "", *, everything: bool = False) -> Play:
    """Creates, or all calls, are refused like this, however often; nothing is accepted."""

    def play(stage: Stage) -> None:
        for _ in range(2):
            assert is_refused(stage.create(), status, code, says)
        others = [stage.listed(), stage.costs(), stage.query("1")]
        if everything:
            assert [each.brief for each in others] == [(status, code)] * 3
        else:
            assert [each.brief for each in others] == [(200, 0), (200, 0), (400, 1201)]
        assert (stage.tasks(), stage.units()) == ([], "0")

    return play


PLAYS |= {
    "authentication_failed": refuses(401, 1000, everything=True),
    "authorization_empty": refuses(401, 1001, everything=True),
    "authorization_invalid": refuses(401, 1002, everything=True),
    "token_not_yet_valid": refuses(401, 1003, everything=True),
    "account_exception": refuses(429, 1100),
    "account_in_arrears": refuses(429, 1101),
    "resource_pack_exhausted": refuses(429, 1102, "Account balance not enough"),
    "permission_denied": refuses(403, 1103),
    "invalid_parameters": refuses(400, 1200),
    "invalid_value": refuses(400, 1201, "mode value 'std' is invalid"),
    "invalid_method": refuses(404, 1202),
    "service_retired": refuses(404, 1203, "This API is no longer available"),
    "platform_policy": refuses(400, 1300),
    "unsafe_content": refuses(400, 1301, "Failure to pass the risk control system"),
    "slots_always_full": refuses(429, 1303, "parallel task over resource pack limit"),
    "ip_not_allowed": refuses(429, 1304),
    "down_for_good": refuses(503, 5001, everything=True),
}


def refuses_some(status: int, code: int, wrong: dict[str, Any], *right: dict[str, Any]) -> Play:
    """Only creates with these changes are refused; the others before and after go through."""

    def play(stage: Stage) -> None:
        for changes in right:
            stage.accepted(**changes)
            assert is_refused(stage.create(**wrong), status, code)
        assert len(stage.tasks()) == len(right)

    return play


PLAYS |= {
    "some_prompts_unsafe": refuses_some(400, 1301, {"prompt": "A red Dragon sleeps"}, {"prompt": "a dog"}),
    "pro_mode_denied": refuses_some(403, 1103, {"mode": "pro"}, {}, {"mode": "std"}),
    "odd_external_id_refused": refuses_some(
        400, 1201, {"external_task_id": "my task"}, {}, {"external_task_id": "my-task_1.a"}
    ),
}


@PLAYS.of("many_images_fail")
def _(stage: Stage) -> None:
    ends = [
        stage.status(stage.ended(image_list=[{"image": "https://example.test/dog.png"}] * count))
        for count in (1, 2, 3, 4)
    ]
    assert ends == ["succeed", "succeed", "failed", "failed"]


def refuses_first(times: int, status: int, code: int, *, retry_after: str | None = None) -> Play:
    """So many creates are refused and leave nothing behind; the next is accepted."""

    def play(stage: Stage) -> None:
        for _ in range(times):
            reply = stage.create(external_task_id="mine")
            assert is_refused(reply, status, code)
            assert reply.headers.get("retry-after") == retry_after
            assert is_refused(stage.query("mine"), 400, 1201, "Task not found")
        task_id = stage.accepted(external_task_id="mine")
        assert [task["task_id"] for task in stage.tasks()] == [task_id]
        stage.advance(10_000)
        assert stage.status("mine") == "succeed"

    return play


PLAYS |= {
    "too_many_requests_twice": refuses_first(2, 429, 1302),
    "too_many_requests_retry_after": refuses_first(1, 429, 1302, retry_after="3"),
    "slots_full_then_free": refuses_first(3, 429, 1303),
    "server_error_once": refuses_first(1, 500, 5000),
    "maintenance_twice": refuses_first(2, 503, 5001, retry_after="2"),
    "timed_out_before_commit": refuses_first(1, 504, 5002),
}


@PLAYS.of("creates_too_fast")
def _(stage: Stage) -> None:
    assert [stage.create().brief for _ in range(4)] == [(200, 0)] * 3 + [(429, 1302)]
    stage.advance(9_999)
    assert stage.create().brief == (429, 1302)
    stage.advance(10_000)
    assert [stage.create().brief for _ in range(3)] == [(200, 0)] * 3
    assert len(stage.tasks()) == 6


def limits_to(count: int, ask: Callable[[Stage], Answer], retry_after: str | None = None) -> Play:
    """Within a second so many calls are answered, no more; after a quiet second they are again."""

    def play(stage: Stage) -> None:
        stage.accepted(external_task_id="mine")
        for _ in range(2):
            assert [ask(stage).brief for _ in range(count)] == [(200, 0)] * count
            reply = ask(stage)
            assert is_refused(reply, 429, 1302)
            assert reply.headers.get("retry-after") == retry_after
            stage.advance(999)
            assert ask(stage).brief == ((429, 1302) if count == 1 else (200, 0))
            stage.advance(1_000)

    return play


PLAYS |= {
    "polls_too_fast": limits_to(1, lambda stage: stage.query("mine")),
    "costs_asked_too_often": limits_to(1, Stage.costs),
}


@PLAYS.of("list_too_fast")
def _(stage: Stage) -> None:
    assert [stage.listed().brief for _ in range(3)] == [(200, 0), (200, 0), (429, 1302)]
    assert stage.listed().headers["retry-after"] == "1"
    stage.advance(1_000)
    assert stage.listed().brief == (200, 0)
