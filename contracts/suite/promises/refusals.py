"""What must be refused, and with which row of the error table; showing it costs nothing."""

from collections.abc import Iterable

from hypothesis import strategies as st

from contracts.suite import bodies
from contracts.suite.bodies import Breach
from contracts.suite.findings import Broken
from contracts.suite.judging import accepted, refused
from contracts.suite.registry import promise
from contracts.suite.stage import Stage

REQUEST = "#/paths/~1v1~1videos~1multi-image2video/post/requestBody/content/application~1json/schema"


def _refuses(stage: Stage, breaches: Iterable[Breach]) -> None:
    """Each of these, alone, makes a create fail as the document says, however little or much else is asked for."""
    for breach in breaches:
        for body in (bodies.sound(), bodies.rich(stage.paper)):
            exchange = stage.account.probe(breach.into(body))
            refused(exchange, stage.paper.verdicts(breach.situation), str(breach))


def _of(stage: Stage, *keywords: str) -> list[Breach]:
    return [breach for breach in bodies.breaches(stage.paper) if breach.keyword in keywords]


@promise(f"{REQUEST}/required")
def a_required_field_cannot_be_left_out(stage: Stage) -> None:
    """Nor be null, nor empty."""
    _refuses(stage, _of(stage, "required"))


@promise(f"{REQUEST}/properties/mode/enum")
def a_word_outside_its_enum_is_refused(stage: Stage) -> None:
    """Nothing is rounded to the nearest word."""
    _refuses(stage, _of(stage, "enum"))


@promise("#/x-kling-messages/keywords/type")
def a_value_of_another_type_is_refused(stage: Stage) -> None:
    """A number is no text, `"true"` is no boolean, an address is no list of images."""
    _refuses(stage, _of(stage, "type"))


@promise("#/components/schemas/Prompt/maxLength")
def a_text_beyond_its_length_is_refused(stage: Stage) -> None:
    """One character too many is too many; nothing is cut."""
    _refuses(stage, _of(stage, "maxLength"))


@promise(f"{REQUEST}/properties/image_list/maxItems")
def more_images_than_allowed_are_refused(stage: Stage) -> None:
    """One too many is too many."""
    _refuses(stage, _of(stage, "maxItems"))


@promise("#/x-kling-messages/situations/unreadable_body")
def a_body_that_is_no_json_is_refused(stage: Stage) -> None:
    """Broken JSON, and JSON that is no object."""
    for content in bodies.PITS:
        exchange = stage.account.probe(content)
        refused(exchange, stage.paper.verdicts("unreadable_body"), "the body is no JSON object")


@promise(REQUEST)
def a_nearly_valid_body_is_refused(stage: Stage) -> None:
    """Whatever else a body holds, one value over its border is enough."""
    breach = st.sampled_from(bodies.breaches(stage.paper))

    def check(pair: tuple[bodies.JSON, Breach]) -> None:
        body, wrong = pair
        body.pop("external_task_id", None)  # else a create that is wrongly accepted would make the next one right
        exchange = stage.account.probe(wrong.into(body))
        rows = {row for each in (wrong,) for row in stage.paper.verdicts(each.situation)}
        refused(exchange, sorted(rows, key=lambda row: row.code), str(wrong))

    stage.forall(st.tuples(bodies.valid(stage.paper), breach), check, share=4.0)


@promise("#/x-kling-errors/server_error")
def no_body_breaks_the_server(stage: Stage) -> None:
    """Whatever is sent, the answer is a refusal in the service's own words, never a breakdown."""
    parameters = [row for row in stage.paper.rows.values() if row.family == "parameters" and row.status == 400]

    def check(content: bytes) -> None:
        refused(stage.account.probe(content), parameters, "the body is no valid request")

    stage.forall(bodies.hostile(stage.paper), check)


@promise("#/components/parameters/PageSize/schema")
def a_page_outside_its_bounds_is_refused(stage: Stage) -> None:
    """Neither zero, nor beyond the highest, nor a word; nothing is clamped."""
    for parameter in stage.paper.the("list").parameters:
        least, most = parameter["schema"]["minimum"], parameter["schema"]["maximum"]
        for value in (least - 1, -most, most + 1, "many", "1.5"):
            exchange = stage.account.list({parameter["name"]: value})
            refused(exchange, stage.paper.verdicts("not_allowed"), f"{parameter['name']} lies in [{least}, {most}]")


