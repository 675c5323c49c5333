"""The commands that use a double: exec, scenarios, tasks, clock, callbacks."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kit import BODY, PATH

from mockserver import catalogue, doubles, resources
from mockserver.cli import main
from mockserver.remote import Remote, Unreachable

CREATE = f"""
import json, os, sys, urllib.error, urllib.request
def create(**fields):
    request = urllib.request.Request(os.environ["KLING_BASE_URL"] + {PATH!r}, json.dumps({{**{BODY!r}, **fields}}).encode())
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", "Bearer " + os.environ["KLING_API_KEY"])
    try:
        return json.load(urllib.request.urlopen(request))
    except urllib.error.HTTPError as error:
        return json.load(error)
"""
PATIENCE_S = 20
EXAMPLES = Path(__file__).parent.parent / "examples"


def python(*lines: str) -> list[str]:
    """A program that knows how to create a task."""
    return [sys.executable, "-c", "\n".join([CREATE, *lines])]


def klingmock(*arguments: str, **settings: Any) -> "subprocess.CompletedProcess[str]":
    """The command line as a shell runs it."""
    return subprocess.run(
        [sys.executable, "-m", "mockserver", *arguments], text=True, capture_output=True, check=False, **settings
    )


def gone(url: str) -> bool:
    """Whether, before long, nobody answers there."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            Remote(url).get("livez")
        except Unreachable:
            return True
        time.sleep(0.02)  # noqa: TID251  another process's end can only be waited for
    return False


# -- exec


def test_a_command_finds_its_double_by_environment_and_keeps_its_own_streams_and_status(tmp_path):
    """Standard input and output are COMMAND's alone; what it cost stands on standard error; its status is the status."""
    program = python(
        f"assert json.load(open({str(tmp_path / 'port')!r}))['url'] == os.environ['KLING_BASE_URL']",
        "answer = create()",
        "told = {name: value for name, value in os.environ.items() if name.startswith('KLING')}",
        "print(json.dumps([sys.stdin.read(), answer['code'], told]))",
        "sys.exit(5)",
    )
    (tmp_path / "port").write_text('{"url": "of yesterday"}')
    flags = ["--seed", "7", "--port-file", str(tmp_path / "port")]
    ran = klingmock("exec", *flags, "--", *program, input="hello", env={**os.environ, "KLINGMOCK_PACE": "instant"})
    said, code, told = json.loads(ran.stdout)
    keys = [told.pop("KLINGMOCK_PACE"), told.pop("KLINGMOCK_URL")]
    names = ["BASE_URL", "ACCESS_KEY", "SECRET_KEY", "API_KEY"]
    assert (ran.returncode, said, code, keys) == (5, "hello", 0, ["instant", told["KLING_BASE_URL"] + "/__kling"])
    assert sorted(told) == sorted(f"{vendor}_{name}" for vendor in ("KLING", "KLINGAI") for name in names)
    assert all(told[f"KLING_{name}"] == told[f"KLINGAI_{name}"] for name in names)
    assert ran.stderr.splitlines() == [
        "klingmock: 1 call, 2 units for 1 task (1 charged)",  # charged at once: the environment's pace counts
        "klingmock: no request broke the document",
        "klingmock: the same again: klingmock exec --seed=7 …",
    ]
    assert gone(told["KLING_BASE_URL"])


@pytest.mark.parametrize(
    ("flags", "fields", "own", "status"),
    [
        ((), "promt='x'", 0, 0),
        (("--strict",), "promt='x'", 0, 1),
        (("--strict",), "promt='x'", 6, 6),
        (("--strict", "--journal", "0"), "", 0, 3),
    ],
    ids=["told", "strict", "its own status wins", "inconclusive"],
)
def test_a_request_that_broke_the_document_is_told_and_with_strict_counts(flags, fields, own, status):
    """1 if COMMAND was fine but a request broke the document, 3 if calls were forgotten and nobody can know."""
    ran = klingmock("exec", *flags, *python(f"create({fields})", f"sys.exit({own})"))
    assert ran.returncode == status
    if fields:
        assert "klingmock: 1 request broke the document:\n  #1 POST " in ran.stderr
        assert "/body/promt: the document has no such field\n      sent      'x'\n" in ran.stderr
        assert "      expected  probably prompt; it is one of model_name, " in ran.stderr
        assert "      clause    #/paths/" in ran.stderr


