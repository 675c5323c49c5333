"""What a test holds of a double: a sandbox of its own, inboxes that receive outside its thread, assertions that explain.

Nothing here needs pytest; its plugin hands these out as fixtures. Everything asks the double at once and may be used from
several threads. A test that receives callbacks in its own event loop advances from another thread, since advancing waits
for them: `await asyncio.to_thread(kling.advance, "10m")`; an inbox has no such need.
"""

import difflib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from mockserver import doubles, durations, expectations, resources, telling
from mockserver.doubles import NotStarted
from mockserver.remote import ROOT, Refused, Remote, Unreachable

__all__ = ["RATE", "Inbox", "Kling", "NotStarted", "Refused", "Server", "Unreachable", "serving"]

__tracebackhide__ = True  # pytest shows the test that failed, not these lines

RATE = 60
"""Sandbox time per real time, if a test says nothing: the calm task ends in about 50 ms."""

_ADVANCE_PATIENCE_S = 600.0
_LOOK_AGAIN_S = 0.005


class Server:
    """A running double, with the default account's keys."""

    def __init__(self, double: Mapping[str, Any]) -> None:
        self.url: str = double["url"]
        self.access_key: str = double["access_key"]
        self.secret_key: str = double["secret_key"]
        self.api_key: str = double["api_key"]
        self._double = double
        self._remote = Remote(self.url, token=double["control_token"], certificate=double["certificate"])

    @contextmanager
    def sandbox(self, *, rate: float = RATE, scenario: str | Path | None = None, **wish: Any) -> Iterator["Kling"]:
        """A private world for as long as the block lasts; `wish` is what `POST /__kling/sandboxes` takes.

        Raises ValueError where the double cannot do as wished.
        """
        try:
            made = self._remote.ask("POST", "sandboxes", {"rate": rate, **wish})
        except Refused as refused:
            raise ValueError(f"there can be no such sandbox: {refused}") from None
        try:
            box = Kling(self._remote, made, self._double["log"])
            if scenario is not None:
                box.play(scenario)
            yield box
        finally:
            self._remote.ask("DELETE", f"sandboxes/{made['access_key']}")

    def stray_violations(self) -> list[dict[str, Any]]:
        """Where calls broke the document that came with nobody's keys, or the default account's: no sandbox has them."""
        told: list[dict[str, Any]] = self._remote.get("violations")["violations"]
        return told


@contextmanager
def serving(flags: Sequence[str] = ()) -> Iterator[Server]:
    """A double in a process of its own, for as long as the block lasts. Raises doubles.NotStarted."""
    with doubles.running(flags) as double:
        yield Server(double)


