"""The door for pytest: used here as in any project, and in generated projects where its failures can be looked at."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from kit import BODY, PATH

from mockserver import doubles
from mockserver.testing import Kling

pytest_plugins = ["pytester"]

EXAMPLE = Path(__file__).parent.parent / "examples" / "test_films.py"


def call(kling: Any, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
    """One call of a client that knows nothing of doubles."""
    request = urllib.request.Request(kling.url + path, json.dumps(body).encode() if body else None, method=method)
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"Bearer {key or kling.api_key}")
    try:
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)


def create(kling: Any, **fields: Any) -> Any:
    """Create a task."""
    return call(kling, "POST", PATH, {**BODY, **fields})


CLIENT = """
import json, urllib.error, urllib.request
import pytest

def create(kling, key=None, **fields):
    body = {"image_list": [{"image": "https://example.com/a.png"}], "prompt": "a dog", **fields}
    url = kling.url + "/v1/videos/multi-image2video"
    request = urllib.request.Request(url, json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", "Bearer " + (key or kling.api_key))
    try:
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose environment holds pytest, xdist and klingmock; nothing else is loaded, for speed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Its suite in a process of its own; the plugin is found by its entry point."""
    return project.runpytest_subprocess("-p", "klingmock", "-p", "no:cacheprovider", *arguments)


# -- one test's sandbox


def test_a_test_has_a_world_of_its_own_and_sees_all_that_happens_in_it(kling: Kling):
    """Tasks, calls, costs and violations of this test's calls, and of no others."""
    made = create(kling, prompt="a dog", note=1)["data"]
    create(kling, prompt="")
    assert [task["task_id"] for task in kling.tasks] == [made["task_id"]]
    assert [(each["status"], each["code"]) for each in kling.calls] == [(200, 0), (400, 1201)]
    assert (kling.ledger["units"], kling.callbacks) == ("2", [])
    assert [each["pointer"] for each in kling.violations] == ["/body/note", "/body/prompt"]


def test_the_default_clock_is_hurried(kling: Kling):
    """At rate 60 the calm task and its callbacks are through in about 50 ms."""
    inbox = kling.inbox()
    create(kling, callback_url=inbox.url)
    assert [each["body"]["task_status"] for each in inbox.wait(3)] == ["submitted", "processing", "succeed"]
    assert kling.clock["rate"] == 60


@pytest.mark.kling(rate=0)
def test_a_frozen_clock_moves_only_when_advanced(kling: Kling):
    """Ten minutes pass at once, by their text or in milliseconds; what fired is told in order."""
    task = create(kling)["data"]["task_id"]
    before = kling.clock["now_ms"]
    fired = kling.advance("10m") + kling.advance(ms=1)
    assert kling.clock == {"now_ms": before + 600_001, "rate": 0}
    assert [(each["kind"], each["status"]) for each in fired] == [("status", "processing"), ("status", "succeed")]
    assert [each["kind"] for each in kling.task(task)["timeline"]] == ["status", "create", "status", "status"]


@pytest.mark.parametrize("wrong", [{}, {"length": "10m", "ms": 1}])
def test_an_advance_is_one_length(kling: Kling, wrong: dict[str, Any]):
    """A text or milliseconds, not both and not neither."""
    with pytest.raises(TypeError, match="ms=600_000"):
        kling.advance(**wrong)


pytestmark = pytest.mark.kling(now_ms=1_800_000_000_000)


@pytest.mark.kling(rate=0, concurrency=1, balance="2.5", pace="instant", scenario="extra_fields")
def test_a_marker_says_what_the_sandbox_is_like(kling: Kling):
    """Every argument reaches it; the marker of the module does too."""
    answers = [create(kling)["code"], create(kling)["code"]]
    assert (kling.clock["now_ms"], answers) == (1_800_000_000_000, [0, 1102])
    assert kling.calls[0]["rule"] == "extra_fields.yaml#/rules/0"


@pytest.mark.kling(rate=0, now_ms=1_700_000_000_000)
def test_a_nearer_marker_has_the_last_word(kling: Kling):
    """The test's own, before the class's, before the module's."""
    assert kling.clock["now_ms"] == 1_700_000_000_000


@pytest.mark.parametrize("form", ["name", "text", "file"])
def test_a_story_is_played_by_name_by_text_or_from_a_file(kling: Kling, tmp_path: Path, form: str):
    """From now on."""
    text = "about: Nobody gets in.\nrules: [{when: {action: submit}, refuse: 1302}]\n"
    (tmp_path / "mine.yaml").write_text(text)
    kling.play({"name": "creates_too_fast", "text": text, "file": tmp_path / "mine.yaml"}[form])
    assert [create(kling)["code"] for _ in range(4)][-1] == 1302


@pytest.mark.parametrize(
    ("story", "message"),
    [("fial", "there is no story 'fial'; did you mean 'fail'"), ("about: x\nrulse: []", ":2: 'rulse' is no key here")],
)
def test_a_story_that_cannot_be_played_is_refused_with_the_right_spelling(kling: Kling, story: str, message: str):
    """And the old one goes on."""
    with pytest.raises(ValueError, match=message):
        kling.play(story)
    assert create(kling)["code"] == 0


@pytest.mark.kling(rate=0)
def test_an_inbox_misbehaves_as_told(kling: Kling):
    """It answers, hangs, drops or redirects for as many deliveries as it is told; the attempts tell."""
    inbox = kling.inbox("mine")
    kling.play("callbacks_retried")
    inbox.behave(answer=500, times=2)
    create(kling, callback_url=inbox.url)
    kling.advance("5s")
    assert [each["answered"] for each in inbox.received][:2] == [500, 500]
    inbox.behave(down=True)
    kling.advance("10m")
    assert {each["answered"] for each in inbox.received[-3:]} == {None}
    assert [each["delivered"] for each in kling.callbacks][-1] is False
    with pytest.raises(ValueError, match=r"an inbox cannot behave like \{'answr': 500\}"):
        inbox.behave(answr=500)


@pytest.mark.kling(rate=0, scenario="held_in_processing")
def test_a_hand_can_be_put_in(kling: Kling):
    """Tasks are moved, callbacks sent again, the clock set, memory wiped."""
    inbox = kling.inbox()
    task = create(kling, callback_url=inbox.url)["data"]["task_id"]
    kling.advance("1m")
    kling.move(task, "failed", "by hand")
    kling.advance("1s")
    kling.resend(kling.callbacks[-1]["id"])
    assert [each["body"]["task_status"] for each in inbox.wait(4)][2:] == ["failed", "failed"]
    kling.set_rate(5)
    kling.reset()
    assert (kling.tasks, kling.calls, kling.clock["rate"]) == ([], [], 5)


@pytest.mark.kling(rate=0)
def test_waiting_ends_even_where_a_test_has_stopped_the_clock(kling: Kling, monkeypatch: pytest.MonkeyPatch):
    """As libraries that freeze time do."""
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    with pytest.raises(AssertionError, match=r"received 0 of 1 callback within 0\.05 s"):
        kling.inbox().wait(timeout_s=0.05)


def test_several_worlds_live_side_by_side(kling: Kling, kling_server: Any):
    """A test that needs two accounts makes another; it is gone when the block ends."""
    with kling_server.sandbox(rate=0) as other:
        create(other)
        assert ([len(kling.tasks), len(other.tasks)], other.clock["rate"]) == ([0, 1], 0)
    assert call(other, "GET", PATH)["code"] == 1002


def test_a_program_finds_the_sandbox_by_environment(kling: Kling):
    """By the variables of `klingmock exec`, and the commands that look into a double by one more."""
    told = kling.environment
    assert (told["KLINGAI_API_KEY"], told["KLINGMOCK_SANDBOX"]) == (kling.api_key, kling.access_key)
    assert told["KLINGMOCK_URL"] == kling.url + "/__kling"


# -- expectations


def test_calls_are_expected_by_the_journal_s_fields_and_the_body_s(kling: Kling):
    """By value, pattern, predicate, or anything at all; the first that fits is given."""
    create(kling, prompt="one dog")
    create(kling, prompt="two dogs", mode="pro")
    assert kling.expect_call(action="submit", prompt=re.compile("^two"), mode=...)["number"] == 2
    assert kling.expect_call(status=200, prompt=lambda text: "dog" in text)["number"] == 1
    kling.expect_call(times=2, action="submit")
    kling.expect_call(times=0, code=1303)
    kling.expect_no_call(mode="std")


def test_the_nearest_call_is_told_field_by_field(kling: Kling):
    """What was expected, what came."""
    create(kling, prompt="a cat")
    create(kling, prompt="a big dog")
    with pytest.raises(AssertionError) as told:
        kling.expect_call(action="submit", prompt="a bug dog", mode="pro")
    assert str(told.value).splitlines() == [
        "no call with action='submit', prompt='a bug dog', mode='pro'",
        "the nearest of 2 calls:",
        f"  #2 POST {PATH} → 200 code 0 SUCCEED",
        "    prompt",
        "      expected  'a bug dog'",
        "      came      'a big dog'",
        "    mode",
        "      expected  'pro'",
        "      came      nothing",
    ]


def test_a_wrong_number_of_calls_is_told_with_those_calls(kling: Kling):
    """Too many, too few, or any at all where none should be."""
    create(kling)
    with pytest.raises(AssertionError, match=r"1 call instead of 2:\n  #1 POST "):
        kling.expect_call(times=2, action="submit")
    with pytest.raises(AssertionError, match=r"1 call that should not be:\n  #1 POST "):
        kling.expect_no_call(action="submit")


def test_calls_with_other_keys_are_pointed_at(kling: Kling):
    """A sandbox that nobody called says who called the double otherwise."""
    call(kling, "GET", PATH, key="wrong")
    with pytest.raises(
        AssertionError, match=r"no call at all.*does the code under test use kling's keys\?(?s:.*) → 401"
    ):
        kling.expect_call(action="list")


@pytest.mark.kling(rate=0)
def test_callbacks_are_expected_and_awaited_alike(kling: Kling):
    """The near miss names the field; an inbox that waits in vain says that the clock stands."""
    inbox = kling.inbox()
    create(kling, callback_url=inbox.url)
    inbox.wait(1)
    with pytest.raises(
        AssertionError, match=r"(?s)received 1 of 3 callbacks .* the clock is frozen: .* submitted of task"
    ):
        inbox.wait(3, timeout_s=0)
    with pytest.raises(
        AssertionError, match=r"(?s)no callback with .*status\n +expected  'succeed'\n +came      'submitted'"
    ):
        kling.expect_callback(status="succeed")
    kling.advance("10m")
    assert kling.expect_callback(times=1, status="succeed", delivered=True)["url"] == inbox.url


# -- generated projects


def test_failures_explain_themselves(project: pytest.Pytester):
    """Strictness, wrong markers and failed assertions, each with what was meant and what came."""
    project.makepyfile(
        CLIENT
        + """
@pytest.mark.kling(strict=True)
def test_strict_and_broken(kling):
    create(kling, promt="x")

@pytest.mark.kling(strict=True)
def test_strict_with_other_keys(kling):
    create(kling, key="wrong")

@pytest.mark.kling(strict=True)
def test_strict_and_fine(kling):
    create(kling)

@pytest.mark.kling(scenari="fail")
def test_unknown_argument(kling): ...

@pytest.mark.kling("fail")
def test_nameless_argument(kling): ...

@pytest.mark.kling(scenario="fial")
def test_unknown_story(kling): ...

@pytest.mark.kling(rate=-1)
def test_impossible_rate(kling): ...

def test_red(kling):
    create(kling)
    kling.expect_call(prompt="a cat")
"""
    )
    result = run(project)
    result.assert_outcomes(passed=3, failed=1, errors=6)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_strict_and_broken*",
            "requests of this test broke the document (kling(strict=True)):",
            "  #1 POST /v1/videos/multi-image2video",
            "    /body/promt: the document has no such field",
            "      sent      'x'",
            "      expected  probably prompt; it is one of model_name, *",
            "      clause    #/paths/*/schema/properties",
            "*ERROR at teardown of test_strict_with_other_keys*",
            "  with keys that are not this test's: POST /v1/videos/multi-image2video: *",
            "@pytest.mark.kling does not take scenari; did you mean scenario? It takes, by name, scenario, rate, *",
            "@pytest.mark.kling does not take 'fail'. It takes, by name, *",
            "there is no story 'fial'; did you mean 'fail'? *",
            "there can be no such sandbox: /rate: *",
            '>       kling.expect_call(prompt="a cat")',
            "E*AssertionError: no call with prompt='a cat'",
            "*klingmock: calls and callbacks*",
            "  #1 POST /v1/videos/multi-image2video → 200 code 0 SUCCEED",
        ]
    )
    result.stdout.no_fnmatch_line("*During handling of the above exception*")
    result.stdout.no_fnmatch_line("*testing.py*")


