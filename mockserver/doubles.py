"""A double in a process of its own, for those who need one while they do something else.

It lives in a session of its own, so that a Ctrl-C meant for others does not end it too early, and on a leash
(`leashed`), so that it ends even if whoever started it is killed.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from mockserver.remote import ROOT

_START_S = 20
_END_S = 5
_LOOK_AGAIN_S = 0.01
_LOOPBACK = ("", "127.0.0.1", "::1", "localhost")


class NotStarted(RuntimeError):
    """The double ended before it was ready; the message holds what it said."""


@contextmanager
def running(flags: Sequence[str] = (), *, port_file: Path | None = None) -> Iterator[dict[str, Any]]:
    """Serve on a free port, unless the flags name one, for as long as the block lasts. Raises NotStarted.

    Gives what `--port-file` holds, with `control_token` and `certificate` as the flags have them (a token is made for a
    double that strangers can reach) and `log`, the file in which the double complains.
    """
    flags = [*flags, *_token_if_open(flags)]
    with tempfile.TemporaryDirectory(prefix="klingmock-") as folder:
        log, ready = Path(folder) / "log", port_file or Path(folder) / "double.json"
        ready.unlink(missing_ok=True)
        with _process([*flags, "--port-file", str(ready)], log) as process:
            _wait_for(ready, process, log)
            known = {"control_token": _last(flags, "--control-token"), "certificate": _last(flags, "--tls-cert")}
            yield {**json.loads(ready.read_text()), **known, "log": log}


@contextmanager
def _process(flags: Sequence[str], log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    command = [sys.executable, "-m", "mockserver.leashed", "serve", "--port", "0", *flags]
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=said, stderr=said, env=_environment(), start_new_session=True
        )
    with process:
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _environment() -> dict[str, str]:
    """Ours, without flags meant for another double, and safe from packages in the current folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KLINGMOCK_")}
    return {**kept, "PYTHONSAFEPATH": "1"}


def _wait_for(ready: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _START_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > until:
            raise NotStarted(log.read_text(errors="replace").strip() or "klingmock: the double did not start")
        time.sleep(_LOOK_AGAIN_S)  # noqa: TID251  another process's start can only be waited for


def _last(flags: Sequence[str], name: str) -> str:
    """The value of a flag, written as `--name value` or `--name=value`; the last one counts."""
    values = [after for flag, after in pairwise(flags) if flag == name]
    values += [flag.partition("=")[2] for flag in flags if flag.startswith(f"{name}=")]
    return values[-1] if values else ""


def _token_if_open(flags: Sequence[str]) -> list[str]:
    open_to_others = _last(flags, "--host") not in _LOOPBACK and not _last(flags, "--control-token")
    return ["--control-token", secrets.token_hex(16)] if open_to_others else []


def complaints(log: Path) -> str:
    """What a double has logged since it was ready: warnings, and tracebacks of our own bugs."""
    return log.read_text(errors="replace").partition("listening on ")[2].partition("\n")[2].strip()


def environment(account: Mapping[str, Any]) -> dict[str, str]:
    """The variables by which a program finds the double and gets in; `account` has `url` and the three keys."""
    told = {
        "KLING_BASE_URL": account["url"],
        "KLING_ACCESS_KEY": account["access_key"],
        "KLING_SECRET_KEY": account["secret_key"],
        "KLING_API_KEY": account["api_key"],
    }
    told |= {name.replace("KLING_", "KLINGAI_"): value for name, value in told.items()}
    token = account.get("control_token")
    return told | {"KLINGMOCK_URL": account["url"] + ROOT} | ({"KLINGMOCK_CONTROL_TOKEN": token} if token else {})
