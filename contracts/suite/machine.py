"""Many tasks at once beside a simple model: a Hypothesis machine that creates, asks, lists and waits in any order.

The model is what a careful client would note down of each task. The service may be ahead of it (time passes), never
behind it. In a sandbox of its own the machine also knows how many slots are free.
"""

from dataclasses import dataclass, field
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from contracts.suite import bodies
from contracts.suite.accounts import Account, Body
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken, NotShown
from contracts.suite.judging import accepted, difference, plain, refused
from contracts.suite.lives import status_of
from contracts.suite.outcome import as_asked_for
from contracts.suite.shrinking import Search, plainly, remembered
from contracts.suite.stage import Stage

SLOTS = 4
STEPS = {True: 30, False: 12}
"""How long each story is, where time is moved by hand and where it has to be waited for."""


@dataclass(slots=True)
class Known:
    """What a client knows of a task."""

    body: Body
    id: str
    created_at: Any
    updated_at: Any
    status: str
    final: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its external id; empty if it has none."""
        return str(self.body.get("external_task_id") or "")


class Tasks(RuleBasedStateMachine):
    """One account, many tasks."""

    stage: Stage
    search: Search

    def __init__(self) -> None:
        super().__init__()
        self.search.go_on()
        self.counted = True
        try:
            self.account: Account = self.stage.fresh(concurrency=SLOTS)
        except NotShown:
            self.account, self.counted = self.stage.account, False
        self.tasks: list[Known] = []
        self.paper = self.stage.paper

    @rule(data=st.data(), named=st.booleans())
    @remembered
    def create(self, data: st.DataObject, named: bool) -> None:
        """A valid body becomes a task, or is told that the slots are full."""
        body = {**data.draw(bodies.valid(self.paper)), "external_task_id": self.stage.name() if named else ""}
        full = self.counted and self._unfinished() >= SLOTS
        try:
            born = self.account.create(body)
        except NotShown:
            return
        if full:
            refused(born, [self.paper.rows["too_many_parallel_tasks"]], f"{SLOTS} tasks are unfinished")
        elif self.counted or born.accepted:
            self._note(body, born)

    def _note(self, body: Body, born: Exchange) -> None:
        accepted(born, self.paper, "the body is valid and a slot is free", affordable=self.counted)
        task = born.task
        if any(known.id == task["task_id"] for known in self.tasks):
            raise Broken("an id that no other task has", task["task_id"], born)
        times = task["created_at"], task["updated_at"]
        self.tasks.append(Known(body, task["task_id"], *times, self.paper.life["initial"]))

    def _unfinished(self) -> int:
        return sum(status_of(self._look(known).task) not in self.paper.ends for known in self.tasks)

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    @remembered
    def ask(self, data: st.DataObject) -> None:
        """A query, by either name, tells what is known or what may follow from it."""
        known = data.draw(st.sampled_from(self.tasks))
        self._look(known, by_name=bool(known.name) and data.draw(st.booleans()))

    def _look(self, known: Known, *, by_name: bool = False) -> Exchange:
        look = self.account.query(known.name if by_name else known.id)
        accepted(look, self.paper, "the task exists", affordable=True)
        self._compare(known, look.task, look)
        return look

    def _compare(self, known: Known, task: dict[str, Any], shown: Exchange) -> None:
        told = ((task.get("task_info") or {}).get("external_task_id") or "", task["task_id"], task["created_at"])
        if told != (known.name, known.id, known.created_at):
            raise Broken(f"{known.name!r}, {known.id}, born {known.created_at}", told, shown)
        if task["task_status"] not in self.paper.reachable[known.status]:
            raise Broken(f"a step onward from {known.status}", task["task_status"], shown)
        if task["updated_at"] < known.updated_at:
            raise Broken(f"updated_at not before {known.updated_at}", task["updated_at"], shown)
        if known.final and (changed := difference(known.final, plain(task))):
            raise Broken("the task as it was at its end", changed, shown)
        as_asked_for(self.paper, known.body, task, shown)
        known.status, known.updated_at = task["task_status"], task["updated_at"]
        if known.status in self.paper.ends:
            known.final = plain(task)

    @precondition(lambda self: self.tasks)
    @rule(number=st.integers(1, 3), size=st.integers(1, 4))
    @remembered
    def list(self, number: int, size: int) -> None:
        """Pages are slices of one list, which holds every task as queries tell it."""
        whole = self.account.list({"pageSize": 500})
        page = self.account.list({"pageNum": number, "pageSize": size})
        listed = [str(task.get("task_id")) for task in whole.tasks]
        cut = listed[(number - 1) * size : number * size]
        if [task.get("task_id") for task in page.tasks] != cut:
            raise Broken(f"page {number} of {size}: {', '.join(cut)}", page.said, page)
        for known in self.tasks:
            if listed.count(known.id) != 1:
                raise Broken(f"{known.id} once", f"{listed.count(known.id)} times", whole)
            self._compare(known, whole.tasks[listed.index(known.id)], whole)

    @precondition(lambda self: any(known.name for known in self.tasks))
    @rule(data=st.data())
    @remembered
    def repeat(self, data: st.DataObject) -> None:
        """A name serves once."""
        known = data.draw(st.sampled_from([known for known in self.tasks if known.name]))
        again = self.account.probe({**bodies.sound(), "external_task_id": known.name})
        refused(again, self.paper.verdicts("external_id_taken"), f"{known.name!r} is taken")

    @rule(data=st.data())
    @remembered
    def blunder(self, data: st.DataObject) -> None:
        """A wrong body is refused, full slots or not."""
        wrong = data.draw(st.sampled_from(bodies.breaches(self.paper)))
        exchange = self.account.probe(wrong.into(bodies.sound()))
        refused(exchange, self.paper.verdicts(wrong.situation), str(wrong))

    @rule(ms=st.sampled_from([100, 700, 1500, 4000]))
    @remembered
    def wait(self, ms: int) -> None:
        """Time passes."""
        self.account.passing.pass_ms(ms if self.counted else min(ms, 400))


def live(stage: Stage) -> None:
    """Let the machine run. Raises Broken."""
    machine = type("Tasks", (Tasks,), {"stage": stage, "search": Search()})
    hypothesis.seed(stage.options.seed)(machine)
    exact = stage.account.passing.exact
    shrinking = (hypothesis.Phase.shrink,) if exact else ()
    settings = hypothesis.settings(
        stage.quiet,
        max_examples=stage.options.max_examples if exact else 2,
        stateful_step_count=STEPS[exact],
        phases=(hypothesis.Phase.generate, *shrinking),
    )
    with plainly():
        run_state_machine_as_test(machine, settings=settings)