def test_a_request_that_was_probably_paid_twice_is_told():
    """The same body again, after a failure that left open whether the first was accepted; it breaks nothing."""
    ran = klingmock(
        "exec", "--strict", "--scenario", "server_error_after_commit", "--", *python("create()", "create()")
    )
    assert "klingmock: possible duplicate: task " in ran.stderr
    assert (ran.returncode, "2 calls, 4 units for 2 tasks" in ran.stderr) == (0, True)


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (["no-such-command"], 127, "klingmock: no-such-command: there is no such command\n"),
        (["/"], 126, "klingmock: /: cannot be run: Permission denied\n"),
        ([], 2, "Missing argument 'COMMAND...'"),
        (["--scenario", "fial", "true"], 2, "klingmock: scenario fial: there is no such story; did you mean 'fail'?"),
    ],
)
def test_what_cannot_be_run_is_said_as_shells_say_it(command, status, message):
    """127: not found, 126: not runnable, 2: wrong use or a double that cannot start."""
    ran = klingmock("exec", *command)
    assert (ran.returncode, message in ran.stderr) == (status, True)


def test_a_command_that_a_signal_ended_counts_as_in_a_shell():
    """128 and the signal's number."""
    assert klingmock("exec", "--", "sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize(("program", "file"), [("sh", "film.sh"), ("node", "film.mjs")])
def test_the_examples_in_other_languages_run(program, file):
    """By curl and by Node, with nothing but what exec exports; their requests break nothing."""
    if shutil.which(program) is None or shutil.which("curl") is None:
        pytest.skip(f"{program} or curl is not here")
    ran = klingmock("exec", "--strict", "--pace", "instant", "--", program, str(EXAMPLES / file))
    assert (ran.returncode, "succeed" in ran.stdout) == (0, True), ran.stderr


@pytest.fixture
def waiting() -> Iterator[Callable[[], tuple[Any, str]]]:
    """Starts exec with a command that waits for a signal; gives the process and the double's address."""
    started: list[Any] = []
    program = python(
        "import signal",
        "for number in (signal.SIGINT, signal.SIGTERM):",
        "    signal.signal(number, lambda number, _: sys.exit(40 + number))",
        "print(os.environ['KLING_BASE_URL'], flush=True)",
        "signal.pause()",
    )

    def start() -> tuple[Any, str]:
        command = [sys.executable, "-m", "mockserver", "exec", *program]
        process = subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, process_group=0)
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_command(waiting, number):
    """The command ends as it likes, is accounted for, and the double ends with it."""
    process, url = waiting()
    process.send_signal(number)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, "0 calls" in told) == (40 + number, True)
    assert gone(url)


def test_a_double_ends_even_if_whoever_started_it_is_killed(waiting):
    """Nobody is left to end it, so it ends itself."""
    process, url = waiting()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert gone(url)


