"""Where a client's call breaks the document, though the service may let it pass: with JSON pointer and clause."""

from collections.abc import Container
from typing import Any, NamedTuple

from mockserver.api import Document
from mockserver.journal import Entry, Refused
from mockserver.scenario import MAGIC

_SHOWN = 20  # unknown fields of one call, as many as are told


class Breach(NamedTuple):
    """One thing a call did that the document does not allow."""

    pointer: str  # into the request: /body/…, /query/…, /headers/…, /path
    problem: str
    clause: str  # into the document


def of(call: Entry, document: Document, stories: Container[str]) -> tuple[Breach, ...]:
    """Every breach of one call. A call that came at a bad time (balance, slots) has broken nothing."""
    found: list[Breach] = []
    if call.refused is not None and document.situations[call.refused.slug].row.status < 429:
        found.append(_refused(call, call.refused, document))
    operation, content = call.operation, call.content
    if operation is not None and operation.body is not None and isinstance(content, dict):
        found += _unknown_fields(content, operation)
        found += _content_type(call, operation.pointer)
        found += _strange_words(content, stories)
    return tuple(found)


def _refused(call: Entry, refused: Refused, document: Document) -> Breach:
    situation = document.situations[refused.slug]
    message = situation.told(refused.fields)
    clause = f"#/x-kling-errors/{situation.row.slug}"
    if call.operation is not None and "pointer" in refused.fields:
        place = "requestBody" if call.operation.body is not None else "parameters"
        clause = f"{call.operation.pointer}/{place}"
    return Breach(str(refused.fields.get("pointer", "")), message, clause)


def _unknown_fields(content: dict[str, Any], operation: Any) -> list[Breach]:
    unknown = [name for name in content if name not in operation.body.properties]
    clause = f"{operation.pointer}/requestBody/content/application~1json/schema/properties"
    return [
        Breach(f"/body/{name[:100].replace('~', '~0').replace('/', '~1')}", "the document has no such field", clause)
        for name in unknown[:_SHOWN]
    ]


def _content_type(call: Entry, pointer: str) -> list[Breach]:
    for name, value in call.headers:
        if name == b"content-type":
            if value.split(b";")[0].strip().lower() == b"application/json":
                return []
            return [
                Breach("/headers/content-type", f"is {value.decode('latin-1')[:80]}", f"{pointer}/requestBody/content")
            ]
    return [Breach("/headers/content-type", "is not sent", f"{pointer}/requestBody/content")]


def _strange_words(content: dict[str, Any], stories: Container[str]) -> list[Breach]:
    """Magic words that name no story: they change nothing, which the writer should know."""
    said = [(name, content[name]) for name in ("prompt", "external_task_id") if isinstance(content.get(name), str)]
    return [
        Breach(f"/body/{name}", f"[[{word}]] is the name of no story", "scenarios/")
        for name, text in said
        if "[[" in text
        for word in MAGIC.findall(text)[:_SHOWN]
        if word not in stories
    ]
