"""From the text of a story to its rules: checked against `scenario.schema.json`, then against the document.

A story that cannot be played as written is refused with file and line, what was found, and the nearest right spelling.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from mockserver import durations, yaml12
from mockserver.document import Document
from mockserver.grammar import nearest
from mockserver.scenario import Disruption, Numbers, Posting, Rate, Refuse, Rule, Scenario, Text, Trap, When
from mockserver.schemas import Problem, compile_one
from mockserver.timeline import Stage, Stages
from mockserver.yaml12 import AuthorsMistake

ACTIONS = ("submit", "read", "list", "costs", "file")
"""What a rule can be about."""

_MAX_RULES = 2000  # with everything included
_POLLS = re.compile(r"(\d{1,4}) polls?")


class Library:
    """The stories of a folder, read when first asked for. Names are file names without their ending."""

    def __init__(self, folder: Path, document: Document) -> None:
        self._folder, self._document = folder, document
        self._told: dict[str, Scenario] = {}

    def names(self) -> list[str]:
        """Every story's name, in alphabetical order."""
        return sorted(path.stem for path in self._folder.glob("*.yaml"))

    def __contains__(self, name: object) -> bool:
        return name in self._told or (self._folder / f"{name}.yaml").is_file()

    def story(self, name: str) -> Scenario:
        """The story of this name, or in this file. Raises AuthorsMistake."""
        if name not in self._told:
            self._told[name] = self._reader.file(self._path(name), name)
        return self._told[name]

    def parse(self, text: str, file: str = "scenario.yaml") -> Scenario:
        """A story from its text. Raises AuthorsMistake."""
        return self._reader.text(text, file)

    @cached_property
    def _reader(self) -> "_Reader":
        schema = json.loads((self._folder / "scenario.schema.json").read_text(encoding="utf-8"))
        return _Reader(schema, self._document, self._path)

    def _path(self, name: str, beside: Path | None = None) -> Path:
        if name.endswith((".yaml", ".yml")) or "/" in name:
            return (beside or Path()) / name
        path = self._folder / f"{name}.yaml"
        if not path.is_file():
            raise AuthorsMistake(f"scenario {name}", "there is no such story" + nearest(name, self.names()))
        return path


class _Reader:
    def __init__(self, schema: Any, document: Document, path_of: Callable[[str, Path | None], Path]) -> None:
        self._schema, self._checker = schema, compile_one(schema)
        self._document, self._path_of = document, path_of

    def file(self, path: Path, name: str) -> Scenario:
        return self._scenario(yaml12.read(path), path.name, path.parent, (path.resolve(),), name)

    def text(self, text: str, file: str) -> Scenario:
        return self._scenario(yaml12.parse(text, file), file, None, (), Path(file).stem)

    def _scenario(self, story: Any, file: str, folder: Path | None, reading: tuple[Path, ...], name: str) -> Scenario:
        self._check(story, file)
        rules = [
            _RuleReader(rule, file, index, self._document).rule() for index, rule in enumerate(story.get("rules", ()))
        ]
        for included in story.get("include", ()):
            rules += self._included(included, story, folder, reading)
        if len(rules) > _MAX_RULES:
            raise AuthorsMistake(file, f"has {len(rules)} rules with everything included; at most {_MAX_RULES}")
        ahead = _at(story["judge"], "ahead", durations.milliseconds) if "judge" in story else 0
        return Scenario(name, story["about"].strip(), tuple(rules), story.get("expect", {}), ahead)

    def _included(self, name: str, story: Any, folder: Path | None, reading: tuple[Path, ...]) -> list[Rule]:
        if folder is None and ("/" in name or name.endswith((".yaml", ".yml"))):
            raise AuthorsMistake(
                story.place("include"), f"{name!r}: a story that is no file includes others by name only"
            )
        path = self._path_of(name, folder)
        if path.resolve() in reading:
            raise AuthorsMistake(story.place("include"), f"{name!r} includes itself in the end")
        told = self._scenario(yaml12.read(path), path.name, path.parent, (*reading, path.resolve()), path.stem)
        return list(told.rules)

    def _check(self, story: Any, file: str) -> None:
        if not isinstance(story, yaml12.Mapping):
            raise AuthorsMistake(file, "a story is a mapping with `about` and `rules`")
        problems = self._checker.problems(story)
        if problems:
            raise _mistake(story, max(problems, key=lambda problem: len(problem.path)), self._schema)


def _mistake(story: Any, problem: Problem, schema: Any) -> AuthorsMistake:
    """The schema's complaint with the place it is about."""
    place, value = story.place(), story
    for step in problem.path:
        if isinstance(value, yaml12.Mapping):
            place = value.place(str(step))
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            break
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in problem.path).lstrip(".")
    if problem.unexpected and isinstance(value, yaml12.Mapping):
        first = problem.unexpected[0]
        return AuthorsMistake(
            value.place(first), f"{first!r} is no key here" + nearest(first, _allowed(schema, problem.schema_path))
        )
    return AuthorsMistake(place, f"{where or 'the story'}: {problem.message}")


def _allowed(schema: Any, path: tuple[str | int, ...]) -> list[str]:
    """The keys that a schema knows where `additionalProperties` was broken."""
    part = schema
    for step in path[:-1]:
        if step == "$ref":
            continue
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        part = part[step]
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    return list(part.get("properties", ()))


def _at(mapping: Any, key: str, read: Callable[[Any], Any]) -> Any:
    """Read a value of a mapping; what is wrong with it is told with its place."""
    try:
        return read(mapping[key])
    except AuthorsMistake:
        raise
    except (ValueError, re.error) as error:
        raise AuthorsMistake(mapping.place(key), f"{key}: {error}") from error


class _RuleReader:
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
            refuse=_at(rule, "refuse", self._refuse) if "refuse" in rule else None,
            play=_at(rule, "play", self._play) if "play" in rule else None,
            reply=_trap(rule["reply"]) if "reply" in rule else None,
            deliver=_at(rule, "deliver", self._deliver) if "deliver" in rule else None,
            disrupt=_at(rule, "disrupt", _disruption) if "disrupt" in rule else None,
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
            {name: _at(when, name, partial(_words, known=known.get(name))) for name in asked},
            {name: _at(when, name, _text) for name in ("account", "prompt", "external_id") if name in when},
            _at(when, "images", _numbers) if "images" in when else None,
            _at(when, "nth", _numbers) if "nth" in when else None,
            _at(when, "rate", _rate) if "rate" in when else None,
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
            _at(said, "after", durations.milliseconds) if "after" in said else 0,
            said.get("times", 1),
            said.get("never", False),
            said.get("out_of_order", False),
            said.get("before_reply", False),
            _posted_body(said["body"]) if "body" in said else None,
            _at(said, "retry", _retry) if "retry" in said else None,
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
