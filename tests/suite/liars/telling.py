"""How a liar is told of: what it changes, and which promise must catch it; and what several of them need."""

import base64
import json
from collections.abc import Callable
from typing import Any

from suite.proxy import Call, Letter, Liar, Reply

LIARS: dict[str, Liar] = {"honest": Liar("honest", "")}


TERMINAL = ("succeed", "failed")


def add(liar: Liar) -> None:
    assert liar.name not in LIARS, liar.name
    LIARS[liar.name] = liar


def asks(catcher: str) -> Callable[[Callable[[Call], None]], None]:
    """A liar that changes what is asked."""
    return lambda lie: add(Liar(lie.__name__, catcher, request=lie))


def answers(catcher: str, *actions: str) -> Callable[[Callable[[Call, Reply], None]], None]:
    """A liar that changes the replies to some actions, or to all."""

    def made(lie: Callable[[Call, Reply], None]) -> None:
        def reply(call: Call, reply: Reply) -> None:
            if isinstance(reply.content, dict) and (not actions or call.action in actions):
                lie(call, reply)

        add(Liar(lie.__name__, catcher, reply=reply))

    return made


def tells(catcher: str, *actions: str) -> Callable[[Callable[[dict[str, Any], Call], None]], None]:
    """A liar that changes every task it tells of."""

    def made(lie: Callable[[dict[str, Any], Call], None]) -> None:
        def reply(call: Call, reply: Reply) -> None:
            if not actions or call.action in actions:
                for task in reply.tasks:
                    lie(task, call)

        add(Liar(lie.__name__, catcher, reply=reply))

    return made


def writes(catcher: str) -> Callable[[Callable[[Letter], None]], None]:
    """A liar that changes callbacks."""
    return lambda lie: add(Liar(lie.__name__, catcher, callback=lie))


def videos(task: dict[str, Any]) -> list[dict[str, Any]]:
    return task.get("task_result", {}).get("videos", [])


def claims(call: Call) -> dict[str, Any]:
    try:
        part = call.headers.get("authorization", "").split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def let_in(call: Call) -> None:
    """With the last credential that worked."""
    if "good" in call.memory:
        call.headers["authorization"] = call.memory["good"]


def changing(call: Call, **changes: Any) -> None:
    body = call.json
    if isinstance(body, dict):
        call.json = {**body, **changes}


def failing(task: dict[str, Any]) -> None:
    """A success told as a failure, as it should be told."""
    if task["task_status"] == "succeed":
        task |= {"task_status": "failed", "task_status_msg": "no luck", "final_unit_deduction": "0"}
        task.pop("task_result")


def files(catcher: str) -> Callable[[Callable[[Call, Reply], None]], None]:
    """A liar that changes result files."""

    def made(lie: Callable[[Call, Reply], None]) -> None:
        def reply(call: Call, reply: Reply) -> None:
            if "/files/" in call.path and reply.status in (200, 206):
                lie(call, reply)

        add(Liar(lie.__name__, catcher, reply=reply))

    return made