def test_a_repository_with_packages_of_our_folders_names_is_unharmed_under_xdist(project: pytest.Pytester):
    """Its `contracts`, `scenarios` and `openapi` are its own, here and in four workers; fixtures and marker work."""
    for name in ("contracts", "scenarios", "openapi"):
        project.mkpydir(name).joinpath("__init__.py").write_text(f"OWNER = {name!r} + ' of the integrator'\n")
    project.makeconftest(
        "import contracts, scenarios, openapi\nOWNERS = [contracts.OWNER, scenarios.OWNER, openapi.OWNER]"
    )
    project.makeini("[pytest]\npythonpath = .\naddopts = --strict-markers\nfilterwarnings = error")
    project.makepyfile(
        CLIENT
        + """
import contracts, openapi, os, scenarios

@pytest.mark.kling(scenario="fail", rate=0, strict=True)
@pytest.mark.parametrize("number", range(8))
def test_fails(kling, number):
    create(kling, prompt=f"dog {number}")
    kling.advance("1m")
    assert [task["task_status"] for task in kling.tasks] == ["failed"]
    assert kling.expect_call(times=1, action="submit")["body"]["prompt"] == f"dog {number}"

@pytest.mark.parametrize("module", [contracts, openapi, scenarios])
def test_ours(module, kling, worker_id):
    assert module.OWNER == module.__name__ + " of the integrator"
    assert os.path.dirname(os.path.dirname(module.__file__)) == os.getcwd()
    assert worker_id in ("gw0", "gw1", "gw2", "gw3")
"""
    )
    result = run(project, "-p", "xdist", "-n", "4")
    result.assert_outcomes(passed=11)
    result.stdout.fnmatch_lines(["*4 workers*"])


