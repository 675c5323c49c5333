"""How long the client waits before it tries again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.retries import POLLS, RETRIES, Patience

chances = st.floats(0, 1)
patiences = st.builds(
    lambda first, factor, growth, jitter: Patience(first_s=first, factor=factor, most_s=first * growth, jitter=jitter),
    st.floats(0.001, 100),
    st.floats(1, 10),
    st.floats(1, 1000),
    st.floats(0, 2),
)


@given(patiences, st.integers(0, 10**6), chances)
def test_a_wait_lies_between_the_first_and_the_stretched_most(patience, turn, chance):
    """However late the turn, nothing overflows and no bound is crossed."""
    wait = patience.wait_s(turn, chance)
    assert patience.first_s <= wait <= patience.most_s * (1 + patience.jitter) * (1 + 1e-9)


@given(patiences, st.integers(0, 100), chances)
def test_waits_never_shrink(patience, turn, chance):
    assert patience.wait_s(turn, chance) <= patience.wait_s(turn + 1, chance)


@given(st.integers(0, 100), chances)
def test_a_refusal_is_never_answered_within_a_second(turn, chance):
    """Exponential backoff starts at one second or more; jitter only lengthens."""
    assert min(RETRIES.wait_s(turn, chance), POLLS.wait_s(turn, chance)) >= 1


@given(patiences, st.integers(0, 20), chances, chances)
def test_chance_only_lengthens(patience, turn, one, other):
    low, high = sorted((one, other))
    assert patience.wait_s(turn, low) <= patience.wait_s(turn, high)


@pytest.mark.parametrize(
    "wrong", [{"first_s": 0}, {"first_s": 2, "most_s": 1}, {"factor": 0.5}, {"jitter": -1}, {"tries": 0}]
)
def test_an_impossible_patience_is_refused(wrong):
    with pytest.raises(ValueError, match="would do"):
        Patience(**wrong)
