"""One account's private world: credentials, clock, ids, randomness, facts. No world ever sees another."""

from dataclasses import dataclass
from decimal import Decimal

from mockserver import ids
from mockserver.clock import Clock
from mockserver.document import Document
from mockserver.facts import Facts
from mockserver.ids import Snowflakes
from mockserver.values import Account


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


class Sandbox:
    """A world: pure memory and a clock. Everything that happens to it happens through `serve`, `courier` or `control`."""

    def __init__(self, account: Account, document: Document, clock: Clock, settings: Settings) -> None:
        self.account = account
        self.document = document
        self.clock = clock
        self.settings = settings
        seed = f"{settings.seed}/{account.access_key}"
        self._request_ids = ids.stream(seed, "request ids")
        self._file_keys = ids.stream(seed, "file keys")
        self.born_ms = clock.now_ms()
        self.pack_id = ids.file_key(ids.stream(seed, "pack"))
        self.lengths = ids.stream(seed, "lengths")
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

    def next_id(self, now_ms: int) -> str:
        """A new task or video id."""
        return self._snowflakes.next(now_ms)

    def next_request_id(self) -> str:
        """A new request id."""
        return ids.request_id(self._request_ids)

    def next_file_key(self) -> str:
        """A new unguessable part of a link."""
        return ids.file_key(self._file_keys)
