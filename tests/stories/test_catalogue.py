"""The catalogue of stories: each file is sound, together they reach everything, and each shows on the wire what it says."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from stories import callbacks, files, lives, losses, refusals, traps
from stories.plain import Play, Stage, call

from mockserver import doubles, resources
from mockserver.api import Document
from mockserver.scenario import MAGIC, Disruption, Posting, Rule, Scenario, Trap
from mockserver.stories import Library

NAMES = sorted(path.stem for path in resources.SCENARIOS.glob("*.yaml"))
GROUPS = [lives.PLAYS, refusals.PLAYS, losses.PLAYS, traps.PLAYS, files.PLAYS, callbacks.PLAYS]
PLAYS: dict[str, Play] = {name: play for group in GROUPS for name, play in group.items()}


def written(name: str) -> Any:
    """A story as it is written, read by another reader than ours."""
    return yaml.safe_load((resources.SCENARIOS / f"{name}.yaml").read_text(encoding="utf-8"))


def of_one_task(name: str) -> bool:
    """Whether a story is about one task: its create, its queries, its video."""
    told = written(name)
    actions = {action for rule in told.get("rules", ()) for action in listed(rule["when"]["action"])}
    return "judge" not in told and not {"list", "costs"} & actions


def listed(words: str | list[str]) -> list[str]:
    """One word or several."""
    return [words] if isinstance(words, str) else words


MAGIC_NAMES = [name for name in NAMES if name != "default" and of_one_task(name)]


# -- without a server


@pytest.fixture(scope="module")
def library(loaded: Document) -> Library:
    """The catalogue's reader."""
    return Library(resources.SCENARIOS, loaded)


@pytest.fixture(scope="module")
def told(library: Library) -> list[Scenario]:
    """Every story, read and checked."""
    return [library.story(name) for name in library.names()]


@pytest.fixture(scope="module")
def rules(told: list[Scenario]) -> list[Rule]:
    """Every rule of every story."""
    return [rule for each in told for rule in each.rules]


@pytest.fixture(scope="module")
def trapped(rules: list[Rule]) -> list[Trap]:
    """Every change to a reply of the API or a file."""
    return [rule.reply for rule in rules if rule.reply is not None]


@pytest.fixture(scope="module")
def posted(rules: list[Rule]) -> list[Posting]:
    """Every line about a callback."""
    return [posting for rule in rules for posting in rule.deliver or ()]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The parts of the published schema."""
    return dict(json.loads((resources.SCENARIOS / "scenario.schema.json").read_text())["$defs"])


@pytest.mark.parametrize("name", NAMES)
def test_a_story_is_sound(name: str, library: Library) -> None:
    """It is read without complaint, says what happens and what to do, and its name is a magic word."""
    read = library.story(name)
    assert read.name == name
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)
    assert MAGIC.fullmatch(f"[[{name}]]")
    assert re.fullmatch(r"[A-Z][^\n]{40,400}\.", read.about)
    assert {"creates", "tasks", "retries"} & read.expect.keys()
    assert "outcome" in read.expect or "note" in read.expect or "retries" in read.expect


@pytest.mark.parametrize("name", NAMES)
def test_what_a_story_expects_fits_together(name: str, library: Library, loaded: Document) -> None:
    """No task, no video and no cost; a failure costs nothing; a code is one of the document; a video is of one task."""
    expect = library.story(name).expect
    codes = {row.code for row in loaded.errors.values()}
    match expect.get("outcome"):
        case "succeed":
            assert (expect["tasks"], expect.get("creates", 1) >= 1, "code" in expect) == (1, True, False)
        case "failed":
            assert (expect["tasks"], expect["units"], "code" in expect) == (1, "0", False)
        case "error":
            assert (expect["tasks"] == 0) == (expect.get("units") == "0")
        case "gives_up":
            assert (expect["tasks"], expect["retries"]) == (1, False)
    assert expect.get("code", 0) in codes


def test_there_are_many_stories_and_no_two_say_the_same(told: list[Scenario]) -> None:
    """At least forty-five, each with an `about` of its own; on the calm day there are no rules."""
    assert len(told) >= 45
    assert len({each.about for each in told}) == len(told)
    assert [each.name for each in told if not each.rules and not each.judge_ahead_ms] == ["default"]


def test_every_row_of_the_error_table_is_reached(rules: list[Rule], loaded: Document) -> None:
    """Each by a story's refusal; some before and some after the work is done, and with either with a Retry-After."""
    refusals_told = [rule.refuse for rule in rules if rule.refuse is not None]
    reached = {loaded.situations[each.slug].row.slug for each in refusals_told}
    assert reached == loaded.errors.keys() - {"ok"}
    assert len(reached) == 21
    assert {each.after_commit for each in refusals_told} == {True, False}
    assert {each.retry_after_s for each in refusals_told} >= {None, 1, 3}
    assert any(each.message for each in refusals_told)


def test_every_reason_to_fail_is_reached(rules: list[Rule], loaded: Document) -> None:
    """Those of the document, none at all, and one that nobody knows."""
    life = loaded.lifecycle
    reasons = {stage.message for rule in rules for stage in rule.play or () if stage.status == life.failure}
    assert reasons >= {*life.failures.values(), ""}
    assert reasons - {*life.failures.values(), ""}


