"""One double and one lying proxy for all tests of a session, and a way to hold a liar against promises."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from suite import proxy
from suite.liars import LIARS
from suite.others import CHARACTERS, OTHERS

from contracts.suite.accounts import Keys
from contracts.suite.findings import Finding, Verdict
from contracts.suite.run import judged
from contracts.suite.stage import Options
from contracts.tokens import ApiKey, KeyPair
from mockserver import doubles

Judge = Callable[..., list[Finding]]


def broken(findings: list[Finding]) -> list[tuple[str, str, str]]:
    """What was broken, and how."""
    return [(each.promise, each.documented, each.received) for each in findings if each.verdict is Verdict.BROKEN]


@pytest.fixture(scope="session")
def frozen() -> Iterator[dict[str, Any]]:
    """A double whose clock only moves when it is moved."""
    with doubles.running(["--speed", "0", "--concurrency", "100000"]) as double:
        yield double


@pytest.fixture(scope="session")
def lying(frozen: dict[str, Any]) -> Iterator[proxy.Proxy]:
    """The proxy before it."""
    with proxy.running(frozen["url"], {**LIARS, **OTHERS, **CHARACTERS}) as started:
        yield started


@pytest.fixture(scope="session")
def judge(frozen: dict[str, Any], lying: proxy.Proxy) -> Judge:
    """What comes of some promises, or of all, when a liar tells the story."""
    runs = count()

    def judge(liar: str, *names: str, double: dict[str, Any] = frozen, **options: Any) -> list[Finding]:
        keys = Keys(KeyPair(double["access_key"], double["secret_key"]), ApiKey(double["api_key"]))
        url = f"{lying.url}/{liar}+{next(runs)}" if liar else double["url"]
        told = {"control": f"{double['url']}/__kling/", "max_examples": 10, **options}
        return list(judged(Options(url=url, keys=keys, **told), names))

    return judge
