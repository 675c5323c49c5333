"""One call, start to finish: who asks, how we mean to answer, what is asked, the deed, the envelope.

Synchronous and without I/O: two calls cannot interleave, so nothing here needs a lock. A refusal of a story comes before
validation, because gateways refuse before they read; one marked `after_commit` comes when the work is done.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from mockserver import auth, breaches, ledger, replies, tasks, timeline
from mockserver.document import Operation
from mockserver.refusals import Refusal
from mockserver.sandbox import Sandbox
from mockserver.scenario import PROCEED, Circumstances, Rule
from mockserver.validation import Arguments, validate
from mockserver.values import Call, Reply, Task

DROPPED = 0
"""The status of a reply that was never given: the connection was dropped before any work."""


def serve(call: Call, box: Sandbox) -> Reply:
    """Answer a call and remember it. Raises WrongReply if our own answer breaks the document."""
    now_ms = box.clock.now_ms()
    request_id = box.next_request_id()
    rule, asked, made = PROCEED, None, None
    refused: Refusal | None = None
    try:
        admit(call.authorization, call.wall_s, box)
        operation = _operation(call)
        asked = box.facts.task(call.path_arguments["id"]) if operation.action == "read" else None
        rule = _decide(call, operation, asked, box, now_ms)
        if _drops_before(rule):
            return _unanswered(call, rule, box, now_ms)
        if rule.refuse is not None and not rule.refuse.after_commit:
            raise rule.refuse.refusal
        arguments = validate(call, operation, box.document)
        data, made = _ACTIONS[operation.action](call, arguments, box, now_ms, rule)
        if rule.refuse is not None:
            raise rule.refuse.refusal
        reply = replies.success(data, operation, box.document, request_id, made)
    except Refusal as refusal:
        refused = refusal
        own = rule.refuse.message if rule.refuse is not None and rule.refuse.slug == refusal.slug else None
        reply = replies.refusal(refusal, call.operation, box.document, request_id, own)._replace(task=made)
    if rule is not PROCEED:
        reply = as_told(reply, rule, box)
    found = breaches.of(call, refused if rule.refuse is None else None, box.document, box.library)
    task = made or asked
    box.facts.add_call(call, reply, now_ms, task.id if task else "", found)
    return reply


def admit(authorization: str | None, wall_s: float, box: Sandbox) -> None:
    """Raise Refusal unless a call with this header may enter this world. Clause: kling-facts 2.3, 3.4."""
    if box.settings.auth == "off":
        return
    if box.settings.auth == "lenient":
        auth.bearer(authorization)
        return
    auth.authenticate(
        authorization,
        box.account,
        wall_s=wall_s + box.scenario.judge_ahead_ms / 1000,
        kinds=box.document.choices["credentials"],
        leeway_s=box.document.choices["token_leeway_s"],
    )


def _operation(call: Call) -> Operation:
    if call.operation is None:
        raise Refusal("invalid_method" if call.known_path else "resource_not_found")
    return call.operation


# -- stories


def _decide(call: Call, operation: Operation, asked: Task | None, box: Sandbox, now_ms: int) -> Rule:
    """The rule that answers this call; PROCEED on the calm day."""
    if asked is None and operation.action == "submit":
        story = box.magic(call.body.content)
    else:
        story = asked.story if asked is not None else ""
    if not story and not box.scenario.rules:
        return PROCEED
    return box.decide(_circumstances(call, operation, asked, box, now_ms), story, asked, now_ms)


def _circumstances(call: Call, operation: Operation, asked: Task | None, box: Sandbox, now_ms: int) -> Circumstances:
    if asked is not None:
        return of_task(operation.action, asked, box, now_ms)
    said = call.body.content if isinstance(call.body.content, dict) else {}
    given = operation.body.given(said) if operation.body is not None else {}
    return Circumstances(
        operation.action,
        operation.product,
        box.account.access_key,
        _text(given.get("prompt")),
        _text(given.get("external_task_id")),
        _text(given.get("mode")),
        len(call.body.sights),
    )


def of_task(action: str, task: Task, box: Sandbox, now_ms: int) -> Circumstances:
    """What a rule can look at when a task is asked for, or its file."""
    return Circumstances(
        action,
        task.product,
        box.account.access_key,
        _text(task.arguments.get("prompt")),
        task.external_id,
        _text(task.arguments.get("mode")),
        task.image_count,
        timeline.at(box.facts.timeline(task), now_ms).status,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _drops_before(rule: Rule) -> bool:
    return rule.disrupt is not None and rule.disrupt.before_commit


def _unanswered(call: Call, rule: Rule, box: Sandbox, now_ms: int) -> Reply:
    """The connection is dropped before any work: nothing happened but that we know of it."""
    reply = Reply(DROPPED, b"", DROPPED, "", "", rule=rule.place, disrupt=rule.disrupt)
    box.facts.add_call(call, reply, now_ms)
    return reply


def as_told(reply: Reply, rule: Rule, box: Sandbox) -> Reply:
    """The reply as the rule wants it to leave."""
    if rule.reply is not None:
        reply = replies.trapped(reply, rule.reply)
    headers = [*reply.headers]
    if box.settings.headers:
        headers.append((b"x-klingmock-rule", rule.place.encode("latin-1", "replace")))
    if rule.refuse is not None and rule.refuse.retry_after_s is not None:
        headers.append((b"retry-after", str(rule.refuse.retry_after_s).encode()))
    return reply._replace(headers=tuple(headers), rule=rule.place, disrupt=rule.disrupt)


# -- deeds

Answer = tuple[Any, Task | None]


def _submit(call: Call, arguments: Arguments, box: Sandbox, now_ms: int, rule: Rule) -> Answer:
    """Accept a task: references first, then the account's means, then it exists and costs."""
    assert call.operation is not None
    if not box.document.choices["service"]:
        raise Refusal("retired")
    external_id = arguments.get("external_task_id")
    if external_id and box.facts.taken(external_id):
        raise Refusal("external_id_taken", value=external_id)
    units = Decimal(call.operation.units.at(arguments)) if call.operation.units else Decimal(0)
    for limit in box.document.choices["limits_order"]:
        _LIMITS[limit](box, units, now_ms)
    stages = rule.play or box.document.lifecycle.paces[box.settings.pace]
    task = tasks.begin(
        call.operation,
        arguments,
        timeline.draw(stages, box.lengths),
        id=box.next_id(now_ms),
        video_id=box.next_id(now_ms),
        file_key=box.next_file_key(),
        base_url=box.settings.public_url or call.base_url,
        created_ms=now_ms,
        body=call.body,
        story=box.magic(call.body.content),
        deliver=rule.deliver,
    )
    box.facts.add_task(task, doubtful=_ambiguous(rule))
    return tasks.new(task, box.document), task


