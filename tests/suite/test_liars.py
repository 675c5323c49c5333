"""The suite is itself tested: every liar is caught by the promise that names its lie."""

from collections import Counter

import pytest
from suite.conftest import Judge
from suite.liars import LIARS

from contracts.suite import promises
from contracts.suite.findings import Verdict
from contracts.suite.registry import PROMISES

assert promises

NAMES = [name for name in LIARS if name != "honest"]


@pytest.mark.parametrize("name", NAMES)
def test_every_liar_is_caught_by_the_promise_that_names_its_lie(judge: Judge, name: str):
    """That promise alone, seeing nothing else, is broken."""
    (finding,) = judge(name, LIARS[name].catcher)
    assert (finding.verdict, finding.reason) == (Verdict.BROKEN, "")
    assert finding.documented
    assert finding.received


def test_every_promise_can_be_broken():
    """A promise that no liar breaks would prove nothing."""
    caught = Counter(liar.catcher for liar in LIARS.values())
    assert set(PROMISES) - set(caught) == set()


def test_there_are_liars_enough():
    """At least sixty, each with one lie."""
    assert len(NAMES) >= 60