def test_a_project_that_does_not_use_it_pays_nothing(project: pytest.Pytester):
    """No module but the plugin is imported, no process started."""
    project.makepyfile(
        """
import sys, threading

def test_plain(pytestconfig):
    assert sorted(name for name in sys.modules if name.startswith("mockserver")) == [
        "mockserver", "mockserver.pytest_plugin"
    ]
    assert not {"http.client", "httpx", "click", "yaml", "contracts"} & set(sys.modules)
    assert threading.active_count() == 1
"""
    )
    result = run(project)
    result.assert_outcomes(passed=1)


def test_the_example_runs(project: pytest.Pytester):
    """It is what a reader copies."""
    project.makepyfile(EXAMPLE.read_text())
    project.makeini("[pytest]\naddopts = --strict-markers\nfilterwarnings = error")
    run(project).assert_outcomes(passed=5)


def test_the_same_seed_draws_the_same(project: pytest.Pytester):
    """Given by the marker, or else the test's name: a failure can be seen again. Another seed draws something else."""
    project.makepyfile(
        test_it=CLIENT
        + """
def draw(kling): print("DRAWN", kling.access_key, create(kling)["request_id"])

def test_named(kling): draw(kling)

@pytest.mark.kling(seed="test_it.py::test_named")
def test_marked(kling): draw(kling)

@pytest.mark.kling(seed=7)
def test_otherwise(kling): draw(kling)
"""
    )
    named, marked, otherwise = (line.split()[-2:] for line in run(project, "-s").outlines if "DRAWN" in line)
    assert named == marked
    assert not set(named) & set(otherwise)