def _ambiguous(rule: Rule) -> bool:
    """Whether the client cannot know from the answer that its task was accepted."""
    return (
        (rule.disrupt is not None and rule.disrupt.kind != "drip") or rule.refuse is not None or rule.reply is not None
    )


def _within_balance(box: Sandbox, units: Decimal, now_ms: int) -> None:
    balance = box.settings.balance
    if balance is not None and box.facts.units(now_ms) + units > balance:
        raise Refusal("resource_pack_exhausted")


def _within_concurrency(box: Sandbox, units: Decimal, now_ms: int) -> None:
    del units
    if len(box.facts.unfinished(now_ms)) >= box.concurrency:
        raise Refusal("too_many_parallel_tasks")


_LIMITS: Mapping[str, Callable[[Sandbox, Decimal, int], None]] = {
    "balance": _within_balance,
    "concurrency": _within_concurrency,
}


def _read(call: Call, arguments: Arguments, box: Sandbox, now_ms: int, rule: Rule) -> Answer:
    """One task by either id."""
    del rule
    assert call.operation is not None
    task = box.facts.task(arguments["id"])
    if task is None or not (box.document.choices["query_scope"] or task.product == call.operation.product):
        raise Refusal("task_not_found", value=arguments["id"])
    shown = _view(task, call, box, now_ms)
    box.facts.add_poll(task, now_ms)
    return shown, None


def _list(call: Call, arguments: Arguments, box: Sandbox, now_ms: int, rule: Rule) -> Answer:
    """One page of the product's tasks, newest first."""
    del rule
    assert call.operation is not None
    count = arguments["pageSize"]
    first = (arguments["pageNum"] - 1) * count
    page = box.facts.of_product(call.operation.product, first, count)
    return [_view(task, call, box, now_ms) for task in page], None


def _view(task: Task, call: Call, box: Sandbox, now_ms: int) -> dict[str, Any]:
    base_url = box.settings.public_url or call.base_url
    return tasks.view(task, box.facts.timeline(task), now_ms, base_url, box.document.lifecycle)


def _costs(call: Call, arguments: Arguments, box: Sandbox, now_ms: int, rule: Rule) -> Answer:
    """The account's packs: none while its balance is unlimited. Clause: kling-facts 6.3."""
    del rule
    assert call.operation is not None
    pack, balance = call.operation.pack, box.settings.balance
    packs = []
    if pack and balance is not None and arguments.get("resource_pack_name", pack["name"]) == pack["name"]:
        packs.append(ledger.pack(pack, box.pack_id, balance, balance - box.facts.units(now_ms), box.born_ms))
    return {"code": box.document.ok.code, "msg": "success", "resource_pack_subscribe_infos": packs}, None


_ACTIONS: Mapping[str, Callable[[Call, Arguments, Sandbox, int, Rule], Answer]] = {
    "submit": _submit,
    "read": _read,
    "list": _list,
    "costs": _costs,
}
