"""The stories as people leaf through them: by what they are about, each with its first sentence."""

import re
from typing import NamedTuple

from mockserver.scenario import Rule, Scenario
from mockserver.stories import Library

_SENTENCE = re.compile(r".+?[.!?](?=\s|$)", re.DOTALL)

GROUPS = {
    "calm": "nothing in particular happens",
    "refusals": "the API says no",
    "timelines": "a task's life takes its own course",
    "replies": "an answer is not what one expects",
    "the wire": "slow, broken and silent connections",
    "callbacks": "late, twice, never, wrong",
    "result files": "the video cannot be fetched just like that",
    "several at once": "more than one of these",
}
"""What a story can be about, in the order of the catalogue."""


class Title(NamedTuple):
    """A story in the catalogue."""

    name: str
    group: str  # one of GROUPS
    sentence: str


def titles(library: Library) -> list[Title]:
    """Every story, group by group. Raises AuthorsMistake."""
    told = [title(library.story(name)) for name in library.names()]
    order = list(GROUPS)
    return sorted(told, key=lambda each: (order.index(each.group), each.name))


def title(story: Scenario) -> Title:
    """Where a story stands in the catalogue, and what it says first."""
    about = " ".join(story.about.split())
    sentence = _SENTENCE.match(about)
    return Title(story.name, _group(story), sentence[0] if sentence else about)


def _group(story: Scenario) -> str:
    """What most sets a story apart: a play that only leads up to something else does not count."""
    groups = {_about(rule) for rule in story.rules} | ({"refusals"} if story.judge_ahead_ms else set())
    if len(groups) > 1:
        groups.discard("timelines")
    return next(iter(groups), "calm") if len(groups) < 2 else "several at once"


def _about(rule: Rule) -> str:
    if rule.when.words.get("action") == {"file"}:
        return "result files"
    kinds = {
        "callbacks": rule.deliver,
        "refusals": rule.refuse,
        "the wire": rule.disrupt,
        "replies": rule.reply,
    }
    return next((group for group, said in kinds.items() if said is not None), "timelines")
