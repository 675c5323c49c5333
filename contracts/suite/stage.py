"""What a promise is given to be shown with: the document, accounts, time, a budget, lives to look at, examples to try."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import hypothesis
from hypothesis.strategies import SearchStrategy

from contracts.suite.accounts import Account, Body, Keys, Wire
from contracts.suite.budget import Budget, Deadline
from contracts.suite.control import Control
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import NotShown
from contracts.suite.lives import Cohort, Doom, Life
from contracts.suite.paper import Paper
from contracts.suite.passing import MovedTime, Passing, RealTime
from contracts.suite.postbox import Postbox
from contracts.suite.shrinking import Search, plainly
from contracts.suite.trust import trusted
from contracts.surroundings import AROUND
from contracts.tokens import ApiKey, KeyPair

T = TypeVar("T")

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was told."""

    url: str
    keys: Keys
    other: Keys | None = None
    """A second account, to see that none sees the other."""
    control: str = ""
    control_token: str = ""
    seed: int = 0
    max_examples: int = 20
    budget: Decimal = Decimal(100)
    safe: bool = False
    patience_s: float = 40.0
    """How long tasks are waited for, in real time."""
    time_s: float = 900.0
    """How long the whole run may take."""


class Stage:
    """One run against one service."""

    def __init__(self, options: Options, paper: Paper) -> None:
        self.options, self.paper = options, paper
        self.notes: list[str] = []
        self._closing = ExitStack()
        self.deadline = Deadline(options.time_s)
        self._wire = Wire(options.url.rstrip("/"), paper, self.deadline)
        self._budget = Budget(options.budget, safe=options.safe)
        self._control = Control(options.control, options.control_token) if options.control else None
        self._made = self._named = 0
        self._toured = False
        self.unique = f"{options.seed}-{int(AROUND.now() * 1000) % 10**9}"
        """Part of every external id: a run must not meet the names of an earlier one."""

    def knock(self) -> None:
        """See that someone is there. Raises Unreachable."""
        self.account.list({"pageSize": 1})

    # --- accounts -----------------------------------------------------------------------------------------------------

    @cached_property
    def account(self) -> Account:
        """The account that most promises are shown with: a sandbox of our own where one can be made."""
        return self._sandbox() or self._given(self.options.keys)

    def _given(self, keys: Keys) -> Account:
        return Account(self._wire, keys, self._passing(keys.name), self._budget)

    def _passing(self, name: str) -> Passing:
        if self._control is None:
            return RealTime()
        self._control.freeze(name)
        return MovedTime(self._control, name)

    def _sandbox(self, **settings: Any) -> Account | None:
        self._made += 1
        made = self._control.sandbox(seed=f"{self.options.seed}/{self._made}", **settings) if self._control else None
        if made is None or self._control is None:
            return None
        self._closing.callback(self._control.forget, made["access_key"])
        keys = Keys(KeyPair(made["access_key"], made["secret_key"]), ApiKey(made["api_key"]))
        budget = Budget(Decimal("Infinity"), safe=self.options.safe)  # a sandbox's units are nobody's
        return Account(self._wire, keys, MovedTime(self._control, made["access_key"]), budget)

    def fresh(self, **settings: Any) -> Account:
        """A new account of our own. Raises NotShown where none can be made."""
        account = self._sandbox(**settings)
        if account is None:
            raise NotShown("takes an account of its own, which only a double with --control can make")
        return account

    @cached_property
    def spacious(self) -> Account:
        """An account with room for many tasks, where one can be made; else the usual one."""
        return self._sandbox(concurrency=10_000) or self.account

    @property
    def generous(self) -> float:
        """How much of the examples may be creates that are accepted: few where they cost."""
        return 0.5 if self._control is not None else 0.15

    def settled(self, account: Account, body: Body, **settings: Any) -> Exchange:
        """A create that waits for a slot where it must."""
        full = self.paper.rows["too_many_parallel_tasks"].code
        exchange = account.create(body, **settings)
        for step in account.passing.steps(self.options.patience_s):
            if exchange.code != full:
                break
            account.passing.pass_ms(step)
            exchange = account.create(body, **settings)
        return exchange

    def name(self) -> str:
        """An external id that nobody has used."""
        self._named += 1
        return f"klingmock-{self.unique}-n{self._named}"

    @cached_property
    def stranger(self) -> Account:
        """Another account than `account`. Raises NotShown."""
        if self.options.other is not None:
            return self._given(self.options.other)
        account = self._sandbox()
        if account is None:
            raise NotShown("takes a second account: give --other-access-key and --other-secret-key, or --control")
        return account

    # --- evidence -----------------------------------------------------------------------------------------------------

    @property
    def exchanges(self) -> list[Exchange]:
        """All that was said so far."""
        return self._wire.exchanges

    @cached_property
    def letters(self) -> Postbox | None:
        """A receiver for callbacks, where the service is near enough to reach it."""
        if urlsplit(self.options.url).hostname not in LOOPBACK:
            return None
        return self._closing.enter_context(Postbox())

    @cached_property
    def cohort(self) -> Cohort:
        """A few tasks, watched until some time after their end."""
        cohort = Cohort(self.account, self.letters, self.unique)
        cohort.watch(self.options.patience_s, _Hand(self._control))
        return cohort

    @property
    def lives(self) -> list[Life]:
        """The watched tasks. Raises NotShown when there are none, Broken when a create was refused."""
        if self.cohort.refused and not self.cohort.lives:
            name, refused = self.cohort.refused[0]
            raise NotShown(f"no create was accepted; {name} got {refused.said}")
        if not self.cohort.lives:
            raise NotShown(self.cohort.reason or "no task could be made")
        return self.cohort.lives

    def ended(self, status: str = "") -> list[Life]:
        """The watched tasks that ended, as `status` if given. Raises NotShown when there are none."""
        found = [life for life in self.lives if life.final and (not status or life.ended_as(status))]
        if not found:
            end = f"ended as {status!r}" if status else f"ended within {self.options.patience_s:g} s"
            raise NotShown(f"no task {end}; a service that takes minutes needs --patience 900")
        return found

    @cached_property
    def fetcher(self) -> httpx.Client:
        """Fetches result files: without a credential, following no redirect, as plain clients do."""
        return self._closing.enter_context(httpx.Client(timeout=60, trust_env=False, verify=trusted()))

    def tour(self) -> None:
        """Have every operation answer once, well and badly, so that there is something to judge."""
        if self._toured:
            return
        self._toured = True
        account = self.account
        account.costs()
        account.list({"pageSize": 0})
        account.query("1")
        account.probe(b"{}")
        account.call("GET", self.paper.the("list").path, authorization=None)
        with suppress(NotShown):
            assert self.lives
        account.list()

    def note(self, text: str) -> None:
        """Remember something odd that is no breach."""
        if text not in self.notes:
            self.notes.append(text)

    # --- examples -----------------------------------------------------------------------------------------------------

    def examples(self, share: float = 0.0) -> int:
        """How many examples a property is tried with; of creates that are accepted, few where they cost."""
        return max(int(self.options.max_examples * (share or self.generous)), 3)

    @cached_property
    def quiet(self) -> hypothesis.settings:
        """Hypothesis as the suite wants it: silent, without memory or deadline."""
        return hypothesis.settings(
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
            report_multiple_bugs=False,
            verbosity=hypothesis.Verbosity.quiet,
        )

    def forall(self, examples: SearchStrategy[T], check: Callable[[T], None], *, share: float = 1.0) -> None:
        """Check many examples, the same for the same seed; a breach is shrunk. Raises Broken."""
        settings = hypothesis.settings(self.quiet, max_examples=self.examples(share))

        tried = Search().remembering(check)

        @hypothesis.seed(self.options.seed)
        @settings
        @hypothesis.given(examples)
        def run(example: T) -> None:
            tried(example)

        with plainly():
            run()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()
        self._wire.client.close()
        if self._control is not None:
            self._control.close()


@dataclass(slots=True)
class _Hand(Doom):
    """A person at the control plane, who can end a task."""

    control: Control | None = field(default=None)

    def __call__(self, account: Account, task_id: str) -> None:
        if self.control is not None:
            life = account.wire.paper.life
            message = next(iter(life["failures"].values()))
            self.control.end(account.keys.name, task_id, life["failure"], message)
