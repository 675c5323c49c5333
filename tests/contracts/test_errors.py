"""The error tree: drawn as it is, carrying what it promises, complete in the public list."""

import copy
import pickle
import re

import pytest

import contracts
from contracts import errors
from contracts.errors import FAMILIES, KlingError, TaskError
from contracts.sansio import found
from contracts.values import Head, Reply, Task


def tree(kind, depth=0):
    yield depth, kind.__name__
    for child in kind.__subclasses__():
        yield from tree(child, depth + 1)


def test_the_picture_of_the_tree_is_the_tree():
    """Names and depths in the drawing atop `errors.py` are those of the classes."""
    drawn = re.findall(r"^    ((?:[│├└─ ]{4})*)(\w+)", errors.__doc__, re.MULTILINE)
    assert [(len(branch) // 4, name) for branch, name in drawn] == list(tree(KlingError))


def test_the_public_list_is_sorted_and_exact():
    """`__all__` holds every error and every public name of the package, and nothing that is not there."""
    public = {name for name, value in vars(contracts).items() if isinstance(value, type)}
    assert contracts.__all__ == sorted(public)
    assert {name for _, name in tree(KlingError)} <= set(contracts.__all__)


@pytest.mark.parametrize("code", sorted(FAMILIES))
def test_a_refusal_carries_all_that_the_service_said(stage, says, code):
    """Code, message, request id, status and whether a retry is sensible: as in the table."""
    status = {5000: 500, 5001: 503, 5002: 504}.get(code, 400)
    s = stage(lambda _: says.no(status, code, "in its own words"), patience=contracts.Patience(tries=1))
    with pytest.raises(KlingError) as caught:
        s.query("mine")
    error = caught.value
    assert type(error) is FAMILIES[code]
    assert (error.status, error.code, error.message) == (status, code, "in its own words")
    assert error.request_id == says.REQUEST_ID
    assert error.retry is (code in {1302, 1303, 5000, 5001, 5002})
    assert str(error) == f"in its own words (HTTP {status}, code {code}, request {says.REQUEST_ID})"


def test_errors_survive_a_journey_between_processes(says):
    answer = says.no(429, 1303, "full", retry_after="7")
    with pytest.raises(KlingError) as caught:
        found(Reply(Head(429, dict(answer.headers)), answer.content), "mine")
    for twin in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert (type(twin), str(twin), twin.retry_after_s) == (type(caught.value), str(caught.value), 7)


def test_task_errors_survive_it_too():
    task = Task("1", "failed", 1, 2, "no dragons")
    twin = pickle.loads(pickle.dumps(contracts.TaskFailed("no dragons", task)))
    assert isinstance(twin, TaskError)
    assert (twin.message, twin.task) == ("no dragons", task)
