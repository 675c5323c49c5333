"""One account's private world: credentials, clock, ids, randomness, facts. No world ever sees another."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mockserver import ids, scenario, timeline
from mockserver.api import Document
from mockserver.clock import Clock
from mockserver.facts import Facts
from mockserver.ids import Snowflakes
from mockserver.inbox import Inbox
from mockserver.scenario import MAGIC, Circumstances, Rule, Scenario
from mockserver.stories import Library
from mockserver.timeline import Plan, Stages
from mockserver.values import Account, Task

_MAX_INBOXES = 1000  # the oldest is given up for another
_NO_CHANCE = ids.stream("", "nothing is drawn from it")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a world behaves, beyond what the document says."""

    seed: str
    pace: str
    auth: str = "strict"  # strict | lenient | off
    concurrency: int | None = None  # unfinished tasks at once; None: the document's
    balance: Decimal | None = None  # units; None: unlimited
    journal: int = 10_000  # calls kept
    public_url: str = ""  # what links begin with; empty: the Host of the call
    webhook_secret: str = ""  # signs callbacks when set
    headers: bool = True  # whether replies decided by a rule say so


class Sandbox:
    """A world: pure memory and a clock. Everything that happens to it happens through `serve`, `courier` or `control`."""

    def __init__(
        self, account: Account, document: Document, clock: Clock, settings: Settings, library: Library, story: Scenario
    ) -> None:
        self.account = account
        self.document = document
        self.clock = clock
        self.settings = settings
        self.library = library
        self.scenario = story
        seed = f"{settings.seed}/{account.access_key}"
        self._request_ids = ids.stream(seed, "request ids")
        self._file_keys = ids.stream(seed, "file keys")
        self.born_ms = clock.now_ms()
        self.pack_id = ids.file_key(ids.stream(seed, "pack"))
        self._calm_stages = document.lifecycle.paces[settings.pace]
        self._calm_plan = timeline.draw(self._calm_stages, _NO_CHANCE) if timeline.even(self._calm_stages) else None
        self._lengths = ids.stream(seed, "lengths")
        self.noise = ids.stream(seed, "noise")
        self._snowflakes = Snowflakes(document.limits, ids.stream(seed, "worker").getrandbits(32))
        self.reset()

    @property
    def concurrency(self) -> int:
        """Unfinished tasks the account may have at once."""
        wanted = self.settings.concurrency
        return self.document.limits["parallel_tasks"] if wanted is None else wanted

    def reset(self) -> None:
        """Forget tasks, calls and callbacks; the clock and the ids go on."""
        self.facts = Facts(self.document.lifecycle, self.settings.journal)
        self._inboxes: dict[str, Inbox] = {}

    def inbox(self, name: str) -> Inbox:
        """A receiver of this world; it exists once it is named."""
        if name not in self._inboxes and len(self._inboxes) >= _MAX_INBOXES:
            del self._inboxes[next(iter(self._inboxes))]
        return self._inboxes.setdefault(name, Inbox())

    def tell(self, story: Scenario) -> None:
        """Play another story from now on; its rules count from the beginning."""
        self.scenario = story
        self.facts.forget_tallies()

    def magic(self, content: Any) -> str:
        """The story that a magic word in a create's prompt or external id puts it under, empty if none does."""
        if not isinstance(content, dict):
            return ""
        for name in ("prompt", "external_task_id"):
            text = content.get(name)
            if isinstance(text, str) and "[[" in text:
                return next((word for word in MAGIC.findall(text) if word in self.library), "")
        return ""

    def decide(self, what: Circumstances, story: str, task: Task | None, now_ms: int) -> Rule:
        """The rule that answers a call: of its task's magic story, else of this world's."""
        if not story:
            return scenario.decide(self.scenario, what, self.facts.tally(self.scenario.name), now_ms)
        told = self.library.story(story)
        return scenario.decide(told, what, self.facts.tally(story, task.id if task else ""), now_ms)

    def plan(self, stages: Stages | None) -> Plan:
        """A plan for a new task: of a story's stages, else of the calm day."""
        if stages is None and self._calm_plan is not None:
            return self._calm_plan
        return timeline.draw(stages or self._calm_stages, self._lengths)

    def next_id(self, now_ms: int) -> str:
        """A new task or video id."""
        return self._snowflakes.next(now_ms)

    def next_request_id(self) -> str:
        """A new request id."""
        return ids.request_id(self._request_ids)

    def next_file_key(self) -> str:
        """A new unguessable part of a link."""
        return ids.file_key(self._file_keys)
