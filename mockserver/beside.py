"""A program run beside a double: its signals reach it, and afterwards one hears what it did."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mockserver import doubles, telling
from mockserver.remote import Refused, Remote, Unreachable

FINE, BROKEN, INCONCLUSIVE = 0, 1, 3
_NOT_RUNNABLE, _NOT_FOUND, _KILLED = 126, 127, 128  # as shells say it


class CannotRun(RuntimeError):
    """The program did not start."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Verdict(NamedTuple):
    """What a double saw of the program."""

    lines: list[str]
    status: int  # FINE, BROKEN or INCONCLUSIVE


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the program to its end; its status as shells give it, 128+N if signal N ended it. Raises CannotRun."""
    with _forwarding() as children:
        try:
            child = subprocess.Popen(command, env=environment)
        except FileNotFoundError as error:
            raise CannotRun(f"{command[0]}: there is no such command", _NOT_FOUND) from error
        except OSError as error:
            raise CannotRun(f"{command[0]}: cannot be run: {error.strerror}", _NOT_RUNNABLE) from error
        children.append(child)
        status = child.wait()
    return status if status >= 0 else _KILLED - status


@contextmanager
def _forwarding() -> "Iterator[list[subprocess.Popen[bytes]]]":
    """Hand SIGINT and SIGTERM on to the children in the list; this process itself goes on."""
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _: object) -> None:
        if number == signal.SIGINT and _terminal_tells_all():
            return
        for child in children:
            child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield children
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminal_tells_all() -> bool:
    """Whether a Ctrl-C reaches the child without us: a terminal signals its whole foreground group."""
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp() if sys.__stdin__ else False
    except (OSError, ValueError):
        return False


def verdict(double: Mapping[str, Any]) -> Verdict:
    """What the default account's calls cost, what they broke, and what was probably paid twice."""
    remote = Remote(double["url"], token=double["control_token"], certificate=double["certificate"])
    try:
        calls, ledger, told = remote.get("calls"), remote.get("ledger"), remote.get("violations")
        spec = remote.get("spec/openapi.json") if told["violations"] else {}
    except (Unreachable, Refused) as error:
        return Verdict([f"what it cost is not known: {error}", *_complaints(double["log"])], INCONCLUSIVE)
    made = len(calls["calls"]) + calls["evicted"]
    lines = [f"{telling.count(made, 'call')}, {telling.costs(ledger)}"]
    status, found = FINE, "no request broke the document"
    if told["inconclusive"]:
        status, found = (
            INCONCLUSIVE,
            f"inconclusive: forgotten are {telling.count(calls['evicted'], 'call')}, see --journal",
        )
    if told["violations"]:
        requests = telling.count(len({each["call"] for each in told["violations"]}), "request")
        status = BROKEN
        found = f"{requests} broke the document:\n{telling.broken(told['violations'], calls['calls'], spec)}"
    lines += [found, *(f"possible duplicate: {line}" for line in telling.duplicates(ledger))]
    return Verdict([*lines, *_complaints(double["log"])], status)


def _complaints(log: Path) -> list[str]:
    said = doubles.complaints(log)
    return [f"the double complains:\n{said}"] if said else []
