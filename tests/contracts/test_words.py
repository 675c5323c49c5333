"""What the client understood of the API, held against the document."""

import yaml

from contracts import words
from contracts.errors import FAMILIES, NO_CODES, KlingError
from mockserver.resources import OPENAPI_ROOT


def load(path):
    return yaml.safe_load((OPENAPI_ROOT.parent / path).read_text())


def subclasses(kind):
    return {kind, *(below for child in kind.__subclasses__() for below in subclasses(child))}


def test_every_row_of_the_error_table_has_its_family():
    """The document's `class` of a code is the client's class of exception."""
    rows = load("kling/errors.yaml").values()
    document = {row["code"]: row["class"] for row in rows if row["code"] != words.SUCCESS}
    client = {code: family.__name__.removesuffix("Error").lower() for code, family in FAMILIES.items()}
    assert client == document


def test_a_retry_is_sensible_where_the_document_says_so():
    rows = load("kling/errors.yaml").values()
    document = {row["code"]: row["retry"] for row in rows if row["code"] != words.SUCCESS}
    assert {code: family.retry for code, family in FAMILIES.items()} == document


def test_no_code_stands_in_two_families():
    families = [kind.codes for kind in subclasses(KlingError) if kind.codes is not NO_CODES]
    assert sum(map(len, families)) == len(frozenset().union(*families))


def test_the_statuses_are_those_of_the_lifecycle():
    life = load("kling/lifecycle.yaml")
    assert set(words.RANKS) == set(life["steps"])
    assert {status for status, steps in life["steps"].items() if not steps} == words.FINAL
    assert (life["initial"], life["success"], life["failure"]) == (words.SUBMITTED, words.SUCCEED, words.FAILED)


def test_every_step_of_the_lifecycle_goes_forward():
    steps = load("kling/lifecycle.yaml")["steps"]
    assert all(words.RANKS[old] < words.RANKS[new] for old, ways in steps.items() for new in ways)


def test_the_paths_are_those_of_the_document():
    assert {words.PRODUCT_PATH, f"{words.PRODUCT_PATH}/{{id}}", words.COSTS_PATH} <= load("openapi.yaml")[
        "paths"
    ].keys()


def test_the_two_meanings_of_one_code_are_told_apart_by_the_documents_words():
    situations = load("kling/messages.yaml")["situations"]
    assert words.NOT_FOUND in situations["task_not_found"]["message"].casefold()
    assert words.ALREADY_EXISTS in situations["external_id_taken"]["message"].casefold()
    assert situations["task_not_found"]["error"] == situations["external_id_taken"]["error"]


def test_the_last_page_is_the_documents():
    assert load("components/parameters.yaml")["PageNum"]["schema"]["maximum"] == words.MAX_PAGES
