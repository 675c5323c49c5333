"""What a sandbox remembers, as the control plane tells it: tasks, calls, callbacks, costs."""

from decimal import Decimal
from typing import Any

from mockserver import breaches, journal, tasks, timeline
from mockserver import ledger as ledgers
from mockserver.courier import owed
from mockserver.sandbox import Sandbox
from mockserver.values import Attempt, Delivery, Task


def task(box: Sandbox, each: Task) -> dict[str, Any]:
    """A task as the API shows it now, with what the API keeps to itself."""
    base_url = box.settings.public_url or each.base_url
    mark = timeline.at(box.facts.timeline(each), box.clock.now_ms())
    shown = tasks.view(each, mark, base_url, box.document.lifecycle)
    own = {"product": each.product, "units": each.units, "arguments": each.arguments, "images": each.image_count}
    return {**shown, **own, "story": each.story or None}


def task_with_timeline(box: Sandbox, each: Task) -> dict[str, Any]:
    """A task with everything that happened to it, on one axis of sandbox time."""
    marks = [{"at_ms": mark.at_ms, "kind": "status", "status": mark.status} for mark in box.facts.timeline(each)]
    events = [*marks, *_asked(box, each), *_posted(box, each)]
    return {**task(box, each), "timeline": sorted(events, key=lambda event: event["at_ms"])}


def _asked(box: Sandbox, each: Task) -> list[dict[str, Any]]:
    kinds = {"read": "poll", "submit": "create"}
    told = []
    for entry in box.facts.calls:
        if entry.task_id == each.id:
            action = str(entry.action)
            event = {"at_ms": entry.at_ms, "kind": kinds.get(action, action), "call": entry.number}
            event |= {"status": entry.status, "rule": entry.rule or None}
            if entry.disrupted is not None:
                event["disrupted"] = entry.disrupted
            told.append(event)
    return told


def _posted(box: Sandbox, each: Task) -> list[dict[str, Any]]:
    return [
        {"at_ms": attempt.at_ms, "kind": "delivery", "id": delivery.id, "status": delivery.status, **_attempt(attempt)}
        for delivery in owed(box, each)
        for attempt in box.facts.attempts.get(delivery.id, ())
    ]


def calls(box: Sandbox) -> dict[str, Any]:
    """The journal."""
    return {"calls": [journal.shown(entry) for entry in box.facts.calls], "evicted": box.facts.evicted}


def violations(box: Sandbox) -> dict[str, Any]:
    """Where calls broke the document; inconclusive when some were forgotten."""
    found = [
        {
            "call": entry.number,
            "at_ms": entry.at_ms,
            "method": entry.method,
            "path": entry.path,
            **breach._asdict(),
        }
        for entry in box.facts.calls
        for breach in breaches.of(entry, box.document, box.library)
    ]
    return {"violations": found, "inconclusive": box.facts.evicted > 0}


def callbacks(box: Sandbox) -> list[dict[str, Any]]:
    """Every delivery that was due by now, with its attempts."""
    now_ms = box.clock.now_ms()
    return [
        {
            "id": delivery.id,
            "task_id": each.id,
            "url": each.callback_url,
            "status": delivery.status,
            "due_ms": delivery.due_ms,
            "delivered": any(attempt.delivered for attempt in box.facts.attempts.get(delivery.id, ())),
            "attempts": [
                {"at_ms": attempt.at_ms, **_attempt(attempt)} for attempt in box.facts.attempts.get(delivery.id, ())
            ],
        }
        for each in box.facts.tasks.values()
        for delivery in owed(box, each)
        if delivery.due_ms <= now_ms or delivery.id in box.facts.attempts
    ]


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "answer": attempt.status,
        "error": attempt.error,
        "delivered": attempt.delivered,
        "refused": attempt.final,
        "took_ms": round(attempt.took_ms, 3),
    }


def delivery(box: Sandbox, name: str) -> tuple[Task, Delivery] | None:
    """A delivery by its id, with its task."""
    for each in box.facts.tasks.values():
        for one in owed(box, each):
            if one.id == name:
                return each, one
    return None


def ledger(box: Sandbox) -> dict[str, Any]:
    """Units reserved, charged and returned, and requests that were paid twice."""
    now_ms, life = box.clock.now_ms(), box.document.lifecycle
    entries, sum_units = [], Decimal(0)
    for each in box.facts.tasks.values():
        state = ledgers.state(box.facts.timeline(each), now_ms, life)
        sum_units += Decimal(each.units) if state != ledgers.RETURNED else 0
        entries.append(
            {
                "task_id": each.id,
                "external_task_id": each.external_id or None,
                "at_ms": each.created_ms,
                "units": each.units,
                "state": state,
            }
        )
    pairs = [{"first": first.id, "later": later.id, "units": later.units} for first, later in box.facts.duplicates()]
    return {"units": ledgers.text(sum_units), "entries": entries, "duplicates": pairs}
