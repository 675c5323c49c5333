"""Sentences that many promises share: this was refused so, that is like this."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import orjson

from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken, NotShown
from contracts.suite.paper import Paper, Row, Schema


def refused(exchange: Exchange, rows: Iterable[Row], why: str = "") -> None:
    """The call was refused with one of these rows of the error table. Raises Broken."""
    allowed = list(rows)
    if (exchange.status, exchange.code) in [(row.status, row.code) for row in allowed]:
        return
    wanted = " or ".join(map(str, allowed[:3])) + (" or a row like it" if len(allowed) > 3 else "")
    raise Broken(f"{wanted}{why and f', because {why}'}", exchange.said, exchange)


SCARCE = ("resource_pack_exhausted", "too_many_parallel_tasks", "account_in_arrears")


def accepted(exchange: Exchange, paper: Paper, why: str = "", *, affordable: bool = False) -> None:
    """The call succeeded. Raises Broken, or NotShown when the account's means do not suffice, unless they must."""
    if exchange.status == 200 and exchange.code == 0:
        return
    scarce = [paper.rows[slug] for slug in SCARCE if not affordable]
    if (exchange.status, exchange.code) in [(row.status, row.code) for row in scarce]:
        raise NotShown(f"the account's means do not suffice: {exchange.said}")
    raise Broken(f"{paper.rows['ok']}{why and f', because {why}'}", exchange.said, exchange)


def fits(value: Any, schema: Schema, name: str, exchange: Exchange) -> None:
    """A value is as its schema says. Raises Broken with the first place that is not."""
    for error in _validator(_frozen(schema)).iter_errors(value):
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
        raise Broken(_wish(schema, list(error.schema_path), error), f"{name}{place}: {error.message}", exchange)


def _wish(schema: Schema, path: list[str | int], error: Any) -> str:
    value: Any = schema
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return str(error.kind.name)
    return f"{path[-1]}: {value}" if path else "nothing at all"


def _frozen(schema: Schema) -> str:

    return orjson.dumps(schema).decode()


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:

    return jsonschema_rs.validator_for(orjson.loads(schema), validate_formats=True)


def plain(value: Any) -> Any:
    """A value without what says nothing (null, empty) and without the signed part of links, to compare by."""
    if isinstance(value, dict):
        kept = {key: plain(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", {}, [])}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return urlsplit(value)._replace(query="").geturl()
    return value


def difference(one: Any, other: Any, name: str = "data") -> str:
    """The first place where two values differ, in words; empty if they do not."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            if found := difference(one.get(key), other.get(key), f"{name}.{key}"):
                return found
        return ""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return next(
            (
                found
                for at, pair in enumerate(zip(one, other, strict=True))
                if (found := difference(*pair, f"{name}[{at}]"))
            ),
            "",
        )
    return "" if one == other and type(one) is type(other) else f"{name} was {one!r} and is {other!r}"
