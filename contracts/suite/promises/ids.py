"""Names of tasks: the service's own, and the caller's."""

from hypothesis import strategies as st

from contracts.suite import bodies
from contracts.suite.findings import Broken, NotShown
from contracts.suite.judging import accepted, fits, refused
from contracts.suite.lives import Life
from contracts.suite.registry import promise
from contracts.suite.stage import Stage


@promise("#/components/schemas/TaskId", costs=True)
def task_ids_are_digit_strings(stage: Stage) -> None:
    """A snowflake is larger than a double can hold, so it is text, of digits."""
    for life in stage.lives:
        for seen in life.seen:
            fits(seen.task.get("task_id"), stage.paper.tolerant("#/components/schemas/TaskId"), "task_id", seen)


@promise("#/components/schemas/TaskId", costs=True)
def no_two_tasks_share_an_id(stage: Stage) -> None:
    """Every accepted create makes a task of its own, also when it is sent twice."""
    stage.settled(stage.account, stage.lives[0].body)
    met: dict[str, object] = {}
    for _, born in stage.account.made:
        id = str(born.task.get("task_id"))
        if id in met:
            raise Broken("an id for every task", f"{id} twice", born)
        met[id] = born


@promise("#/paths/~1v1~1videos~1multi-image2video~1{id}/get", costs=True)
def a_query_is_about_the_task_that_was_asked_for(stage: Stage) -> None:
    """At once after the create, and for ever."""
    for life in stage.lives:
        for look in life.looks:
            accepted(look, stage.paper, "the task exists")
            if look.task.get("task_id") != life.id:
                raise Broken(f"the task {life.id}", f"the task {look.task.get('task_id')}", look)


@promise("#/components/schemas/TaskInfo", costs=True)
def an_external_id_is_repeated(stage: Stage) -> None:
    """Queries tell the caller's own name of a task, and none where none was given."""
    for life in stage.lives:
        for look in (seen for seen in life.seen if seen is not life.born or seen.task.get("task_info") is not None):
            info = look.task.get("task_info")
            told = info.get("external_task_id") if isinstance(info, dict) else None
            if (told or "") != life.external_id:
                wish = repr(life.external_id) if life.external_id else "no external id, for none was given"
                raise Broken(f"task_info.external_task_id: {wish}", f"task_info: {info!r}", look)


@promise("#/components/parameters/Id", costs=True)
def a_task_is_found_by_its_external_id(stage: Stage) -> None:
    """The same path takes either name, whatever letters it is made of."""
    for life in _named(stage):
        look = stage.account.query(life.external_id)
        accepted(look, stage.paper, f"{life.external_id!r} is the external id of {life.id}")
        if look.task.get("task_id") != life.id:
            raise Broken(f"the task {life.id}", f"the task {look.task.get('task_id')}", look)


@promise("#/components/parameters/Id", costs=True)
def an_external_id_may_be_any_text(stage: Stage) -> None:
    """Long, or of any letters: what was accepted is repeated and found. A service may refuse what is too long for it."""
    account = stage.spacious
    for name in (f"{stage.name()} é 犬 🎬", f"{stage.name()} {'long ' * 40}end"):
        born = stage.settled(account, {**bodies.sound(), "external_task_id": name})
        if not born.accepted:
            raise NotShown(f"{name!r} was not taken as an external id: {born.said}")
        look = account.query(name)
        accepted(look, stage.paper, f"{name!r} is the external id of {born.task.get('task_id')}")
        told = (look.task.get("task_id"), (look.task.get("task_info") or {}).get("external_task_id"))
        if told != (born.task.get("task_id"), name):
            raise Broken(f"the task {born.task.get('task_id')} with the external id {name!r}", str(told), look)


@promise("#/components/parameters/Id", costs=True)
def an_external_id_in_other_letters_is_another(stage: Stage) -> None:
    """What differs, if only in capitals, finds nothing, and serves for another task."""
    life = _named(stage)[0]
    other = life.external_id.swapcase()
    refused(stage.account.query(other), stage.paper.verdicts("task_not_found"), f"{life.external_id!r} is another id")
    born = stage.settled(stage.account, {**bodies.sound(), "external_task_id": other})
    accepted(born, stage.paper, f"{life.external_id!r} is another id")


@promise("#/x-kling-messages/situations/external_id_taken", costs=True)
def an_external_id_serves_only_once(stage: Stage) -> None:
    """A second create with it is refused, be it another or the very same; not even when the first has ended."""
    for life in _named(stage)[:2]:
        stage.account.budget.afford(stage.paper.units({}))
        for body in ({**bodies.sound(), "external_task_id": life.external_id}, life.body):
            exchange = stage.account.probe(body)
            refused(exchange, stage.paper.verdicts("external_id_taken"), f"{life.external_id!r} is taken")


@promise("#/x-kling-messages/situations/task_not_found")
def an_unknown_id_is_refused(stage: Stage) -> None:
    """No id that nobody gave finds anything, however it is spelt."""
    known = st.sampled_from(["1", "0", "866889456698785798", "9" * 19, "Task", "a b", "-1", "null", "undefined"])
    letters = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/?#%\\")  # gateways unquote these
    odd = st.text(letters, min_size=1, max_size=30).map(lambda text: f"no {text}")

    def check(id: str) -> None:
        refused(stage.account.query(id), stage.paper.verdicts("task_not_found"), "no task has this id")

    for id in ("1", "866889456698785798"):
        check(id)
    stage.forall(st.one_of(known, odd), check)


def _named(stage: Stage) -> list[Life]:
    named = [life for life in stage.lives if life.external_id]
    if not named:
        raise NotShown("no task with an external id could be made")
    return named