def test_a_ctrl_c_at_the_terminal_reaches_the_command_once_and_the_double_not_at_all():
    """The terminal signals the whole foreground group: exec does not repeat it, and the double lives to tell the cost."""
    program = python(
        "import signal",
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])",
        "print('ready', flush=True)",
        "signal.sigwait([signal.SIGINT])",
        "print('once' if signal.sigtimedwait([signal.SIGINT], 0.2) is None else 'twice', flush=True)",
    )
    terminal = [sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])"]
    command = [*terminal, sys.executable, "-m", "mockserver", "exec", *program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"ready"
        process.stdin.write(b"\x03")
        process.stdin.flush()
        said = process.stdout.read().decode()
    assert ("once" in said, "klingmock: 0 calls" in said) == (True, True), said


# -- scenarios


def run(*arguments: str, **settings: Any) -> Result:
    """A command in this process."""
    return CliRunner().invoke(main, list(arguments), **settings)


def test_every_story_is_listed_in_its_group_with_its_first_sentence():
    """For people, and for programs with `--format json`."""
    titles = json.loads(run("scenarios", "list", "--format", "json").stdout)
    listed = run("scenarios", "list").stdout
    assert sorted(title["name"] for title in titles) == sorted(path.stem for path in resources.SCENARIOS.glob("*.yaml"))
    assert {title["group"] for title in titles} == set(catalogue.GROUPS)
    assert all(f"  {title['name']}" in listed and title["sentence"] in listed for title in titles)
    fail = next(title for title in titles if title["name"] == "fail")
    assert (fail["group"], fail["sentence"]) == (
        "timelines",
        "The task is accepted and, two seconds into processing, fails the risk control.",
    )


def test_a_story_is_shown_so_that_it_can_be_saved_and_played(tmp_path):
    """What `show` prints is a story."""
    (tmp_path / "mine.yaml").write_text(run("scenarios", "show", "fail").stdout)
    assert run("scenarios", "validate", str(tmp_path / "mine.yaml")).stdout.splitlines() == [
        f"{tmp_path}/mine.yaml: fine, 1 rule",
        f"next: klingmock serve --scenario {tmp_path}/mine.yaml",
    ]


def test_an_unknown_story_is_answered_with_the_nearest():
    """And status 2."""
    told = run("scenarios", "show", "fial")
    assert (told.exit_code, "did you mean 'fail'?" in told.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("about: x\nrules:\n  - {when: {action: submit}, refus: 1302}\n", ":3: 'refus' is no key here; did you mean 'refuse'?"),
        ("about: x\nrules:\n  - {refuse: too_many_request}\n", ":3: refuse: 'too_many_request' is no error of the document"),
        ("about: x\nrules:\n\n  - {disrupt: {delay: 2 s}}\n", ":4: "),
        ("about: a: b", ":1: is not YAML"),
        ("", ": a story is a mapping"),
    ],
    ids=["a wrong key", "a wrong word", "a bad duration", "no YAML", "nothing"],
)  # fmt: skip
def test_a_story_that_cannot_be_played_is_told_with_file_and_line(tmp_path, text, said):
    """The others are judged all the same; the status is 2 if one is bad."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("about: x\n")
    bad.write_text(text)
    told = run("scenarios", "validate", str(bad), str(good))
    assert (told.exit_code, told.stdout) == (2, f"{good}: fine, 0 rules\n")
    assert told.stderr.startswith(f"{bad}{said}")


def test_a_file_that_is_not_there_cannot_be_validated(tmp_path):
    """Status 2, in words."""
    told = run("scenarios", "validate", str(tmp_path / "nothing.yaml"))
    assert (told.exit_code, "nothing.yaml: cannot be read" in told.stderr) == (2, True)


# -- a running double


@pytest.fixture
def sandbox(double: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A frozen world of the shared double with one finished task, and the flags that find it."""
    remote = Remote(double["url"])
    made = remote.ask("POST", "sandboxes", {"rate": 0, "pace": "fast"})
    environment = {"KLING_BASE_URL": double["url"], "KLING_API_KEY": made["api_key"]}
    body = {"callback_url": f"{double['url']}/__kling/inbox/x?sandbox={made['access_key']}"}
    program = python(f"print(create(**{body})['data']['task_id'])")
    id = subprocess.run(program, env=environment, text=True, capture_output=True, check=True).stdout.strip()
    yield {"id": id, "flags": ["--url", double["url"], "--sandbox", made["access_key"]]}
    remote.ask("DELETE", f"sandboxes/{made['access_key']}")


def test_a_task_s_life_is_lived_and_looked_at(sandbox):
    """Time passes by `clock advance`; then the task, its timeline and its callbacks tell what happened."""
    advanced = run("clock", "advance", "10m", *sandbox["flags"]).stdout.splitlines()
    events = [line.split("  ", 1)[1] for line in advanced[:-2]]
    assert events[-4:] == [  # the callback for submitted may have gone before
        f"task {sandbox['id']} is processing",
        f"callback processing of task {sandbox['id']} → 200",
        f"task {sandbox['id']} is succeed",
        f"callback succeed of task {sandbox['id']} → 200",
    ]
    assert advanced[-2].endswith("  rate 0")
    listed = run("tasks", *sandbox["flags"]).stdout.splitlines()
    life = run("tasks", sandbox["id"], *sandbox["flags"]).stdout
    assert listed == [f"{sandbox['id']}  succeed     multi-image2video  2 units", "1 in all; next: klingmock tasks ID"]
    assert life.splitlines()[0] == listed[0]
    assert "  +3000 ms\tdelivery" in life


