"""From the words of a command line to a run, its reports and an exit status."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from urllib.parse import urlsplit

from hypothesis.configuration import set_hypothesis_home_dir

from contracts.suite import report, run
from contracts.suite.accounts import Keys
from contracts.suite.findings import CutShort, Finding, Verdict
from contracts.suite.registry import PROMISES
from contracts.suite.stage import Options
from contracts.tokens import ApiKey, KeyPair

FINE, BROKEN, WRONG_USE, INCONCLUSIVE = 0, 1, 2, 3
"""Exit statuses (interfaces, "The command line")."""

Say = Callable[[str], object]


class WrongUse(ValueError):
    """The command line makes no sense; the message says what would."""


def check(url: str, flags: Mapping[str, Any], say: Say) -> int:
    """Run the promises against `url`, say what came of each, write the reports; the exit status."""
    findings: list[Finding] = []
    set_hypothesis_home_dir(Path(gettempdir()) / "klingmock-hypothesis")  # nothing is left where the user stands
    try:
        options, names = options_from(url, flags), _known(flags["names"])
        why_short = _run(options, names, findings, say)
        _write(flags, options, findings, why_short)
    except (WrongUse, OSError) as mistake:
        say(f"klingmock: {mistake}")
        return WRONG_USE
    if findings:
        say(report.summary(findings))
    if why_short:
        say(f"inconclusive: {why_short}")
    if any(finding.verdict is Verdict.BROKEN for finding in findings):
        return BROKEN
    return INCONCLUSIVE if why_short else FINE


def _run(options: Options, names: tuple[str, ...], findings: list[Finding], say: Say) -> str:
    """Add what is found to `findings`, and say it; why not all was looked at, empty if all was."""
    try:
        with _terminable():
            for finding in run.judged(options, names):
                findings.append(finding)
                for line in report.lines(finding):
                    say(line)
    except CutShort as short:
        return str(short)
    except KeyboardInterrupt:
        return f"stopped after {len(findings)} of {len(names or PROMISES)} promises"
    return ""


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM, by which CI servers end what takes too long, stops a run as Ctrl-C does: what was found is kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def options_from(url: str, flags: Mapping[str, Any]) -> Options:
    """What a run needs. Raises WrongUse."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WrongUse(f"{url!r} is no base URL; such as http://127.0.0.1:5546 is")
    keys = _keys(flags, "")
    if keys is None and not flags["control"]:
        raise WrongUse("give --access-key and --secret-key, or --api-key")
    return Options(
        url=url,
        keys=keys or Keys(),
        other=_keys(flags, "other_"),
        control=flags["control"],
        control_token=flags["control_token"],
        seed=flags["seed"],
        max_examples=flags["max_examples"],
        budget=_units(flags["budget"]),
        safe=flags["safe"],
        patience_s=flags["patience"],
        time_s=flags["time"],
    )


def _keys(flags: Mapping[str, Any], whose: str) -> Keys | None:
    access_key, secret_key, api_key = (flags[f"{whose}{name}"] for name in ("access_key", "secret_key", "api_key"))
    if bool(access_key) != bool(secret_key):
        raise WrongUse("an AccessKey and its SecretKey go together")
    if not (access_key or api_key):
        return None
    try:
        return Keys(KeyPair(access_key, secret_key) if access_key else None, ApiKey(api_key) if api_key else None)
    except ValueError as error:
        raise WrongUse(str(error)) from error


def _units(text: str) -> Decimal:
    try:
        units = Decimal(text)
    except InvalidOperation:
        units = Decimal("NaN")
    if not units.is_finite() or units < 0:
        raise WrongUse(f"--budget {text!r} is no number of units")
    return units


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in PROMISES:
            near = get_close_matches(name, PROMISES, n=1)
            raise WrongUse(f"there is no promise {name!r}{f'; did you mean {near[0]!r}?' if near else ''}")
    return names


def _write(flags: Mapping[str, Any], options: Options, findings: list[Finding], why_short: str) -> None:
    about: dict[str, Any] = {name: getattr(options, name) for name in ("url", "seed", "max_examples", "safe")}
    if why_short:
        about["inconclusive"] = why_short
    path: Path | None
    if path := flags["report"]:
        report.write(path, report.as_json(findings, **about))
    if path := flags["junit"]:
        report.write(path, report.as_junit(findings))
