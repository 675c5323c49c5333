"""What `make mutants` runs: every liar against every promise, every honest choice alone, and twenty honest seeds.

Not part of `make test`, which holds each liar against the one promise that names its lie.
"""

import pytest
from suite.conftest import Judge, broken
from suite.liars import LIARS
from suite.others import OTHERS

PROPERTIES = (
    "a_nearly_valid_body_is_refused",
    "any_valid_body_becomes_a_task",
    "every_operation_refuses_what_its_schema_forbids",
    "every_operation_takes_what_its_schema_allows",
    "many_tasks_at_once_live_as_a_simple_model_says",
    "no_body_breaks_the_server",
)
"""Promises that need examples to be broken; the others are tables."""


@pytest.mark.parametrize("name", [name for name in LIARS if name != "honest"])
def test_a_liar_is_caught_in_a_whole_run(judge: Judge, name: str):
    """Among all promises the one that names the lie is broken; others may be."""
    catcher = LIARS[name].catcher
    caught = [promise for promise, _, _ in broken(judge(name, max_examples=10 if catcher in PROPERTIES else 2))]
    assert catcher in caught


@pytest.mark.parametrize("name", OTHERS)
def test_an_honest_choice_breaks_no_promise(judge: Judge, name: str):
    """What the sources leave open is nobody's fault."""
    assert broken(judge(name, max_examples=5)) == []


@pytest.mark.parametrize("seed", range(20))
def test_an_honest_double_breaks_no_promise_whatever_the_seed(judge: Judge, seed: int):
    """Twenty times other examples."""
    assert broken(judge("honest", seed=seed, max_examples=30)) == []
