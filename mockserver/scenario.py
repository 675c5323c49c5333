"""Stories: rules that say how a call is answered, and which of them answers this one.

A rule has a `when` and what follows. The first rule whose `when` fits is the whole answer; none means the calm day.
`difference` says why a rule does not fit, and fitting is nothing but the absence of a difference, so explaining a story and
playing it cannot disagree. Which rules stand in a file is read by `stories`.
"""

import re
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mockserver.durations import Length
from mockserver.refusals import Refusal
from mockserver.timeline import Stages

MAGIC = re.compile(r"\[\[([A-Za-z0-9_-]{1,64})\]\]")
"""A story's name inside a prompt or an external id."""


class Circumstances(NamedTuple):
    """What a rule can look at: the call, and the task it makes or asks for."""

    action: str
    product: str = ""
    account: str = ""
    prompt: str = ""
    external_id: str = ""
    mode: str = ""
    images: int = 0
    status: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A condition on a text."""

    equals: str | None = None
    contains: str | None = None
    matches: re.Pattern[str] | None = None

    def fits(self, text: str) -> bool:
        """Whether the text is meant."""
        if self.equals is not None and text != self.equals:
            return False
        if self.contains is not None and self.contains not in text:
            return False
        return self.matches is None or self.matches.search(text) is not None


@dataclass(frozen=True, slots=True)
class Numbers:
    """A condition on a number: one of some, a span, every so many."""

    among: Collection[int] = ()
    first: int = 0
    last: int | None = None
    every: int = 1

    def fits(self, number: int) -> bool:
        """Whether the number is meant."""
        if self.among:
            return number in self.among
        within = self.first <= number and (self.last is None or number <= self.last)
        return within and number % self.every == 0


@dataclass(frozen=True, slots=True)
class Rate:
    """A condition on how fast calls come: more than `above` of them within the last `within_ms`."""

    above: int
    within_ms: int


@dataclass(frozen=True, slots=True)
class When:
    """Which calls a rule is about. What is not said does not matter."""

    words: Mapping[str, Collection[str]] = field(default_factory=dict)  # action, product, mode, status: one of these
    texts: Mapping[str, Text] = field(default_factory=dict)  # account, prompt, external_id
    images: Numbers | None = None
    nth: Numbers | None = None
    rate: Rate | None = None

    def difference(self, what: Circumstances) -> list[str]:
        """Where the call is not what the rule wants, as sentences; empty if it is, counting aside."""
        found = [
            f"{name} is {getattr(what, name)!r}, wanted {' or '.join(sorted(words))}"
            for name, words in self.words.items()
            if getattr(what, name) not in words
        ]
        found += [
            f"{name} is {getattr(what, name)[:80]!r}, wanted {text}"
            for name, text in self.texts.items()
            if not text.fits(getattr(what, name))
        ]
        if self.images is not None and not self.images.fits(what.images):
            found.append(f"there are {what.images} images, wanted {self.images}")
        return found

    def fits(self, what: Circumstances) -> bool:
        """Whether the rule is about this call, counting aside."""
        return not self.difference(what)


@dataclass(frozen=True, slots=True)
class Refuse:
    """Say no in the API's words."""

    slug: str
    after_commit: bool = False  # the work is done all the same
    message: str | None = None  # instead of the document's text
    retry_after_s: int | None = None

    @property
    def refusal(self) -> Refusal:
        """The exception that ends the call."""
        return Refusal(self.slug)


@dataclass(frozen=True, slots=True)
class Trap:
    """What is done to a reply (or a callback's body) that would have gone out."""

    status: int | None = None
    set: Mapping[str, Any] = field(default_factory=dict)  # JSON pointer -> value
    remove: Sequence[str] = ()  # JSON pointers
    type: str | None = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of a `deliver` list: the callback for a status."""

    status: str
    after_ms: int = 0
    times: int = 1
    never: bool = False
    out_of_order: bool = False  # held back until every other callback of the task was made
    before_reply: bool = False  # leaves before the create reply does
    body: Trap | None = None
    retries_ms: tuple[int, ...] | None = None  # None: as the document chose


@dataclass(frozen=True, slots=True)
class Disruption:
    """What happens to the wire. `kind` is one of delay, stall, drop, truncate, drip, garble."""

    kind: str
    length: Length | None = None  # delay: how long; drip: between pieces
    before_commit: bool = False  # drop
    fraction: float = 0.0  # truncate: the part that is sent
    bytes: int = 0  # drip: a piece


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule and where it stands."""

    place: str  # FILE#/rules/N
    when: When
    refuse: Refuse | None = None
    play: Stages | None = None
    reply: Trap | None = None
    deliver: tuple[Posting, ...] | None = None
    disrupt: Disruption | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story."""

    name: str
    about: str = ""
    rules: tuple[Rule, ...] = ()
    expect: Mapping[str, Any] = field(default_factory=dict)
    judge_ahead_ms: int = 0  # tokens are judged as if it were so much later


PROCEED = Rule("", When())
"""The calm day: nothing is refused, played, changed or disrupted."""


class Tally:
    """How often, and when, each rule of a story was about a call. Never depends on what a journal forgot."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._recent: dict[str, deque[int]] = {}
        self.used: set[str] = set()

    def count(self, rule: Rule, now_ms: int) -> bool:
        """Count a call that the rule is about; whether its turn has come."""
        number = self._counts[rule.place] = self._counts.get(rule.place, 0) + 1
        in_turn = rule.when.nth is None or rule.when.nth.fits(number)
        return in_turn and self._too_fast(rule, now_ms)

    def _too_fast(self, rule: Rule, now_ms: int) -> bool:
        rate = rule.when.rate
        if rate is None:
            return True
        recent = self._recent.setdefault(rule.place, deque(maxlen=rate.above + 1))
        recent.append(now_ms)
        return len(recent) > rate.above and now_ms - recent[0] < rate.within_ms


def decide(scenario: Scenario, what: Circumstances, tally: Tally, now_ms: int) -> Rule:
    """The first rule that answers this call, or PROCEED. Every rule that is about the call counts it."""
    chosen = PROCEED
    for rule in scenario.rules:
        if rule.when.fits(what) and tally.count(rule, now_ms) and chosen is PROCEED:
            chosen = rule
    if chosen is not PROCEED:
        tally.used.add(chosen.place)
    return chosen
