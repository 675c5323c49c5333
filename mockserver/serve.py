"""One call, start to finish: who asks, how we mean to answer, what is asked, the deed, the envelope.

Synchronous and without I/O: two calls cannot interleave, so nothing here needs a lock. A refusal of a story comes before
validation, because gateways refuse before they read; one marked `after_commit` comes when the work is done.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from mockserver import auth, ledger, replies, tasks, timeline
from mockserver.api import Operation
from mockserver.journal import Refused
from mockserver.refusals import Refusal
from mockserver.sandbox import Sandbox
from mockserver.scenario import PROCEED, Circumstances, Rule
from mockserver.timeline import Stages
from mockserver.validation import Arguments, validate
from mockserver.values import Call, Credential, Reply, Task

DROPPED = 0
"""The status of a reply that was never given: the connection was dropped before any work."""


def serve(call: Call, box: Sandbox) -> Reply:
    """Answer a call and remember it. Raises WrongReply if our own answer breaks the document."""
    now_ms = box.clock.now_ms()
    request_id = box.next_request_id()
    rule, asked, made, refused = PROCEED, None, None, None
    try:
        admit(call.credential, call.wall_s, box)
        operation = _operation(call)
        asked = box.facts.task(call.path_arguments["id"]) if operation.action == "read" else None
        story = asked.story if asked is not None else box.magic(call.body.content)
        if story or box.scenario.rules:
            rule = box.decide(_circumstances(call, operation, asked, box, now_ms), story, asked, now_ms)
        if _drops_before(rule):
            return _unanswered(call, rule, box, now_ms)
        if rule.refuse is not None and not rule.refuse.after_commit:
            raise rule.refuse.refusal
        arguments = validate(call, operation, box.document)
        data, made, ruly = _ACTIONS[operation.action](Deed(call, operation, arguments, box, now_ms, rule, story))
        if rule.refuse is not None:
            raise rule.refuse.refusal
        reply = replies.success(data, operation, box.document, request_id, made, check=ruly)
    except Refusal as refusal:
        told = rule.refuse is not None and rule.refuse.slug == refusal.slug
        own = rule.refuse.message if told and rule.refuse is not None else None
        refused = None if told else Refused(refusal.slug, refusal.fields)
        reply = replies.refusal(refusal, call.operation, box.document, request_id, own)._replace(task=made)
    if rule is not PROCEED:
        reply = as_told(reply, rule, box)
    task = made or asked
    box.facts.add_call(call, reply, now_ms, task.id if task else "", refused)
    return reply


def admit(credential: Credential, wall_s: float, box: Sandbox) -> None:
    """Raise Refusal unless a call with this credential may enter this world. Clause: kling-facts 2.3, 3.4."""
    if box.settings.auth == "off":
        return
    if box.settings.auth == "lenient":
        auth.demand(credential)
        return
    auth.authenticate(
        credential,
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

Answer = tuple[Any, Task | None, bool]
"""What is told, the task that was made, and whether the document must agree with it."""


class Deed(NamedTuple):
    """An admitted, validated call about to be done."""

    call: Call
    operation: Operation
    arguments: Arguments
    box: Sandbox
    now_ms: int
    rule: Rule
    story: str


def _submit(deed: Deed) -> Answer:
    """Accept a task: references first, then the account's means, then it exists and costs."""
    box, arguments, document = deed.box, deed.arguments, deed.box.document
    if not document.choices["service"]:
        raise Refusal("retired")
    external_id = arguments.get("external_task_id")
    if external_id and box.facts.taken(external_id):
        raise Refusal("external_id_taken", value=external_id)
    for limit in document.choices["limits_order"]:
        _LIMITS[limit](deed)
    task = tasks.begin(
        deed.operation,
        arguments,
        box.plan(deed.rule.play),
        id=box.next_id(deed.now_ms),
        video_id=box.next_id(deed.now_ms),
        file_key=box.next_file_key(),
        base_url=box.settings.public_url or deed.call.base_url,
        created_ms=deed.now_ms,
        body=deed.call.body,
        story=deed.story,
        deliver=deed.rule.deliver,
        unruly=deed.rule.play is not None and _without_a_reason(deed.rule.play, document.lifecycle.failure),
    )
    box.facts.add_task(task, doubtful=deed.rule is not PROCEED and _ambiguous(deed.rule))
    return tasks.new(task, document), task, True


def _without_a_reason(stages: Stages, failure: str) -> bool:
    """Whether a story lets a task fail without saying why, which the document forbids."""
    return any(stage.status == failure and not stage.message for stage in stages)


def _ambiguous(rule: Rule) -> bool:
    """Whether the client cannot know from the answer that its task was accepted."""
    return (
        (rule.disrupt is not None and rule.disrupt.kind != "drip") or rule.refuse is not None or rule.reply is not None
    )


def _within_balance(deed: Deed) -> None:
    balance, units = deed.box.settings.balance, deed.operation.units
    if balance is None or units is None:
        return
    if deed.box.facts.units(deed.now_ms) + Decimal(units.at(deed.arguments)) > balance:
        raise Refusal("resource_pack_exhausted")


def _within_concurrency(deed: Deed) -> None:
    if not deed.box.facts.slots_to_spare(deed.box.concurrency, deed.now_ms):
        raise Refusal("too_many_parallel_tasks")


_LIMITS: Mapping[str, Callable[[Deed], None]] = {"balance": _within_balance, "concurrency": _within_concurrency}


def _read(deed: Deed) -> Answer:
    """One task by either id."""
    box, name = deed.box, deed.arguments["id"]
    task = box.facts.task(name)
    if task is None or not (box.document.choices["query_scope"] or task.product == deed.operation.product):
        raise Refusal("task_not_found", value=name)
    shown = _view(task, deed)
    box.facts.add_poll(task, deed.now_ms)
    return shown, None, not task.unruly


def _list(deed: Deed) -> Answer:
    """One page of the product's tasks, newest first."""
    count = deed.arguments["pageSize"]
    first = (deed.arguments["pageNum"] - 1) * count
    page = deed.box.facts.of_product(deed.operation.product, first, count)
    return [_view(task, deed) for task in page], None, not any(task.unruly for task in page)


def _view(task: Task, deed: Deed) -> dict[str, Any]:
    box = deed.box
    base_url = box.settings.public_url or deed.call.base_url
    mark = timeline.at(box.facts.timeline(task), deed.now_ms)
    return tasks.view(task, mark, base_url, box.document.lifecycle)


def _costs(deed: Deed) -> Answer:
    """The account's packs: none while its balance is unlimited. Clause: kling-facts 6.3."""
    box, pack, balance = deed.box, deed.operation.pack, deed.box.settings.balance
    packs = []
    if pack and balance is not None and deed.arguments.get("resource_pack_name", pack["name"]) == pack["name"]:
        left = balance - box.facts.units(deed.now_ms)
        packs.append(ledger.pack(pack, box.pack_id, balance, left, box.born_ms))
    return {"code": box.document.ok.code, "msg": "success", "resource_pack_subscribe_infos": packs}, None, True


_ACTIONS: Mapping[str, Callable[[Deed], Answer]] = {"submit": _submit, "read": _read, "list": _list, "costs": _costs}
