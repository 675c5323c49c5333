"""What a create call must take."""

from collections.abc import Iterator

from contracts.suite import bodies
from contracts.suite.accounts import Body
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import NotShown
from contracts.suite.judging import accepted
from contracts.suite.lives import BRIM, HOLLOW, ODD
from contracts.suite.registry import promise
from contracts.suite.stage import Stage


def _tried(stage: Stage) -> Iterator[tuple[str, Exchange]]:
    yield from stage.cohort.refused
    yield from ((life.name, life.born) for life in stage.cohort.lives)


def _taken(stage: Stage, *names: str, why: str) -> None:
    """The watched tasks of these names were accepted. Raises NotShown when none was tried."""
    tried = [exchange for name, exchange in _tried(stage) if name in names]
    if not tried:
        raise NotShown(stage.cohort.reason or "no such task was tried")
    for exchange in tried:
        accepted(exchange, stage.paper, why)


@promise("#/paths/~1v1~1videos~1multi-image2video/post/requestBody/content/application~1json/schema", costs=True)
def what_the_document_allows_is_accepted(stage: Stage) -> None:
    """Every mode, length and ratio there is becomes a task."""
    special = (ODD, HOLLOW, BRIM)
    names = [name for name, _ in _tried(stage) if name not in special]
    _taken(stage, *names, why="the document allows this body")


@promise("#/paths/~1v1~1videos~1multi-image2video/post/x-kling-units", costs=True)
def every_combination_of_words_is_accepted(stage: Stage) -> None:
    """Whatever has a price can be asked for in every shape, and what is left out has its default."""
    account = stage.spacious
    if account is stage.account:
        raise NotShown("takes an account with room for many tasks")
    for body in bodies.priced(stage.paper, sparse=True):
        accepted(stage.settled(account, body), stage.paper, "it has a price")


@promise(
    "#/paths/~1v1~1videos~1multi-image2video/post/requestBody/content/application~1json/schema/description", costs=True
)
def unknown_fields_are_ignored(stage: Stage) -> None:
    """Fields the document does not know do no harm."""
    _taken(stage, ODD, why="unknown fields are ignored")


@promise(
    "#/paths/~1v1~1videos~1multi-image2video/post/requestBody/content/application~1json/schema/description", costs=True
)
def optional_fields_may_be_null_or_empty(stage: Stage) -> None:
    """Null and empty text count as not given."""
    _taken(stage, HOLLOW, why="null and empty text count as not given")


@promise("#/paths/~1v1~1videos~1multi-image2video/post/requestBody/content", costs=True)
def a_create_may_name_its_charset(stage: Stage) -> None:
    """`application/json; charset=utf-8`, as many HTTP clients write it unasked."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    exchange = stage.settled(stage.account, bodies.sound(), headers=headers)
    accepted(exchange, stage.paper, "JSON with its charset is JSON")


@promise("#/components/schemas/Prompt/maxLength", costs=True)
def texts_and_lists_may_be_as_long_as_the_document_says(stage: Stage) -> None:
    """The border itself is inside."""
    _taken(stage, BRIM, why="the longest allowed is allowed")


@promise("#/paths/~1v1~1videos~1multi-image2video/post/requestBody/content/application~1json/schema", costs=True)
def any_valid_body_becomes_a_task(stage: Stage) -> None:
    """Bodies drawn from the document's own schema are accepted, and what they ask for is remembered."""
    account = stage.spacious

    def check(body: Body) -> None:
        named = {**body, "external_task_id": stage.name()} if body.get("external_task_id") else body
        accepted(stage.settled(account, named), stage.paper, "the body is drawn from the document's schema")

    try:
        stage.forall(bodies.valid(stage.paper), check, share=stage.generous)
    except NotShown as short:
        if not account.made:
            raise
        stage.note(f"fewer bodies were tried than wished: {short}")