def test_every_way_to_pass_time_is_reached(rules: list[Rule]) -> None:
    """At once, fixed, uniform, lognormal, by polls, held; and a rate."""
    plays = [rule.play for rule in rules if rule.play is not None]
    stages = [stage for play in plays for stage in play]
    lengths = [stage.length for stage in stages if stage.length is not None]
    assert {"at once", "fixed", "uniform", "lognormal"} == {spread(length) for length in lengths}
    assert any(stage.polls for stage in stages)
    held = {stage.status for play in plays for stage in play[:-1] if stage.length is None and stage.polls is None}
    assert held >= {"submitted", "processing"}
    assert {action for rule in rules if rule.when.rate for action in rule.when.words["action"]} >= {"submit", "read"}


def spread(length: Any) -> str:
    """What kind of length this is."""
    if length.high_ms is not None:
        return "uniform"
    if length.sigma is not None:
        return "lognormal"
    return "fixed" if length.low_ms else "at once"


def disruption(how: Disruption) -> str:
    """What kind of disruption this is."""
    match how.kind:
        case "delay":
            return f"delay {spread(how.length)}"
        case "drop":
            return f"drop {'before' if how.before_commit else 'after'}"
    return how.kind


def test_every_disruption_is_reached(rules: list[Rule], schema: dict[str, Any]) -> None:
    """On calls of the API in every form; on result files in every kind; and one on a refusal."""
    disrupting = [rule for rule in rules if rule.disrupt is not None]
    on_files = {rule.disrupt.kind for rule in disrupting if rule.disrupt and "file" in rule.when.words["action"]}
    on_calls = {
        disruption(rule.disrupt) for rule in disrupting if rule.disrupt and "file" not in rule.when.words["action"]
    }
    assert on_calls == {
        *("delay fixed", "delay uniform", "delay lognormal"),
        *("stall", "drop before", "drop after", "truncate", "drip", "garble"),
    }
    assert on_files == set(schema["rule"]["properties"]["disrupt"]["properties"])
    assert {kind.partition(" ")[0] for kind in on_calls} == on_files
    assert any(rule.refuse is not None for rule in disrupting)


def test_every_key_of_a_trap_is_reached(schema: dict[str, Any]) -> None:
    """Each way to change a reply."""
    used = {key for rule in written_rules() if "reply" in rule for key in rule["reply"]}
    assert used == set(schema["trap"]["properties"])


def test_every_key_of_a_callback_is_reached(schema: dict[str, Any]) -> None:
    """Each way to change a callback, its body as a text and as changes, and its retries."""
    lines = [line for rule in written_rules() for line in rule.get("deliver", ())]
    bodies = [line["body"] for line in lines if "body" in line]
    known = schema["posting"]["properties"]
    assert {key for line in lines for key in line} == set(known)
    assert {type(body) for body in bodies} == {str, dict}
    assert {key for body in bodies if isinstance(body, dict) for key in body} == set(known["body"]["properties"])


def test_almost_every_condition_is_reached(schema: dict[str, Any]) -> None:
    """All but those on names that only the reader of a story knows: the account, and the product."""
    used = {key for rule in written_rules() for key in rule.get("when", ())}
    assert used == schema["when"]["properties"].keys() - {"account", "product"}


def written_rules() -> list[dict[str, Any]]:
    """Every rule as it is written."""
    return [rule for name in NAMES for rule in written(name).get("rules", ())]


def sets(trap: Trap | None, pointer: str, wanted: Any) -> bool:
    """Whether a trap sets this place to a value for which `wanted` holds."""
    return trap is not None and any(place == pointer and wanted(value) for place, value in trap.set.items())


def test_every_trap_that_services_are_known_to_spring_is_reached(
    trapped: list[Trap], rules: list[Rule], loaded: Document
) -> None:
    """The issue's list, one by one."""
    steps = loaded.lifecycle.steps
    sprung = {
        "an unknown status word": any(
            sets(each, "/data/task_status", lambda word: word not in steps) for each in trapped
        ),
        "succeed with an empty list": any(
            sets(each, "/data/task_result/videos", lambda list_: list_ == []) for each in trapped
        ),
        "a failure without a message": any(
            stage == (loaded.lifecycle.failure, None, None, "") for rule in rules for stage in rule.play or ()
        ),
        "HTTP 200 with a code": any(each.status == 200 and sets(each, "/code", bool) for each in trapped),
        "a number for a duration": any(
            sets(each, "/data/task_result/videos/0/duration", lambda value: isinstance(value, float))
            for each in trapped
        ),
        "a number for an id": any(
            sets(each, "/data/task_id", lambda value: isinstance(value, int)) for each in trapped
        ),
        "a text for a code": any(sets(each, "/code", lambda value: isinstance(value, str)) for each in trapped),
        "a wrong content type": any(each.type == "text/plain" or (each.type and each.body is None) for each in trapped),
        "HTML from a gateway": any(each.status == 502 and each.type == "text/html" for each in trapped),
    }
    assert [name for name, found in sprung.items() if not found] == []


