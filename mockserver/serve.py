"""One call, start to finish: who asks, how we mean to answer, what is asked, the deed, the envelope.

Synchronous and without I/O: two calls cannot interleave, so nothing here needs a lock.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from mockserver import auth, ledger, replies, tasks
from mockserver.refusals import Refusal
from mockserver.sandbox import Sandbox
from mockserver.validation import Arguments, validate
from mockserver.values import Call, Reply, Task


def serve(call: Call, box: Sandbox) -> Reply:
    """Answer a call and remember it. Raises WrongReply if our own answer breaks the document."""
    now_ms = box.clock.now_ms()
    request_id = box.next_request_id()
    try:
        admit(call.authorization, call.wall_s, box)
        operation = _operation(call)
        arguments = validate(call, operation, box.document)
        data, task = _ACTIONS[operation.action](call, arguments, box, now_ms)
        reply = replies.success(data, operation, box.document, request_id, task)
    except Refusal as refusal:
        reply = replies.refusal(refusal, call.operation, box.document, request_id)
    box.facts.add_call(call, reply, now_ms, reply.task.id if reply.task else "")
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
        wall_s=wall_s,
        kinds=box.document.choices["credentials"],
        leeway_s=box.document.choices["token_leeway_s"],
    )


def _operation(call: Call) -> Any:
    if call.operation is None:
        raise Refusal("invalid_method" if call.known_path else "resource_not_found")
    return call.operation


Answer = tuple[Any, Task | None]


def _submit(call: Call, arguments: Arguments, box: Sandbox, now_ms: int) -> Answer:
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
    task = tasks.begin(
        call.operation,
        arguments,
        tasks.calm_plan(box.document.lifecycle, box.settings.pace, box.lengths),
        id=box.next_id(now_ms),
        video_id=box.next_id(now_ms),
        file_key=box.next_file_key(),
        base_url=box.settings.public_url or call.base_url,
        created_ms=now_ms,
        digest=call.body.digest,
        sights=call.body.sights,
    )
    box.facts.add_task(task)
    return tasks.new(task, box.document), task


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


def _read(call: Call, arguments: Arguments, box: Sandbox, now_ms: int) -> Answer:
    """One task by either id."""
    assert call.operation is not None
    task = box.facts.task(arguments["id"])
    if task is None or not (box.document.choices["query_scope"] or task.product == call.operation.product):
        raise Refusal("task_not_found", value=arguments["id"])
    shown = _view(task, call, box, now_ms)
    box.facts.add_poll(task, now_ms)
    return shown, None


def _list(call: Call, arguments: Arguments, box: Sandbox, now_ms: int) -> Answer:
    """One page of the product's tasks, newest first."""
    assert call.operation is not None
    count = arguments["pageSize"]
    first = (arguments["pageNum"] - 1) * count
    page = box.facts.of_product(call.operation.product, first, count)
    return [_view(task, call, box, now_ms) for task in page], None


def _view(task: Task, call: Call, box: Sandbox, now_ms: int) -> dict[str, Any]:
    base_url = box.settings.public_url or call.base_url
    return tasks.view(task, box.facts.timeline(task), now_ms, base_url, box.document.lifecycle)


def _costs(call: Call, arguments: Arguments, box: Sandbox, now_ms: int) -> Answer:
    """The account's packs: none while its balance is unlimited. Clause: kling-facts 6.3."""
    assert call.operation is not None
    pack, balance = call.operation.pack, box.settings.balance
    packs = []
    if pack and balance is not None and arguments.get("resource_pack_name", pack["name"]) == pack["name"]:
        packs.append(ledger.pack(pack, box.pack_id, balance, balance - box.facts.units(now_ms), box.born_ms))
    return {"code": box.document.ok.code, "msg": "success", "resource_pack_subscribe_infos": packs}, None


_ACTIONS: Mapping[str, Callable[[Call, Arguments, Sandbox, int], Answer]] = {
    "submit": _submit,
    "read": _read,
    "list": _list,
    "costs": _costs,
}