class Kling:
    """One sandbox: point the code under test at `url` with these keys, then ask what became of it."""

    def __init__(self, remote: Remote, account: Mapping[str, str], log: Path) -> None:
        self.url = remote.base_url
        self.access_key = account["access_key"]
        self.secret_key = account["secret_key"]
        self.api_key = account["api_key"]
        self._remote, self._log = replace(remote, sandbox=self.access_key), log

    @property
    def environment(self) -> dict[str, str]:
        """The variables that `klingmock exec` would set, for this sandbox."""
        keys = {"access_key": self.access_key, "secret_key": self.secret_key, "api_key": self.api_key}
        told = doubles.environment({"url": self.url, **keys, "control_token": self._remote.token})
        return {**told, "KLINGMOCK_SANDBOX": self.access_key}

    # -- time and stories

    @property
    def clock(self) -> dict[str, Any]:
        """`now_ms` and `rate`."""
        told: dict[str, Any] = self._remote.get("clock")
        return {"now_ms": told["now_ms"], "rate": told["rate"]}

    def set_rate(self, rate: float) -> None:
        """Let sandbox time pass so many times as fast as real time; 0 freezes it."""
        self._remote.ask("POST", "clock", {"rate": rate})

    def advance(self, length: str | None = None, *, ms: int | None = None) -> list[dict[str, Any]]:
        """Live through a length of sandbox time, `"10m"` or `ms=600_000`; what fired, in order."""
        if (length is None) == (ms is None):
            raise TypeError('advance takes a length like "10m", or ms=600_000')
        step = durations.milliseconds(length) if ms is None else ms
        told = self._remote.ask("POST", "clock", {"advance_ms": step}, patience_s=_ADVANCE_PATIENCE_S)
        fired: list[dict[str, Any]] = told["fired"]
        return fired

    def play(self, story: str | Path) -> None:
        """Play another story: a name of the catalogue, the YAML text of one, or a file. Raises ValueError."""
        wish = _wish(story)
        try:
            self._remote.ask("PUT", "scenario", wish)
        except Refused as refused:
            raise ValueError(_unplayable(wish, refused)) from None

    # -- what happened

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """Every task, oldest first."""
        return self._list("tasks")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The journal, oldest first."""
        return self._list("calls")

    @property
    def callbacks(self) -> list[dict[str, Any]]:
        """Every delivery that was due, with its attempts."""
        return self._list("callbacks")

    @property
    def violations(self) -> list[dict[str, Any]]:
        """Where calls broke the document."""
        return self._list("violations")

    @property
    def ledger(self) -> dict[str, Any]:
        """`units`, `entries` and `duplicates`."""
        told: dict[str, Any] = self._remote.get("ledger")
        return told

    def task(self, name: str) -> dict[str, Any]:
        """A task, by its id or its external id, with its timeline."""
        told: dict[str, Any] = self._remote.get(f"tasks/{quote(name, safe='')}")
        return told

    def _list(self, name: str) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = self._remote.get(name)[name]
        return told

    # -- a hand in it

    def move(self, name: str, status: str, message: str | None = None) -> None:
        """Let a task take a status now, along an edge of its lifecycle."""
        wish = {"status": status} | ({"message": message} if message is not None else {})
        self._remote.ask("POST", f"tasks/{quote(name, safe='')}/status", wish)

    def resend(self, callback_id: str) -> None:
        """Send a callback once more."""
        self._remote.ask("POST", f"callbacks/{quote(callback_id, safe='')}/resend")

    def reset(self) -> None:
        """Forget tasks, journal, callbacks, ledger, inboxes and the story's counters; the clock goes on."""
        self._remote.ask("POST", "reset")

    def inbox(self, name: str = "inbox") -> "Inbox":
        """A receiver of this name, in the double's process."""
        return Inbox(self._remote, name, self)

    # -- assertions

    def expect_call(self, *, times: int | None = None, **expected: Any) -> dict[str, Any]:
        """The first call that is as expected; with `times`, there must be exactly so many of them.

        Fields are the journal's (`action`, `product`, `status`, `code`, …) or the request body's (`prompt`, …); expected is
        a value, a compiled pattern, a predicate, or `...`. Raises AssertionError that shows the nearest call.
        """
        calls = self.calls
        try:
            return _expected(expected, calls, "call", times)
        except AssertionError as unmet:
            raise AssertionError(f"{unmet}{'' if calls else self._strays()}") from None

    def expect_no_call(self, **expected: Any) -> None:
        """No call is like this. Raises AssertionError that shows those that are."""
        found = expectations.fitting(expected, self.calls)
        if found:
            raise AssertionError(f"{telling.count(len(found), 'call')} that should not be:\n{telling.journal(found)}")

    def expect_callback(self, *, times: int | None = None, **expected: Any) -> dict[str, Any]:
        """The same of callbacks: `status`, `delivered`, `task_id`, …"""
        return _expected(expected, self.callbacks, "callback", times)

    def broken(self) -> str:
        """What `strict` complains about, empty if there is nothing: each violation, what was sent, what is documented."""
        told = self._remote.get("violations")
        if told["violations"]:
            return telling.broken(told["violations"], self.calls, self._remote.get("spec/openapi.json"))
        return "  inconclusive: calls were forgotten, see `--journal`" if told["inconclusive"] else ""

    def told(self) -> str:
        """Calls and callbacks so far, a line each, and what the double complained about, if anything."""
        try:
            told = telling.journal([*self.calls, *self.callbacks]) or "  none"
        except (Unreachable, Refused) as error:
            told = f"  {error}"
        complaints = doubles.complaints(self._log)
        return f"{told}\nthe double complains:\n{complaints}" if complaints else told

    def _strays(self) -> str:
        """For a sandbox that nobody called: who called with other keys."""
        strays = replace(self._remote, sandbox=None).get("calls")["calls"]
        hint = "; calls with keys of no sandbox, the last of this session (does the code under test use kling's keys?):"
        return f"{hint}\n{telling.journal(strays[-3:])}" if strays else ""


