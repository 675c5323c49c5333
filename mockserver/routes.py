"""Which operation a method and a path mean, from the document's own paths."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote

from mockserver.api import Operation

_REMEMBERED_CHARS = 256


@dataclass(slots=True)
class _Node:
    children: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "tuple[str, _Node] | None" = None
    operations: dict[str, Operation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a path leads to; no operation with a known path means the method is wrong."""

    operation: Operation | None
    known_path: bool
    arguments: dict[str, str]
    path: str  # as it was asked for


class Routes:
    """The paths as a tree of segments. Segments are told apart before they are percent-decoded, so an id may hold a slash."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        self._remembered = lru_cache(maxsize=1024)(self._found)  # clients poll the same paths again and again
        for operation in operations:
            self._add(operation)

    def find(self, method: str, path: str) -> Found:
        """The operation for a raw (still percent-encoded) path; a plain segment wins over a parameter."""
        return self._remembered(method, path) if len(path) <= _REMEMBERED_CHARS else self._found(method, path)

    def _found(self, method: str, path: str) -> Found:
        node, arguments = self._root, {}
        for raw in path[1:].split("/"):
            segment = unquote(raw) if "%" in raw else raw
            following = node.children.get(segment)
            if following is None:
                if node.parameter is None or not segment:
                    return Found(None, False, {}, path)
                name, following = node.parameter
                arguments[name] = segment
            node = following
        return Found(node.operations.get(method), bool(node.operations), arguments, path)

    def _add(self, operation: Operation) -> None:
        node = self._root
        for segment in operation.path[1:].split("/"):
            if segment.startswith("{"):
                if node.parameter is None:
                    node.parameter = segment[1:-1], _Node()
                node = node.parameter[1]
            else:
                node = node.children.setdefault(segment, _Node())
        node.operations[operation.method] = operation
