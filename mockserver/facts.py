"""The append-only memory of a sandbox: tasks, calls, polls, a person's moves, delivery attempts.

Only `add_…` and look-ups. Beside the facts stand indexes that make frequent questions cheap (timelines, unfinished tasks,
units charged); each can be rebuilt from the facts alone.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice

from mockserver import journal, ledger, timeline
from mockserver.api import Lifecycle
from mockserver.journal import Entry, Refused
from mockserver.scenario import Tally
from mockserver.timeline import Mark, Timeline
from mockserver.values import Attempt, Call, Delivery, Reply, Task


class Facts:
    """Everything that happened in one sandbox since it was made or reset."""

    def __init__(self, lifecycle: Lifecycle, journal_size: int) -> None:
        self._lifecycle = lifecycle
        self.tasks: dict[str, Task] = {}
        self.calls: deque[Entry] = deque(maxlen=journal_size)
        self.calls_made = 0
        self.attempts: defaultdict[str, list[Attempt]] = defaultdict(list)
        self._polls: defaultdict[str, list[int]] = defaultdict(list)
        self._moves: defaultdict[str, list[Mark]] = defaultdict(list)
        self._by_external_id: dict[str, Task] = {}
        self._by_product: defaultdict[str, list[Task]] = defaultdict(list)
        self._by_file_key: dict[str, Task] = {}
        self._timelines: dict[str, Timeline] = {}
        self._unfinished: dict[str, Task] = {}
        self._charged = Decimal(0)
        self._doubtful: set[str] = set()
        self.resends: defaultdict[str, list[Delivery]] = defaultdict(list)
        self._tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)

    # -- adding

    def add_task(self, task: Task, *, doubtful: bool = False) -> None:
        """Remember an accepted task; `doubtful` if its client may not know that it was."""
        if doubtful:
            self._doubtful.add(task.id)
        self.tasks[task.id] = self._unfinished[task.id] = task
        self._by_product[task.product].append(task)
        if task.external_id:
            self._by_external_id[task.external_id] = task

    def add_call(self, call: Call, reply: Reply, at_ms: int, task_id: str = "", refused: Refused | None = None) -> None:
        """Write a call into the journal."""
        self.calls_made += 1
        self.calls.append(journal.entry(self.calls_made, at_ms, call, reply, task_id=task_id, refused=refused))

    def add_doubt(self, task_id: str) -> None:
        """Remember that the answer to a create never arrived."""
        self._doubtful.add(task_id)

    def add_resend(self, delivery: Delivery) -> None:
        """Remember that a person wants a callback sent once more."""
        self.resends[delivery.task_id].append(delivery)

    def add_poll(self, task: Task, at_ms: int) -> None:
        """Remember that someone asked for this task; only plans that count polls are moved by it."""
        if any(step.polls is not None for step in task.plan):
            self._polls[task.id].append(at_ms)
            self._unfold(task)

    def add_move(self, task: Task, move: Mark) -> None:
        """Remember that a person moved the task on."""
        self._moves[task.id].append(move)
        self._unfinished.setdefault(task.id, task)
        self._unfold(task)

    def add_attempt(self, attempt: Attempt) -> None:
        """Remember a callback tried."""
        self.attempts[attempt.delivery_id].append(attempt)

    def _unfold(self, task: Task) -> Timeline:
        """The marks anew from the facts; kept until a fact changes them."""
        marks = timeline.unfold(task.plan, task.created_ms, self._polls.get(task.id, ()), self._moves.get(task.id, ()))
        self._timelines[task.id] = marks
        return marks

    # -- looking up

    @property
    def evicted(self) -> int:
        """How many calls the journal has forgotten."""
        return self.calls_made - len(self.calls)

    def task(self, name: str) -> Task | None:
        """A task by its id, else by its external id."""
        return self.tasks.get(name) or self._by_external_id.get(name)

    def taken(self, external_id: str) -> bool:
        """Whether a task has this external id."""
        return external_id in self._by_external_id

    def of_product(self, product: str, first: int, count: int) -> Sequence[Task]:
        """Up to `count` tasks of a product, newest first, after skipping `first`."""
        tasks = self._by_product.get(product, ())
        end = len(tasks) - first
        return tasks[max(end - count, 0) : end][::-1] if end > 0 else ()

    def with_file_key(self, file_key: str) -> Task | None:
        """The task whose links carry this key."""
        # most tasks' files are never asked for, so the index follows late
        new = len(self.tasks) - len(self._by_file_key)
        self._by_file_key |= {task.file_key: task for task in islice(reversed(self.tasks.values()), new)}
        return self._by_file_key.get(file_key)

    def timeline(self, task: Task) -> Timeline:
        """The task's marks as far as they are known."""
        marks = self._timelines.get(task.id)
        return self._unfold(task) if marks is None else marks

    def slots_to_spare(self, limit: int, now_ms: int) -> bool:
        """Whether fewer tasks than `limit` hold a slot; nobody is looked at while even all that might could not fill it."""
        return len(self._unfinished) < limit or len(self.unfinished(now_ms)) < limit

    def unfinished(self, now_ms: int) -> Sequence[Task]:
        """Tasks that hold a slot now. Those that ended leave the index here, their units charged."""
        for task in list(self._unfinished.values()):
            state = ledger.state(self.timeline(task), now_ms, self._lifecycle)
            if state != ledger.RESERVED:
                del self._unfinished[task.id]
                if state == ledger.CHARGED:
                    self._charged += Decimal(task.units)
        return list(self._unfinished.values())

    def tally(self, story: str, task_id: str = "") -> Tally:
        """How often each rule of a story was about a call; a task under a magic word has a tally of its own."""
        return self._tallies[story, task_id]

    def rules_used(self, story: str) -> set[str]:
        """The places of a story's rules that have decided a call."""
        return {place for (name, _), tally in self._tallies.items() if name == story for place in tally.used}

    def forget_tallies(self) -> None:
        """Begin to count anew, for a new story."""
        self._tallies.clear()

    def duplicates(self) -> list[tuple[Task, Task]]:
        """Pairs of an accepted task whose client may not have known it, and a later one for the same request."""
        return [
            (first, later)
            for first in (self.tasks[id] for id in self._doubtful if id in self.tasks)
            for later in self._by_product[first.product]
            if int(later.id) > int(first.id) and _same_request(first, later)
        ]

    def units(self, now_ms: int) -> Decimal:
        """Units reserved and charged so far."""
        reserved = sum((Decimal(task.units) for task in self.unfinished(now_ms)), Decimal(0))
        return self._charged + reserved


_OWN_TO_AN_ATTEMPT = ("external_task_id", "callback_url")


def _same_request(first: Task, later: Task) -> bool:
    """Whether both ask for the same, to the byte or but for what a client makes anew for each attempt."""
    if first.digest and first.digest == later.digest:
        return True
    return first.images == later.images and len(first.images) == first.image_count and _wish(first) == _wish(later)


def _wish(task: Task) -> dict[str, object]:
    return {name: value for name, value in task.arguments.items() if name not in _OWN_TO_AN_ATTEMPT}
