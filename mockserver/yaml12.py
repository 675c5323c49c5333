"""YAML 1.2 core values that remember the line they came from.

PyYAML speaks YAML 1.1, where `16:9` is 969 and `on` is true; here only the 1.2 core words are anything but text. Aliases,
repeated keys and oversized files are refused, so that a file means what it looks like.
"""

import re
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 64

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)

_TAGS = frozenset("str int float bool null timestamp merge value map seq".split())  # what plain YAML resolves to

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class AuthorsMistake(ValueError):
    """A document or a scenario cannot be loaded: says where, what was found, and what would be right."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class Mapping(dict[str, Any]):
    """A mapping that knows its file and the line of each key."""

    __slots__ = ("file", "line", "lines")

    def __init__(self, file: str, line: int) -> None:
        super().__init__()
        self.file, self.line = file, line
        self.lines: dict[str, int] = {}

    def place(self, key: str | None = None) -> str:
        """`file:line` of a key, or of the mapping itself."""
        return f"{self.file}:{self.lines.get(key, self.line) if key is not None else self.line}"


def read(path: Path, *, shown_as: str | None = None) -> Any:
    """The value a YAML file holds. Raises AuthorsMistake, also where the file is missing."""
    name = shown_as or path.name
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise AuthorsMistake(name, f"is {size} bytes long; at most {MAX_BYTES} are read")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AuthorsMistake(name, f"cannot be read: {error}") from error
    return parse(text, name)


def parse(text: str, file: str) -> Any:
    """The value of a YAML text; `file` is what messages call it. Raises AuthorsMistake."""
    if len(text) > MAX_BYTES:
        raise AuthorsMistake(file, f"is {len(text)} characters long; at most {MAX_BYTES} are read")
    try:
        _refuse_depth(text, file)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise AuthorsMistake(f"{file}:{line}", f"is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise AuthorsMistake(file, f"is not YAML: {error}") from error
    return None if root is None else _value(root, file)


def _refuse_depth(text: str, file: str) -> None:
    """Composing recurses, so depth and aliases are judged on the flat stream of events first."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise AuthorsMistake(f"{file}:{line}", "anchors and aliases are not taken")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise AuthorsMistake(f"{file}:{line}", f"is nested deeper than {MAX_DEPTH} levels")


def _value(node: yaml.Node, file: str) -> Any:
    if node.tag.rpartition(":")[2] not in _TAGS:
        raise AuthorsMistake(f"{file}:{node.start_mark.line + 1}", f"tags such as {node.tag} are not taken")
    match node:
        case yaml.ScalarNode():
            return _scalar(node)
        case yaml.SequenceNode():
            return [_value(item, file) for item in node.value]
    assert isinstance(node, yaml.MappingNode)
    return _mapping(node, file)


def _mapping(node: yaml.MappingNode, file: str) -> Mapping:
    found = Mapping(file, node.start_mark.line + 1)
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise AuthorsMistake(f"{file}:{line}", "a key must be text")
        key = str(key_node.value)
        if key in found:
            raise AuthorsMistake(f"{file}:{line}", f"the key {key!r} stands here twice")
        found[key] = _value(value_node, file)
        found.lines[key] = line
    return found


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style:  # quoted or block text is text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) < 20:
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
