"""The command line as a process: how it starts, what it says, how it ends."""

import json
import re
import signal
import stat
from typing import Any
from urllib.parse import urlsplit

import pytest

DEFAULTS = {"access_key": 32, "secret_key": 32, "api_key": 57}


def test_it_says_where_it_listens(double: Any) -> None:
    """One stable line, on its own."""
    assert double.lines.count(f"listening on {double.url}") == 1
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", double.url)


def test_it_says_what_it_loaded(double: Any) -> None:
    """And by which keys one comes in."""
    text = "\n".join(double.lines)
    assert [double.ready[name] in text for name in DEFAULTS] == [True] * 3
    assert re.search(r"seed\W+\d+", text)


def test_the_port_file_is_whole_and_private(double: Any) -> None:
    """Six keys, readable by its owner alone."""
    assert list(double.ready) == ["url", "port", "pid", "access_key", "secret_key", "api_key"]
    assert stat.S_IMODE(double.port_file.stat().st_mode) == 0o600
    assert (urlsplit(double.url).port, double.ready["pid"]) == (double.ready["port"], double.process.pid)
    assert {name: len(double.ready[name]) for name in DEFAULTS} == DEFAULTS


def test_no_secret_is_logged(double: Any) -> None:
    """After a call with it: only the start names the keys."""
    token = double.token()
    double.call("GET", double.CREATE, auth=f"Bearer {token}")
    double.call("GET", double.CREATE, auth=f"Bearer {token}x")
    log = "\n".join(double.lines[next(n for n, line in enumerate(double.lines) if line.startswith("listening")) + 1 :])
    assert [secret in log for secret in (token, double.api_key, double.ready["secret_key"])] == [False] * 3


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_when_told_to(run: Any, receiver: Any, sent: signal.Signals) -> None:
    """With 0 within two seconds, though a connection is open, a body half sent and a callback unanswered."""
    one = run("--speed", "0")
    receiver.during = lambda: one.process.wait(5)
    one.create(callback_url=receiver.url)
    receiver.wait(1)
    with one.connect() as idle, one.connect() as busy:
        busy.sendall(one.head("POST", one.CREATE, "Content-Length: 100") + b"{")
        idle.sendall(one.head("GET", one.CREATE))
        assert one.reply(idle)[0] == 200
        one.process.send_signal(sent)
        assert one.process.wait(2.2) == 0
    assert "Traceback" not in "\n".join(one.lines)


def test_the_environment_sets_what_flags_do_not(run: Any) -> None:
    """`KLINGMOCK_` and the flag in capitals."""
    one = run("--speed", "0", KLINGMOCK_ACCESS_KEY="a" * 32, KLINGMOCK_SECRET_KEY="s" * 32, KLINGMOCK_API_KEY="k" * 57)
    assert (one.ready["access_key"], one.ready["secret_key"], one.api_key) == ("a" * 32, "s" * 32, "k" * 57)
    assert one.page().status_code == 200
    assert one.page(auth=f"Bearer {one.token()}").status_code == 200


def test_the_same_seed_tells_the_same_story(run: Any, tmp_path: Any) -> None:
    """Lenient tokens name the sandbox; the seed decides the request ids."""
    first = run("--seed", "42", "--speed", "0")
    one = [first.page().json()["request_id"] for _ in range(3)]
    first.stop()
    second = run("--seed", "42", "--speed", "0")
    assert [second.page().json()["request_id"] for _ in range(3)] == one


def test_lenient_and_off_let_in_what_strict_does_not(run: Any) -> None:
    """A well-formed token signed by nobody; then no token at all."""
    lenient = run("--auth", "lenient", "--speed", "0")
    assert lenient.page(auth=f"Bearer {lenient.token(secret='x' * 32, iss='somebody')}").status_code == 200
    assert lenient.refusal(lenient.call("GET", lenient.CREATE, auth=None))[:2] == (401, 1001)
    off = run("--auth", "off", "--speed", "0")
    assert off.call("GET", off.CREATE, auth=None).status_code == 200


def test_a_token_from_the_command_line_opens_the_door(double: Any, command: Any) -> None:
    """As the vendor's samples make it."""
    token = command("token").stdout.strip()
    assert double.page(auth=f"Bearer {token}").status_code == 200


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--expires-in", "-10"), 1004), (("--not-before", "60"), 1003), (("--secret-key", "x" * 32), 1000)],
    ids=["expired", "not yet", "wrong secret"],
)
def test_a_bad_token_from_the_command_line_does_not(
    double: Any, command: Any, words: tuple[str, ...], code: int
) -> None:
    """Made to order."""
    token = command("token", *words).stdout.strip()
    assert double.refusal(double.page(auth=f"Bearer {token}"))[:2] == (401, code)


def test_the_command_line_prints_the_document_it_serves(double: Any, command: Any) -> None:
    """`spec --format json` is `/__kling/spec/openapi.json`."""
    printed = command("spec", "--format", "json")
    assert (printed.returncode, json.loads(printed.stdout)) == (0, double.control("spec/openapi.json"))


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--port", "70000"),
        ("serve", "--port", "0", "--callback-allow", "not a host"),
        ("serve", "--port", "0", "--pace", "leisurely"),
        ("serve", "--port", "0", "--scenario", "no-such-story"),
        ("serve", "--port", "0", "--state", "state.db"),
        ("serve", "--port", "0", "--choose", "no_such_choice=1"),
        ("serve", "--port", "0", "--choose", "callback_statuses=none_such"),
        ("serve", "--port", "0", "--balance", "a lot"),
        ("serve", "--port", "0", "--balance", "-1"),
        ("serve", "--port", "0", "--webhook-secret", "not-a-secret"),
        ("serve", "--port", "0", "--tls-cert", "no-such-file.pem"),
        (
            "serve",
            "--no-such-flag",
        ),
        ("no-such-command",),
    ],
    ids=lambda words: " ".join(words[-2:]),
)
def test_wrong_use_exits_2_and_says_why(command: Any, words: tuple[str, ...]) -> None:
    """On standard error, without a traceback."""
    ended = command(*words)
    assert (ended.returncode, "Traceback" in ended.stderr, bool(ended.stderr.strip())) == (2, False, True)


def test_a_taken_port_is_told_plainly(double: Any, command: Any) -> None:
    """Not by a traceback, and not as success."""
    ended = command("serve", "--port", str(double.ready["port"]))
    assert ended.returncode in {1, 2}
    assert "Traceback" not in ended.stderr
    assert str(double.ready["port"]) in ended.stderr