def test_the_double_is_started_as_the_project_wants(project: pytest.Pytester):
    """By overriding one link of the chain; its control token is used without a word."""
    project.makeconftest(
        """
import pytest

@pytest.fixture(scope="session")
def kling_server_flags():
    return ["--control-token", "t0ken", "--scenario=fail"]
"""
    )
    project.makepyfile(
        CLIENT
        + """
def test_flags(kling):
    create(kling, callback_url=kling.inbox().url)
    assert [each["body"]["task_status"] for each in kling.inbox().wait(3)][-1] == "failed"
    assert kling.environment["KLINGMOCK_CONTROL_TOKEN"] == "t0ken"
"""
    )
    run(project).assert_outcomes(passed=1)


def test_a_double_that_cannot_start_says_why(project: pytest.Pytester):
    """In the words of `klingmock serve`."""
    project.makeconftest(
        "import pytest\n@pytest.fixture(scope='session')\ndef kling_server_flags(): return ['--pace', 'nix']"
    )
    project.makepyfile("def test_none(kling): ...")
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["klingmock: --pace: 'nix' is no pace; *"])


def test_what_the_double_logs_is_kept_for_whoever_asks(tmp_path: Path):
    """Everything after the line that says it is ready."""
    (tmp_path / "log").write_text("document 5 operations\nlistening on http://127.0.0.1:1\nERROR oops\nTraceback\n")
    assert doubles.complaints(tmp_path / "log") == "ERROR oops\nTraceback"
