"""Reads the document in `openapi/` for the suite, apart from the double's own reading: two readers that must agree.

Everything a promise compares with comes from here: prices, codes, limits, the lifecycle, schemas. The suite reads replies
*tolerantly*: what the sources leave open (a key that may be absent, a field nobody documented) is never a breach.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from mockserver.resources import OPENAPI_ROOT

Schema = dict[str, Any]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml's where it was built
    """YAML 1.2 core words only: in 1.1, `16:9` would be 969."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  this is how PyYAML is told


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


class _Bundle:
    """Several files as one value: every `$ref` is replaced by what it names."""

    def __init__(self) -> None:
        self._files: dict[Path, Any] = {}

    def whole(self, file: Path) -> Any:
        if file not in self._files:
            self._files[file] = yaml.load(file.read_text(encoding="utf-8"), _Loader)
        return self._files[file]

    def joined(self, value: Any, file: Path) -> Any:
        if isinstance(value, list):
            return [self.joined(item, file) for item in value]
        if not isinstance(value, dict):
            return value
        beside = {str(key): self.joined(item, file) for key, item in value.items() if key != "$ref"}
        if "$ref" not in value:
            return beside
        name, _, pointer = value["$ref"].partition("#")
        target = (file.parent / name).resolve() if name else file
        return self.joined(at(self.whole(target), pointer), target) | beside


def at(value: Any, pointer: str) -> Any:
    """What a JSON pointer names (RFC 6901). Raises KeyError, IndexError."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


@dataclass(frozen=True, slots=True)
class Operation:
    """One call the document describes."""

    id: str
    method: str
    path: str
    action: str
    product: str
    node: Mapping[str, Any]

    @property
    def success(self) -> Schema:
        """The schema of its success."""
        schema: Schema = self.node["responses"]["200"]["content"]["application/json"]["schema"]
        return schema

    @property
    def parameters(self) -> list[Mapping[str, Any]]:
        """Those of the path and of the query."""
        return list(self.node.get("parameters", ()))


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the error table."""

    code: int
    status: int
    family: str

    def __str__(self) -> str:
        return f"HTTP {self.status} with code {self.code}"


