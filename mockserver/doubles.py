"""A double in a process of its own, for those who need one while they do something else."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_START_S = 20
_LOOK_AGAIN_S = 0.01


class NotStarted(RuntimeError):
    """The double ended before it was ready; the message holds what it said."""


@contextmanager
def running(flags: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Serve on a free port for as long as the block lasts; gives what `--port-file` holds. Raises NotStarted."""
    with tempfile.TemporaryDirectory(prefix="klingmock-") as folder:
        port_file = Path(folder) / "double.json"
        command = [sys.executable, "-m", "mockserver", "serve", *flags, "--port", "0", "--port-file", str(port_file)]
        with (Path(folder) / "log").open("w+b") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment())
            try:
                _wait_for(port_file, process, log)
                yield json.loads(port_file.read_text())
            finally:
                process.terminate()
                process.wait()


def _environment() -> dict[str, str]:
    """Ours, without flags meant for another double, and safe from packages in the current folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KLINGMOCK_")}
    return {**kept, "PYTHONSAFEPATH": "1"}


def _wait_for(port_file: Path, process: "subprocess.Popen[bytes]", log: Any) -> None:
    until = time.monotonic() + _START_S
    while not port_file.exists():
        if process.poll() is not None or time.monotonic() > until:
            log.seek(0)
            raise NotStarted(log.read().decode(errors="replace").strip() or "the double did not start")
        time.sleep(_LOOK_AGAIN_S)  # noqa: TID251  another process's start can only be waited for
