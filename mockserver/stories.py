"""From the text of a story to its rules: checked against `scenario.schema.json`, then against the document.

A story that cannot be played as written is refused with file and line, what was found, and the nearest right spelling.
"""

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from mockserver import durations, yaml12
from mockserver.api import Document
from mockserver.grammar import nearest
from mockserver.rulebook import RuleReader, at
from mockserver.scenario import Rule, Scenario
from mockserver.schemas import Problem, compile_one
from mockserver.yaml12 import AuthorsMistake

_MAX_RULES = 2000  # with everything included


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
            RuleReader(rule, file, index, self._document).rule() for index, rule in enumerate(story.get("rules", ()))
        ]
        for included in story.get("include", ()):
            rules += self._included(included, story, folder, reading)
        if len(rules) > _MAX_RULES:
            raise AuthorsMistake(file, f"has {len(rules)} rules with everything included; at most {_MAX_RULES}")
        ahead = at(story["judge"], "ahead", durations.milliseconds) if "judge" in story else 0
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
