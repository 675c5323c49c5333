"""One rule of a story, from its text: judged against the lifecycle, the errors and the products of the document.

Raises AuthorsMistake with the place, what was found, and the nearest right spelling.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

from mockserver import durations
from mockserver.api import Document
from mockserver.grammar import nearest
from mockserver.scenario import Disruption, Numbers, Posting, Rate, Refuse, Rule, Text, Trap, When
from mockserver.timeline import Stage, Stages
from mockserver.yaml12 import AuthorsMistake

ACTIONS = ("submit", "read", "list", "costs", "file")
"""What a rule can be about."""

_POLLS = re.compile(r"(\d{1,4}) polls?")


def at(mapping: Any, key: str, read: Callable[[Any], Any]) -> Any:
    """Read a value of a mapping; what is wrong with it is told with its place."""
    try:
        return read(mapping[key])
    except AuthorsMistake:
        raise
    except (ValueError, re.error) as error:
        raise AuthorsMistake(mapping.place(key), f"{key}: {error}") from error


class RuleReader:
    """One rule of a story."""

    def __init__(self, rule: Any, file: str, index: int, document: Document) -> None:
        self._rule, self._document, self._life = rule, document, document.lifecycle
        self._place = f"{file}#/rules/{index}"

    def rule(self) -> Rule:
        rule = self._rule
        if "refuse" in rule:
            self._stands_alone()
        if not {"refuse", "play", "reply", "deliver", "disrupt"} & rule.keys():
            raise AuthorsMistake(rule.place(), "a rule needs one of refuse, play, reply, deliver, disrupt")
        return Rule(
            self._place,
            self._when(rule.get("when", {})),
            refuse=at(rule, "refuse", self._refuse) if "refuse" in rule else None,
            play=at(rule, "play", self._play) if "play" in rule else None,
            reply=_trap(rule["reply"]) if "reply" in rule else None,
            deliver=at(rule, "deliver", self._deliver) if "deliver" in rule else None,
            disrupt=at(rule, "disrupt", _disruption) if "disrupt" in rule else None,
        )

    def _stands_alone(self) -> None:
        for other in ("play", "reply", "deliver"):
            if other in self._rule:
                raise AuthorsMistake(self._rule.place(other), f"refuse stands alone or with disrupt, not with {other}")

    def _when(self, when: Any) -> When:
        known = {
            "action": ACTIONS,
            "status": tuple(self._life.steps),
            "product": tuple({op.product for op in self._document.operations if op.product}),
        }
        asked = [name for name in ("action", "product", "mode", "status") if name in when]
        return When(
            {name: at(when, name, partial(_words, known=known.get(name))) for name in asked},
            {name: at(when, name, _text) for name in ("account", "prompt", "external_id") if name in when},
            at(when, "images", _numbers) if "images" in when else None,
            at(when, "nth", _numbers) if "nth" in when else None,
            at(when, "rate", _rate) if "rate" in when else None,
        )

    def _refuse(self, said: Any) -> Refuse:
        told = said if isinstance(said, dict) else {"error": said}
        slug = self._slug(told["error"])
        wait = told.get("retry_after")
        seconds = -(-durations.milliseconds(wait) // 1000) if wait is not None else None
        return Refuse(slug, told.get("after_commit", False), told.get("message"), seconds)

    def _slug(self, error: str | int) -> str:
        by_code = {row.code: row.slug for row in self._document.errors.values() if row.code}
        if isinstance(error, int):
            if error not in by_code:
                raise ValueError(f"{error} is no error code" + nearest(str(error), by_code))
            return by_code[error]
        tellable = {
            slug for slug, told in self._document.situations.items() if told.row.code and "{" not in told.message
        }
        if error not in tellable:
            raise ValueError(f"{error!r} is no error of the document" + nearest(error, tellable))
        return error

    def _play(self, play: Any) -> Stages:
        """Stages along the edges of the lifecycle; every mistake names the state."""
        held = play.get("hold")
        order = [key for key in play if key != "hold"]
        if held is not None and held not in order:
            order.append(held)
        self._check_path(order, held)
        stages = [self._stage(state, play, held) for state in order]
        if held is not None and held == order[-1]:
            stages += [Stage(state) for state in self._onward(held)]
        return tuple(stages)

    def _check_path(self, order: list[str], held: str | None) -> None:
        for state in order:
            if state not in self._life.steps:
                raise ValueError(f"{state!r} is no state" + nearest(state, [*self._life.steps, "hold"]))
        if order[0] != self._life.initial:
            raise ValueError(f"a task begins as {self._life.initial!r}, not as {order[0]!r}")
        for before, after in pairwise(order):
            if after not in self._life.steps[before]:
                following = ", ".join(self._life.steps[before]) or "nothing"
                raise ValueError(f"{before!r} cannot become {after!r}; what follows it is {following}")
        if held is not None and self._life.is_end(held):
            raise ValueError(f"{held!r} is an end and needs no holding")
        if not self._life.is_end(order[-1]) and held != order[-1]:
            raise ValueError(f"the play stops at {order[-1]!r}; let it end, or hold it there")

    def _onward(self, held: str) -> list[str]:
        """The calm way on from a held state, for when somebody moves the task without ending it."""
        way = [*self._life.way, self._life.success]
        return way[way.index(held) + 1 :]

    def _stage(self, state: str, play: Any, held: str | None) -> Stage:
        value = play.get(state)
        if self._life.is_end(state):
            return Stage(state, message=self._reason(value) if state == self._life.failure else _nothing(state, value))
        if state == held:
            return Stage(state)
        polls = _POLLS.fullmatch(value) if isinstance(value, str) else None
        if polls:
            return Stage(state, polls=int(polls[1]))
        return Stage(state, durations.length(value))

    def _reason(self, value: Any) -> str:
        if isinstance(value, dict) and set(value) == {"message"}:
            return str(value["message"])
        if value not in self._life.failures:
            raise ValueError(
                f"{value!r} is no reason to fail" + nearest(str(value), [*self._life.failures, "{message: …}"])
            )
        return self._life.failures[value]

    def _deliver(self, postings: Any) -> tuple[Posting, ...]:
        common: tuple[int, ...] | None = None
        read = []
        for said in postings:
            if set(said) == {"retry"}:
                common = _retry(said["retry"])
            elif "status" not in said:
                raise AuthorsMistake(said.place(), "a callback needs the status it is for")
            else:
                read.append(self._posting(said))
        return tuple(_with_retries(posting, common) for posting in read)

    def _posting(self, said: Any) -> Posting:
        if said["status"] not in self._life.steps:
            raise ValueError(f"{said['status']!r} is no state" + nearest(said["status"], self._life.steps))
        return Posting(
            said["status"],
            at(said, "after", durations.milliseconds) if "after" in said else 0,
            said.get("times", 1),
            said.get("never", False),
            said.get("out_of_order", False),
            said.get("before_reply", False),
            _posted_body(said["body"]) if "body" in said else None,
            at(said, "retry", _retry) if "retry" in said else None,
        )


def _with_retries(posting: Posting, common: tuple[int, ...] | None) -> Posting:
    return replace(posting, retries_ms=common) if posting.retries_ms is None and common is not None else posting


def _retry(said: Any) -> tuple[int, ...]:
    """The waits between tries: the schedule, its last wait repeated, one fewer than attempts."""
    schedule = [durations.milliseconds(wait) for wait in said.get("schedule", ("1s", "2s", "4s", "8s"))]
    waits = [schedule[min(index, len(schedule) - 1)] for index in range(said["attempts"] - 1)]
    return tuple(waits)


def _posted_body(said: Any) -> Trap:
    return Trap(body=said) if isinstance(said, str) else _trap(said)


def _trap(said: Any) -> Trap:
    return Trap(
        said.get("status"),
        said.get("set", {}),
        tuple(said.get("remove", ())),
        said.get("type"),
        said.get("body"),
        said.get("headers", {}),
    )


def _disruption(said: Any) -> Disruption:
    ((kind, how),) = said.items()
    match kind:
        case "delay":
            return Disruption(kind, durations.length(how))
        case "drop":
            return Disruption(kind, before_commit=how == "before")
        case "truncate":
            return Disruption(kind, fraction=how)
        case "drip":
            return Disruption(kind, durations.length(how["every"]), bytes=how["bytes"])
    return Disruption(kind)


def _words(value: str | list[str], known: tuple[str, ...] | None) -> frozenset[str]:
    words = frozenset([value] if isinstance(value, str) else value)
    for word in words if known is not None else ():
        if word not in (known or ()):
            raise ValueError(f"{word!r} is not known" + nearest(word, known))
    return words


def _text(value: Any) -> Text:
    if isinstance(value, str):
        return Text(equals=value)
    matches = re.compile(value["matches"]) if "matches" in value else None
    return Text(value.get("equals"), value.get("contains"), matches)


def _numbers(value: Any) -> Numbers:
    match value:
        case int():
            return Numbers(among=(value,))
        case list():
            return Numbers(among=frozenset(value))
    return Numbers((), value.get("from", 0), value.get("to"), value.get("every", 1))


def _rate(value: Any) -> Rate:
    return Rate(value["above"], durations.milliseconds(value["within"]))


def _nothing(state: str, value: Any) -> str:
    if value not in ({}, None):
        raise ValueError(f"{state} is an end and takes nothing: write {state}: {{}}")
    return ""
