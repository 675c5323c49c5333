"""The suite never cries wolf: a service that makes other allowed choices breaks no promise."""

import pytest
from suite.conftest import Judge, broken
from suite.others import CHARACTERS

from contracts.suite.findings import Verdict
from mockserver import doubles

CHOICES = [
    "callback_statuses=terminal",
    "credentials=only_jwt",
    "token_leeway_s=five_seconds",
    "limits_order=concurrency_first",
    "query_scope=own_product",
]


def test_an_honest_double_breaks_no_promise(judge: Judge):
    """Behind a proxy that changes nothing, everything can be shown, and holds."""
    findings = judge("honest", max_examples=6)
    assert [(each.promise, each.reason) for each in findings if each.verdict is not Verdict.HELD] == []


@pytest.mark.parametrize("name", CHARACTERS)
def test_another_honest_service_breaks_no_promise(judge: Judge, name: str):
    """What the sources leave open is nobody's fault."""
    assert broken(judge(name, max_examples=3)) == []


def test_the_double_with_every_other_choice_breaks_no_promise(judge: Judge):
    """What `serve --choose` offers is honest, too."""
    flags = [flag for choice in CHOICES for flag in ("--choose", choice)]
    with doubles.running(["--speed", "0", *flags]) as double:
        assert broken(judge("", double=double, max_examples=3)) == []