class Paper:
    """The document."""

    def __init__(self, root: Path = OPENAPI_ROOT) -> None:
        bundle = _Bundle()
        self.raw: dict[str, Any] = bundle.joined(bundle.whole(root.resolve()), root.resolve())

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Every call, in the document's order."""
        return tuple(self._operations())

    def _operations(self) -> Iterator[Operation]:
        for path, item in self.raw["paths"].items():
            for method, node in item.items():
                action, product = node["x-kling-action"], node.get("x-kling-product", "")
                yield Operation(node["operationId"], method.upper(), path, action, product, node)

    def the(self, action: str) -> Operation:
        """The first operation that does this: submit, read, list or costs."""
        return next(operation for operation in self.operations if operation.action == action)

    @cached_property
    def request(self) -> Schema:
        """The schema of a create's body."""
        schema: Schema = self.the("submit").node["requestBody"]["content"]["application/json"]["schema"]
        return schema

    @cached_property
    def rows(self) -> dict[str, Row]:
        """The error table, by slug."""
        return {slug: Row(row["code"], row["status"], row["class"]) for slug, row in self.raw["x-kling-errors"].items()}

    @cached_property
    def by_code(self) -> dict[int, Row]:
        """The error table, by code; 0 is success."""
        return {row.code: row for row in self.rows.values()}

    def verdicts(self, situation: str) -> tuple[Row, ...]:
        """How the service may answer a situation: the row it names, and where that is only assumed, any row of the
        same family and status."""
        entry = self.raw["x-kling-messages"]["situations"][situation]
        row = self.rows[entry["error"]]
        if entry["x-kling-source"]["basis"] != "assumed":
            return (row,)
        return (row, *(other for other in self.rows.values() if alike(other, row)))

    def situation_of(self, schema: Schema, keyword: str) -> str:
        """Which situation breaking this keyword of a schema is."""
        own: str | None = schema.get("x-kling-refuse", {}).get(keyword)
        return own or str(self.raw["x-kling-messages"]["keywords"][keyword])

    @cached_property
    def life(self) -> Mapping[str, Any]:
        """The lifecycle."""
        life: Mapping[str, Any] = self.raw["x-kling-lifecycle"]
        return life

    @cached_property
    def statuses(self) -> tuple[str, ...]:
        """The words of `task_status`."""
        return tuple(self.life["steps"])

    @cached_property
    def ends(self) -> frozenset[str]:
        """The statuses that never change again."""
        return frozenset(status for status, onward in self.life["steps"].items() if not onward)

    @cached_property
    def reachable(self) -> Mapping[str, frozenset[str]]:
        """What a task may be seen as later, itself included: polling may miss a step."""
        return {status: frozenset(self._onward(status)) for status in self.statuses}

    def _onward(self, status: str) -> Iterator[str]:
        yield status
        for following in self.life["steps"][status]:
            yield from self._onward(following)

    def units(self, body: Mapping[str, Any]) -> Decimal:
        """What a create with this body costs, defaults filled in. Raises KeyError where it has no price."""
        price = self.the("submit").node["x-kling-units"]
        cell = price["table"]
        for name in price["by"]:
            cell = cell[body.get(name) or self.request["properties"][name]["default"]]
        return Decimal(cell)

    def sells(self, body: Mapping[str, Any]) -> bool:
        """Whether a body like this has a price."""
        try:
            return self.units(body) >= 0
        except KeyError:
            return False

    def limit(self, name: str) -> int:
        """A limit that belongs to no single field."""
        value: int = self.raw["x-kling-limits"][name]["value"]
        return value

    @lru_cache(maxsize=64)  # noqa: B019  one document a process
    def tolerant(self, pointer: str) -> Schema:
        """The schema there, as the suite holds replies against it."""
        schema: Schema = relaxed(at(self.raw, pointer))
        return schema


@lru_cache(maxsize=1)
def paper() -> Paper:
    """The document; read once, for nobody changes it."""
    return Paper()


LEFT_OPEN = frozenset(
    {
        "task_info",
        "task_status_msg",
        "watermark_info",
        "final_unit_deduction",
        "videos",
        "resource_pack_subscribe_infos",
    }
)
"""Keys whose presence the sources leave open where they say nothing (kling-facts 5.2, 5.3, 6.3); promises of their own
say when they must be there."""
MAY_BE_NULL = frozenset({"watermark_url", "task_status_msg", "final_unit_deduction", "external_task_id"})
"""Texts that may also be empty or null while they have nothing to say (client-quirks 1, 2.6, 2.9)."""


def relaxed(schema: Any, name: str = "") -> Any:
    """A reply's schema without what the sources leave open: unknown fields pass, open keys may be absent."""
    if isinstance(schema, list):
        return [relaxed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _relaxed_part(key, item) for key, item in schema.items() if not _dropped(key, item, name)}
    if name in MAY_BE_NULL:
        return {"anyOf": [{"type": "null"}, {"const": ""}, kept]}
    return kept


def _dropped(key: str, item: Any, name: str) -> bool:
    """Conditions between fields are promises with names of their own; a second word of success is only a word."""
    if key == "additionalProperties":
        return item is False
    return key in ("allOf", "description", "examples", "minItems") or (name, key) == ("msg", "const") or key[:2] == "x-"


def _relaxed_part(key: str, item: Any) -> Any:
    if key == "required":
        return [name for name in item if name not in LEFT_OPEN]
    if key == "properties":
        return {name: relaxed(part, name) for name, part in item.items()}
    return relaxed(item)


def alike(one: Row, other: Row) -> bool:
    """Whether two rows differ in nothing a client acts on."""
    return one.code != other.code and (one.status, one.family) == (other.status, other.family)