@promise("#/components/parameters/PageSize/schema")
def a_page_at_its_bounds_is_answered(stage: Stage) -> None:
    """The borders themselves are inside, and what the document does not know is ignored."""
    for parameter in stage.paper.the("list").parameters:
        for value in (parameter["schema"]["minimum"], parameter["schema"]["maximum"]):
            accepted(stage.account.list({parameter["name"]: value}), stage.paper, "the border is inside")
    accepted(stage.account.list("unheard_of=1"), stage.paper, "unknown query words are ignored")


@promise("#/paths/~1account~1costs/get/parameters/0")
def costs_need_both_times(stage: Stage) -> None:
    """A span has a beginning and an end."""
    for query in ("start_time=0", "end_time=1", "", "start_time=yesterday&end_time=1"):
        refused(stage.account.costs(query), stage.paper.verdicts("missing"), "start_time and end_time are required")


@promise("#/x-kling-errors/invalid_method")
def a_wrong_method_is_refused(stage: Stage) -> None:
    """A path that takes GET does not take DELETE."""
    for path, node in stage.paper.raw["paths"].items():
        for method in ("DELETE", "PUT", "PATCH", "POST", "GET"):
            if method.lower() not in node:
                exchange = stage.account.call(method, path.replace("{id}", "1"))
                refused(exchange, [stage.paper.rows["invalid_method"]], "the path does not take this method")


@promise("#/x-kling-errors/invalid_method", costs=True)
def a_task_cannot_be_changed_or_deleted(stage: Stage) -> None:
    """Its path takes GET and nothing else, and whatever was tried, it is still there."""
    life = stage.lives[0]
    path = stage.paper.the("read").path.replace("{id}", str(life.id))
    for method in ("DELETE", "PUT", "PATCH", "POST"):
        exchange = stage.account.call(method, path, content=b"{}")
        refused(exchange, [stage.paper.rows["invalid_method"]], "the path does not take this method")
    accepted(stage.account.query(str(life.id)), stage.paper, "nobody can delete a task")


@promise("#/x-kling-errors/resource_not_found")
def an_unknown_path_is_not_found(stage: Stage) -> None:
    """404; the code is told where the answer is the service's own, a gateway may answer in its own words."""
    row = stage.paper.rows["resource_not_found"]
    for path in ("/v1/videos/no-such-product", "/v2/videos"):
        exchange = stage.account.call("GET", path)
        if exchange.status != row.status:
            raise Broken(row, exchange.said, exchange)
        if exchange.code is None:
            stage.note(f"an unknown path is answered by {exchange.media_type or 'nothing'} without a code")
        else:
            refused(exchange, [row, stage.paper.rows["invalid_method"]])


@promise("#/components/schemas/ExternalTaskId", costs=True)
def a_refused_create_does_not_take_its_external_id(stage: Stage) -> None:
    """Mended and sent again under the same name, it is accepted; early or late, whatever it was refused for."""
    name = stage.name()
    for mistake in ({"mode": "no such mode"}, {"image_list": [{"image": "no Base64!"}]}):
        stage.account.probe({**bodies.sound(), "external_task_id": name, **mistake})
    again = stage.settled(stage.account, {**bodies.sound(), "external_task_id": name})
    accepted(again, stage.paper, "the create that had this external id was refused")


@promise("#/components/schemas/Error")
def a_refused_create_leaves_no_trace(stage: Stage) -> None:
    """Its external id is still free, and no task stands in the list."""
    name = stage.name()
    before = len(stage.account.list({"pageSize": 100}).tasks)
    stage.account.probe({**bodies.wrong(), "external_task_id": name})
    refused(stage.account.query(name), stage.paper.verdicts("task_not_found"), "the create was refused")
    after = stage.account.list({"pageSize": 100})
    if len(after.tasks) != before:
        raise Broken(f"{before} tasks, as before the refused create", f"{len(after.tasks)} tasks", after)