def test_a_callback_is_sent_again(sandbox):
    """By the id that the list shows."""
    run("clock", "advance", "10m", *sandbox["flags"])
    listed = run("callbacks", *sandbox["flags"]).stdout.splitlines()
    id = listed[0].split()[0]
    assert f"{id} submitted of task {sandbox['id']}: delivered (200) to http" in listed[0]
    assert run("callbacks", "resend", id, *sandbox["flags"]).stdout.startswith("on its way as ")


def test_a_clock_can_be_set_and_read_as_json(sandbox):
    """`--format json` is the control plane's own answer."""
    set_to = json.loads(run("clock", "rate", "0.5", "--format", "json", *sandbox["flags"]).stdout)
    read = json.loads(run("clock", "--format", "json", *sandbox["flags"]).stdout)
    assert (set_to["rate"], read["rate"], set_to["fired"]) == (0.5, 0.5, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clock", "advance", "10"], "'10' is no length of time; write it like 250ms, 30s"),
        (["clock", "advance"], "say how: clock advance 10m"),
        (["clock", "rate", "fast"], "'fast' is no rate; write it like 0, 1 or 60"),
        (["clock", "rate", "-1"], "No such option"),
        (["clock", "rate", "nan"], "'nan' is no rate"),
        (["tasks", "no-such"], "there is no task 'no-such'"),
        (["callbacks", "resend"], "say which: callbacks resend ID"),
        (["callbacks", "resend", "x"], "there is no callback 'x'"),
        (["tasks", "--sandbox", "nobody"], "there is no sandbox 'nobody'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_ends_with_2_and_says_what_would_be_right(double, arguments, message):
    """Nothing changes."""
    told = run(*arguments, env={"KLINGMOCK_URL": double["url"] + "/__kling"})
    assert (told.exit_code, message in told.stderr) == (2, True), told.output


def test_where_nobody_answers_nothing_is_known():
    """Status 3, the address, and how to start a double."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        told = run("tasks", "--url", url)
    assert (told.exit_code, told.stderr) == (
        3,
        f"klingmock: no double answers at {url} (Connection refused); start one with: klingmock serve\n",
    )


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[", "ftp://127.0.0.1", "http://127.0.0.1:x"])
def test_what_is_no_address_is_said_to_be_none(url):
    """Status 3, and what one looks like."""
    told = run("clock", "--url", url)
    assert (told.exit_code, "is no address; write it like http://" in told.stderr) == (3, True)


def test_a_double_that_demands_a_token_gets_it():
    """From the flag or the environment; without it the refusal says what is wanted."""
    with doubles.running(["--control-token", "t0ken"]) as double:
        refused = run("tasks", "--url", double["url"])
        let_in = [
            run("tasks", "--url", double["url"], "--control-token", "t0ken"),
            run("tasks", env={"KLINGMOCK_URL": double["url"], "KLINGMOCK_CONTROL_TOKEN": "t0ken"}),
        ]
    assert (refused.exit_code, "wants its token" in refused.stderr) == (2, True)
    assert [told.exit_code for told in let_in] == [0, 0]


def test_a_double_for_others_is_given_a_token():
    """Off loopback its control plane never stands open, and whoever started it knows the token."""
    with doubles.running(["--host", "0.0.0.0"]) as double:
        environment = doubles.environment(double)
        assert run("tasks", env=environment).exit_code == 0
        assert run("tasks", env={**environment, "KLINGMOCK_CONTROL_TOKEN": ""}).exit_code == 2


@pytest.mark.parametrize("name", ["exec", "scenarios", "tasks", "clock", "callbacks"])
def test_every_command_s_help_shows_an_example(name):
    """One that can be typed."""
    assert f"Example: klingmock {name} " in run(name, "--help").output


def test_help_is_quick_because_nothing_heavy_is_imported():
    """The commands of this file are described without the modules that do their work."""
    program = (
        "import sys; from mockserver.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {
        "mockserver.remote",
        "mockserver.document",
        "mockserver.api",
        "http.client",
        "httpx",
        "starlette",
    } & set(loaded)
