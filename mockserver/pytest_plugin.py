"""The door for pytest: the fixtures `kling_server` and `kling`, the marker `kling`.

    def test_a_dog_is_filmed(kling):
        my_studio(base_url=kling.url, api_key=kling.api_key).film("a dog")
        kling.expect_call(action="submit", prompt="a dog")

pytest loads this module in every project of an environment that has klingmock. So it costs nothing until a fixture is
asked for: no other module of the package is imported before, and no process started. Whoever needs the double to start
differently overrides `kling_server_flags`.
"""

import sys
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from mockserver.testing import Kling, Server

_ARGUMENTS = ("scenario", "rate", "seed", "strict", "pace", "now_ms", "concurrency", "balance", "webhook_secret")
_MARKER = (
    f"kling({', '.join(f'{name}=…' for name in _ARGUMENTS)}): what the sandbox of the `kling` fixture is like. rate=0 "
    "freezes its clock; strict=True fails the test if its requests break the document."
)

Opened = TypeVar("Opened")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def kling_server_flags() -> list[str]:
    """Flags of `klingmock serve` for this session's double; override it to add some."""
    return []


@pytest.fixture(scope="session")
def kling_server(kling_server_flags: list[str]) -> "Iterator[Server]":
    """The session's double, in a process of its own; under xdist one for each worker."""
    from mockserver import testing

    with _opened(testing.serving(kling_server_flags), testing.NotStarted) as server:
        yield server


@pytest.fixture
def kling(kling_server: "Server", request: pytest.FixtureRequest) -> "Iterator[Kling]":
    """This test's own sandbox, made as its `kling` marker says and gone when it ends.

    Its randomness begins with its seed, or else the test's name, so that a failure can be seen again.
    """
    wish = _named({"seed": request.node.nodeid, **_marked(request.node)})
    strict = wish.pop("strict", False)
    strays = kling_server.stray_violations() if strict else []
    with _opened(kling_server.sandbox(**wish), ValueError) as box:
        yield box
        if strict:
            _judge(box, kling_server.stray_violations()[len(strays) :])


def _marked(node: Any) -> dict[str, Any]:
    """What the test's markers say, the nearest last; whatever they do not know ends the test."""
    said: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("kling"))):
        unknown = [*map(repr, marker.args), *(name for name in marker.kwargs if name not in _ARGUMENTS)]
        if unknown:
            pytest.fail(f"@pytest.mark.kling does not take {', '.join(unknown)}{_advice(unknown[0])}", pytrace=False)
        said |= marker.kwargs
    return {name: value for name, value in said.items() if value is not None}


def _named(wish: dict[str, Any]) -> dict[str, Any]:
    """With an access key that follows from the seed: what a sandbox draws depends on both."""
    from hashlib import sha256

    return {**wish, "access_key": sha256(str(wish["seed"]).encode()).hexdigest()[:32]}


def _advice(word: str) -> str:
    import difflib

    near = difflib.get_close_matches(word, _ARGUMENTS, n=1)
    return (f"; did you mean {near[0]}?" if near else ".") + f" It takes, by name, {', '.join(_ARGUMENTS)}."


def _judge(box: "Kling", strays: list[dict[str, Any]]) -> None:
    found = [box.broken()] + [
        f"  with keys that are not this test's: {each['method']} {each['path']}: {each['problem']}" for each in strays
    ]
    if any(found):
        told = "\n".join(filter(None, found))
        pytest.fail(f"requests of this test broke the document (kling(strict=True)):\n{told}", pytrace=False)


@contextmanager
def _opened(context: AbstractContextManager[Opened], mistake: type[Exception]) -> Iterator[Opened]:
    """The context, entered; a mistake at its door is the user's and is told without a traceback."""
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(context)
        except mistake as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None  # the message says it all
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the journal beneath a test that failed."""
    report = yield
    if report.when == "call" and report.failed and "mockserver.testing" in sys.modules:
        from mockserver.testing import Kling

        boxes = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Kling)]
        report.sections += [("klingmock: calls and callbacks", box.told()) for box in boxes]
    return report