def test_every_trouble_with_callbacks_is_reached(posted: list[Posting], loaded: Document) -> None:
    """The issue's list, one by one."""
    life = loaded.lifecycle
    met = {
        "never": any(each.never for each in posted),
        "late": any(each.after_ms >= 60_000 for each in posted),
        "twice": any(each.times == 2 for each in posted),
        "out of order": any(each.out_of_order and each.status == life.initial for each in posted),
        "before the create reply": any(each.before_reply for each in posted),
        "processing after succeed": any(each.out_of_order and each.status == "processing" for each in posted),
        "contradicting the query": any(
            sets(each.body, "/task_status", lambda word, own=each.status: word in life.steps and word != own)
            for each in posted
        ),
        "corrupt": any(each.body is not None and each.body.body is not None for each in posted),
        "a schedule of retries": any(len(each.retries_ms or ()) > 2 for each in posted),
    }
    assert [name for name, found in met.items() if not found] == []


# -- over a real socket


def test_every_story_has_a_play() -> None:
    """And every play a story, once."""
    assert sorted(PLAYS) == NAMES
    assert sum(len(group) for group in GROUPS) == len(PLAYS)


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, Any]]:
    """One double for all stories; time stands still in it."""
    with doubles.running(["--speed", "0", "--concurrency", "1000"]) as started:
        yield started


@pytest.mark.parametrize("name", NAMES)
def test_a_story_shows_on_the_wire_what_it_says(name: str, server: Mapping[str, Any]) -> None:
    """Played by the plainest client in a sandbox of its own; at the end each of its rules has decided something."""
    stage = Stage(server, name)
    PLAYS[name](stage)
    shown = stage.control("scenario")
    assert shown["name"] == name
    assert [rule["place"] for rule in shown["rules"] if not rule["used"]] == []


@pytest.mark.parametrize("name", [name for name in NAMES if name != "default"])
def test_a_play_can_fail(name: str, server: Mapping[str, Any]) -> None:
    """On the calm day it does: none would pass without its story."""
    with pytest.raises((AssertionError, pytest.fail.Exception, LookupError, ValueError, AttributeError)):
        PLAYS[name](Stage(server, "default"))


@pytest.mark.parametrize("name", MAGIC_NAMES)
def test_a_story_about_one_task_can_be_told_by_its_name_alone(name: str, server: Mapping[str, Any]) -> None:
    """As a magic word in the prompt, in a sandbox whose own day is calm: the same play."""
    PLAYS[name](Stage(server, "default", word=f" [[{name}]]"))


@pytest.mark.parametrize("name", losses.COMMITTED)
def test_who_creates_again_blindly_pays_twice(name: str, server: Mapping[str, Any]) -> None:
    """Without an external id the lost task and the new one are a pair in the ledger."""
    stage = Stage(server, name)
    losses.COMMITTED[name](stage.create)
    later = stage.accepted()
    first = next(task["task_id"] for task in stage.tasks() if task["task_id"] != later)
    ledger = stage.control("ledger")
    assert (ledger["units"], ledger["duplicates"]) == ("4", [{"first": first, "later": later, "units": "2"}])


def test_who_creates_again_after_a_real_loss_pays_once(server: Mapping[str, Any]) -> None:
    """Nothing was done the first time, so nothing is a duplicate."""
    stage = Stage(server, "connection_dropped_before_commit")
    losses.is_dropped(stage.create)
    stage.accepted()
    assert (stage.units(), stage.control("ledger")["duplicates"]) == ("2", [])


def test_a_story_can_be_reached_by_its_name_in_a_prompt_or_an_id(server: Mapping[str, Any]) -> None:
    """For that task alone, and counted for it alone; its neighbours have a calm day."""
    stage = Stage(server, "default")
    calm = stage.accepted()
    ill = stage.accepted(prompt="a dog [[fail]]")
    flickering = [stage.accepted(external_task_id=f"[[polls_flicker]] {number}") for number in (1, 2)]
    first = [stage.query(each).brief for each in flickering]
    second = [stage.query(each).brief for each in flickering]
    assert (first, second) == ([(200, 0)] * 2, [(503, 5001)] * 2)
    stage.advance(10_000)
    assert (stage.status(calm), stage.status(ill)) == ("succeed", "failed")


def test_a_reply_names_the_rule_that_decided_it(server: Mapping[str, Any]) -> None:
    """By file and number; a calm reply names none."""
    stage = Stage(server, "bad_day")
    headers = [stage.create().headers.get("x-klingmock-rule") for _ in range(3)] + [
        stage.listed().headers.get("x-klingmock-rule")
    ]
    assert headers == ["too_many_requests_twice.yaml#/rules/0"] * 2 + ["bad_day.yaml#/rules/0", None]


def test_there_is_no_sandbox_for_a_story_that_does_not_exist(server: Mapping[str, Any]) -> None:
    """It is refused by the control plane, in its own voice."""
    refused = call("POST", f"{server['url']}/__kling/sandboxes", {}, {"scenario": "fial"})
    assert (refused.status, refused.media_type) == (422, "application/problem+json")
