"""How the control plane's answers read to people: calls, what broke the document and how, costs, what fired."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

Told = Mapping[str, Any]

_CHARS = 160
_LAST = 20  # entries of a journal, as many as are shown
_CONSTRAINTS = (
    "type", "enum", "const", "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"
)  # fmt: skip


def short(value: Any) -> str:
    """A value in one line, cut where it gets long."""
    text = repr(value)
    return text if len(text) <= _CHARS else f"{text[:_CHARS]}… ({len(text)} characters)"


def count(number: int, what: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def moment(at_ms: int) -> str:
    """A sandbox time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


# -- the journal


def line(entry: Told) -> str:
    """A call, or a callback, in one line."""
    return _call(entry) if "method" in entry else callback(entry)


def journal(entries: Sequence[Told]) -> str:
    """The last entries, a line each."""
    left_out = len(entries) - _LAST
    lines = [f"  … {left_out} earlier"] if left_out > 0 else []
    return "\n".join([*lines, *(f"  {line(entry)}" for entry in entries[-_LAST:])])


def _call(call: Told) -> str:
    query = f"?{call['query']}" if call.get("query") else ""
    code = "" if call["code"] is None else f" code {call['code']} {call['message']}"
    marks = [f"rule {call['rule']}"] if call["rule"] else []
    marks += [f"disrupted: {call['disrupted']}"] if call["disrupted"] else []
    return f"#{call['number']} {call['method']} {call['path']}{query} → {call['status']}{code}" + "".join(
        f" [{mark}]" for mark in marks
    )


def callback(delivery: Told) -> str:
    """A delivery and how its attempts went."""
    went = ", ".join(str(each["answer"] or each["error"]) for each in delivery["attempts"]) or "not tried yet"
    outcome = "delivered" if delivery["delivered"] else "not delivered"
    return (
        f"{delivery['id']} {delivery['status']} of task {delivery['task_id']}: {outcome} ({went}) to {delivery['url']}"
    )


def fired(event: Told) -> str:
    """One thing that an advance made happen."""
    if event["kind"] == "delivery":
        answer = event["answer"] or event["error"]
        return f"{moment(event['at_ms'])}  callback {event['status']} of task {event['task_id']} → {answer}"
    return f"{moment(event['at_ms'])}  task {event['task_id']} is {event['status']}"


def costs(ledger: Told) -> str:
    """Units, and where they are."""
    states = [entry["state"] for entry in ledger["entries"]]
    spread = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return f"{ledger['units']} units for {count(len(states), 'task')}" + (f" ({spread})" if spread else "")


def duplicates(ledger: Told) -> list[str]:
    """Requests that were probably paid twice, a line each."""
    return [
        f"task {pair['later']} repeats task {pair['first']} after a failure that left it open whether that one exists: "
        f"{pair['units']} units more"
        for pair in ledger["duplicates"]
    ]


# -- what broke the document


def broken(violations: Iterable[Told], calls: Iterable[Told], spec: Told) -> str:
    """Every violation beneath its call: what was sent, what the document wants there, and where it says so."""
    by_number = {call["number"]: call for call in calls}
    lines, number = [], None
    for each in violations:
        if each["call"] != number:
            number = each["call"]
            lines.append(f"  #{number} {each['method']} {each['path']}")
        lines.append(f"    {each['pointer'] or 'the call'}: {each['problem']}")
        lines += [f"      {label:<9} {text}" for label, text in _compared(each, by_number.get(number, {}), spec)]
    return "\n".join(lines)


def _compared(violation: Told, call: Told, spec: Told) -> Iterator[tuple[str, str]]:
    steps = [_plain(step) for step in violation["pointer"].split("/")[1:]]
    came = _sent(steps, call)
    if came is not None:
        yield "sent", short(came)
    expected = _expected(steps, violation["clause"], spec)
    if expected:
        yield "expected", expected
    yield "clause", violation["clause"]


def _sent(steps: list[str], call: Told) -> Any:
    match steps:
        case ["body", *inner]:
            return _at(call.get("body"), inner)
        case ["query", name]:
            return dict(parse_qsl(call.get("query", ""), keep_blank_values=True)).get(name)
        case ["headers", name]:
            return {key.lower(): value for key, value in call.get("headers", ())}.get(name)
    return None


def _expected(steps: list[str], clause: str, spec: Told) -> str:
    """What the document wants at a place of the request; empty where it has nothing to say."""
    wanted = _resolved(_at(spec, [_plain(step) for step in clause.split("/")[1:]]), spec) if clause[:1] == "#" else None
    match steps, wanted:
        case ["body", *inner], {"content": {"application/json": {"schema": schema}}}:
            return _constraints(_schema_at(schema, inner, spec))
        case ["body", *inner], dict() as properties if clause.endswith("/properties"):
            return f"{_nearest(inner[-1], properties)}one of {', '.join(properties)}"
        case ["query", name], list() as parameters:
            named = (_resolved(parameter, spec) for parameter in parameters)
            schemas = [parameter["schema"] for parameter in named if parameter["name"] == name]
            return _constraints(_resolved(schemas[0], spec)) if schemas else ""
        case ["headers", "content-type"], dict() as types:
            return " or ".join(types)
    return ""


def _schema_at(schema: Any, steps: list[str], spec: Told) -> Any:
    schema = _resolved(schema, spec)
    for step in steps:
        following = schema.get("items") if step.isdigit() else schema.get("properties", {}).get(step)
        schema = _resolved(following, spec)
    return schema


def _resolved(node: Any, spec: Told) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        node = _at(spec, [_plain(step) for step in node["$ref"].split("/")[1:]])
    return {} if node is None else node


def _constraints(schema: Any) -> str:
    return ", ".join(f"{word} {schema[word]}" for word in _CONSTRAINTS if word in schema)


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"probably {close[0]}; it is " if close else ""


def _at(value: Any, steps: Sequence[str]) -> Any:
    """What stands at a JSON pointer's steps, None if nothing."""
    for step in steps:
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return None
    return value


def _plain(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