class Inbox:
    """A receiver of callbacks; give its `url` to the code under test as `callback_url`."""

    def __init__(self, remote: Remote, name: str, owner: Kling) -> None:
        self._remote, self._path, self._owner = remote, f"inbox/{quote(name, safe='')}", owner
        self.url = f"{remote.base_url}{ROOT}/{self._path}?{urlencode({'sandbox': remote.sandbox})}"

    @property
    def received(self) -> list[dict[str, Any]]:
        """What came, oldest first: `body`, `headers`, `at_ms`, `answered`."""
        told: list[dict[str, Any]] = self._remote.get(self._path)["received"]
        return told

    def behave(self, **how: Any) -> None:
        """Answer like this from now on: `answer=500, times=2`, `hang=True`, `down=True`, `answer=302, location=…`."""
        try:
            self._remote.ask("PUT", f"{self._path}/behaviour", how)
        except Refused as refused:
            raise ValueError(f"an inbox cannot behave like {how}: {refused}") from None

    def wait(self, count: int = 1, timeout_s: float = 5) -> list[dict[str, Any]]:
        """What came, as soon as it is `count`. Raises AssertionError that shows what came instead."""
        until = time.monotonic() + timeout_s
        for _ in range(int(timeout_s / _LOOK_AGAIN_S) + 1):  # bounded also where a test has stopped Python's clocks
            came = self.received
            if len(came) >= count or time.monotonic() > until:
                break
            time.sleep(_LOOK_AGAIN_S)  # noqa: TID251  the double lives by its own clock
        if len(came) < count:
            raise AssertionError(self._missing(count, came, timeout_s))
        return came

    def _missing(self, count: int, came: list[dict[str, Any]], timeout_s: float) -> str:
        hint = "; the clock is frozen: kling.advance(…) lets time pass" if self._owner.clock["rate"] == 0 else ""
        due = telling.journal(self._owner.callbacks) or "  none"
        received = f"{self.url} received {len(came)} of {telling.count(count, 'callback')}"
        return f"{received} within {timeout_s:g} s{hint}\ncallbacks that were due:\n{due}"


def _wish(story: str | Path) -> dict[str, str]:
    """A story as the control plane takes it: by name, or by text."""
    if isinstance(story, Path) or story.endswith((".yaml", ".yml")):
        return {"yaml": Path(story).read_text(encoding="utf-8")}
    return {"yaml": story} if ":" in story else {"name": story}


def _unplayable(wish: Mapping[str, str], refused: Refused) -> str:
    if "name" not in wish:
        return str(refused)
    known = sorted(path.stem for path in resources.SCENARIOS.glob("*.yaml"))
    near = difflib.get_close_matches(wish["name"], known, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no story {wish['name']!r}{meant} (klingmock scenarios list shows all)"


def _expected(
    expected: Mapping[str, Any], entries: list[dict[str, Any]], what: str, times: int | None
) -> dict[str, Any]:
    found = expectations.fitting(expected, entries)
    if times is not None and len(found) != times:
        shown = telling.journal(found) or expectations.unmet(expected, entries, what)
        raise AssertionError(f"{telling.count(len(found), what)} instead of {times}:\n{shown}")
    if not found and times is None:
        raise AssertionError(expectations.unmet(expected, entries, what))
    return dict(found[0]) if found else {}
