"""The paper every answer is wrapped in; judged last, by all that was said in the run."""

from collections.abc import Iterator

from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken, NotShown
from contracts.suite.judging import fits
from contracts.suite.registry import promise
from contracts.suite.stage import Stage

GATEWAYS_OWN = frozenset({400, 404, 405, 408, 413, 414, 415, 431, 501})
"""What may come from the HTTP server itself, before the service is asked: of hostile calls and unknown paths."""


def _said(stage: Stage) -> list[Exchange]:
    """All replies of the service itself, a round of its usual ones among them."""
    stage.tour()
    return [exchange for exchange in stage.exchanges if not _of_the_gateway(exchange)]


def _of_the_gateway(exchange: Exchange) -> bool:
    return exchange.content is None and not exchange.action and exchange.status in GATEWAYS_OWN


def _successes(stage: Stage, action: str) -> Iterator[Exchange]:
    found = [exchange for exchange in _said(stage) if exchange.action == action and 200 <= exchange.status < 300]
    if not found:
        raise NotShown("no such call succeeded")
    return iter(found)


@promise("#/components/schemas/Error")
def every_reply_is_a_json_object(stage: Stage) -> None:
    """And says so: content-type application/json, whatever its charset."""
    for exchange in _said(stage):
        if not isinstance(exchange.content, dict):
            raise Broken("a JSON object", exchange.said, exchange)
        if exchange.media_type != "application/json":
            raise Broken("content-type: application/json", exchange.headers.get("content-type"), exchange)


@promise("#/components/schemas/Error/required")
def every_reply_has_a_code_a_message_and_a_request_id(stage: Stage) -> None:
    """A number and two texts, on success and on refusal."""
    for exchange in _said(stage):
        content = exchange.content if isinstance(exchange.content, dict) else {}
        for name, kind in (("code", int), ("message", str), ("request_id", str)):
            if type(content.get(name)) is not kind:
                wish = "an integer" if kind is int else "a text"
                raise Broken(f"{name}: {wish}", repr(content[name]) if name in content else "nothing", exchange)


@promise("#/components/schemas/RequestId")
def request_ids_are_uuids(stage: Stage) -> None:
    """As the service itself makes them."""
    schema = stage.paper.tolerant("#/components/schemas/RequestId")
    for exchange in _said(stage):
        if isinstance(exchange.content, dict):
            fits(exchange.content.get("request_id"), schema, "request_id", exchange)


@promise("#/components/schemas/RequestId")
def no_two_replies_share_a_request_id(stage: Stage) -> None:
    """It names one request, for tracing."""
    met: set[str] = set()
    for exchange in _said(stage):
        id = str(exchange.content.get("request_id")) if isinstance(exchange.content, dict) else ""
        if id in met:
            raise Broken("a request_id of its own", f"{id} again", exchange)
        met |= {id} - {"", "None"}


@promise("#/x-kling-errors/ok")
def success_is_http_200_with_code_0(stage: Stage) -> None:
    """Neither goes without the other; 201 and 202 are no success of this API."""
    ok = stage.paper.rows["ok"]
    for exchange in _said(stage):
        if (exchange.status == ok.status) != (exchange.code == ok.code) or 200 < exchange.status < 400:
            raise Broken(f"{ok}, or neither", exchange.said, exchange)


@promise("#/x-kling-errors")
def every_error_code_comes_with_its_http_status(stage: Stage) -> None:
    """As the error table has them; and no other codes."""
    for exchange in _said(stage):
        row = stage.paper.by_code.get(exchange.code) if isinstance(exchange.code, int) else None
        if exchange.status >= 400 and row is None:
            raise Broken("a code of the error table", exchange.said, exchange)
        if row is not None and exchange.status != row.status:
            raise Broken(row, exchange.said, exchange)


@promise("#/components/schemas/Error")
def refusals_carry_no_data(stage: Stage) -> None:
    """Three keys and no more: not even `data: null`."""
    for exchange in _said(stage):
        if exchange.status >= 400 and isinstance(exchange.content, dict):
            if "data" in exchange.content:
                raise Broken("no data in a refusal", exchange.said, exchange)
            if more := exchange.content.keys() - {"code", "message", "request_id"}:
                stage.note(f"refusals carry undocumented keys: {', '.join(sorted(more))}")


@promise("#/x-kling-errors/server_error")
def the_server_never_breaks_down(stage: Stage) -> None:
    """No call of this run was answered by a 5xx."""
    for exchange in _said(stage):
        if exchange.status >= 500:
            raise Broken("no 5xx", exchange.said, exchange)


def _shaped(stage: Stage, action: str) -> None:
    schema = stage.paper.tolerant(f"#/paths/{_escaped(stage, action)}/responses/200/content/application~1json/schema")
    for exchange in _successes(stage, action):
        fits(exchange.content, schema, "body", exchange)
        _note_unknown(stage, exchange, action)


def _escaped(stage: Stage, action: str) -> str:
    operation = stage.paper.the(action)
    return f"{operation.path.replace('~', '~0').replace('/', '~1')}/{operation.method.lower()}"


def _note_unknown(stage: Stage, exchange: Exchange, action: str) -> None:
    known = {"code", "message", "request_id", "data"}
    if more := exchange.content.keys() - known:
        stage.note(f"replies to {action} carry undocumented keys: {', '.join(sorted(more))}")


@promise("#/components/schemas/TaskCreated", costs=True)
def a_create_is_answered_with_the_new_task(stage: Stage) -> None:
    """Its id, status and times."""
    _shaped(stage, "submit")


@promise("#/components/schemas/TaskFound", costs=True)
def a_query_is_answered_with_the_task(stage: Stage) -> None:
    """In the shape of the page."""
    _shaped(stage, "read")


@promise("#/components/schemas/TasksListed")
def a_list_is_answered_with_a_bare_array(stage: Stage) -> None:
    """`data` is the array of tasks itself, without totals."""
    _shaped(stage, "list")


@promise("#/components/schemas/Costs")
def costs_are_answered_with_an_envelope_within_the_envelope(stage: Stage) -> None:
    """A second code inside `data`, beside the packs."""
    _shaped(stage, "costs")
