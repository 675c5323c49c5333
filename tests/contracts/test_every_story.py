"""The reference client lives through every story of the catalogue, and ends as the story's `expect` says.

A real socket, a sandbox for each play, and no real waiting: the client's naps are the sandbox's time, so that an hour
goes by in milliseconds. What happened is read from the double's journal and ledger, not from what the client says.
"""

import asyncio
import inspect
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from stories.plain import Stage

from contracts import (
    AccountError,
    AsyncClient,
    Client,
    KlingError,
    ParametersError,
    Patience,
    PolicyError,
    ProtocolError,
    RateError,
    Receiver,
    ServerError,
    Task,
    TaskFailed,
    TaskUnfinished,
    TransportError,
    UnreadableError,
    client,
    creating,
    sansio,
    waiting,
    words,
)
from contracts.client import DOWNLOAD_S, WAIT_S
from contracts.desk import Desk
from contracts.downloads import _Part
from contracts.retries import MOST_RETRY_AFTER_S, POLLS, RETRIES
from contracts.talk import Talk
from contracts.tokens import Signer
from mockserver import doubles, resources

STORIES: dict[str, Any] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(resources.SCENARIOS.glob("*.yaml"))
}
"""Every story as it is written."""

ASYNC = """
    bad_day callback_before_reply connection_dropped_before_commit create_never_answers create_reply_cut_short default
    down_for_good fail garbled_json held_in_queue list_too_fast polls_flicker replies_drip refused_yet_accepted
    succeed_without_videos token_expires_midway too_many_requests_retry_after video_is_html video_stalls video_truncated
""".split()
"""One or two of each kind, played by the other door too."""

ASKED: dict[str, dict[str, Any]] = {
    "many_images_fail": {"images": ["https://example.test/dog.png"] * 3},
    "odd_external_id_refused": {"external_task_id": "dog & coat"},
    "pro_mode_denied": {"mode": "pro"},
    "some_prompts_unsafe": {"prompt": "A Dragon in a coat"},
}
"""What must be asked for to meet a story that is about some creates only."""

CHOICES: dict[str, type[KlingError]] = {
    "code_as_a_string": UnreadableError,
    "create_answers_201": ProtocolError,
    "create_without_data": ProtocolError,
    "garbled_json": UnreadableError,
    "id_as_a_number": ProtocolError,
    "many_images_fail": TaskFailed,
    "numbers_for_strings": ProtocolError,
    "odd_external_id_refused": ParametersError,
    "poll_answers_nothing": UnreadableError,
    "pro_mode_denied": AccountError,
    "some_prompts_unsafe": PolicyError,
    "strings_for_numbers": ProtocolError,
    "takes_over_an_hour": TaskUnfinished,
    "unknown_status_word": ProtocolError,
    "video_garbled": ProtocolError,
    "video_redirected": ProtocolError,
    "wrong_content_type": UnreadableError,
}
"""How this client ends where a story leaves the choice to the client, or to what is asked for: surprises are errors."""

HURRIED = {"creates_too_fast", "polls_too_fast"}
"""Stories whose rules a client never meets that minds its one task; below it is in a hurry."""

HEARD: dict[str, tuple[list[str], int]] = {
    "bad_day": (["succeed"], 0),
    "callback_before_reply": (["succeed"], 0),
    "callback_claims_success": (["succeed"], 0),
    "callback_contradicts_query": (["failed"], 0),
    "callback_corrupt": (["processing"], 1),
    "callback_flood": (["succeed"], 0),
    "callback_late": (["succeed"], 0),
    "callback_never_comes": ([], 0),
    "callback_of_a_stranger": (["failed", "succeed"], 0),
    "callback_only_at_the_end": (["succeed"], 0),
    "callback_out_of_order": (["succeed"], 0),
    "callback_twice": (["succeed"], 0),
    "callback_without_links": (["processing"], 1),
    "callback_without_status": (["processing"], 1),
    "callback_wrong_type": (["succeed"], 0),
    "callbacks_retried": (["succeed"], 0),
    "processing_after_succeed": (["succeed"], 0),
}
"""The last that a receiver knows of each task, by callbacks alone, and how many it could not take."""

PLAIN: dict[str, Any] = {
    "images": ["https://example.test/dog.png", "https://example.test/coat.png"],
    "prompt": "A dog in a coat",
}
SHORT_S, LONG_S = 0.5, 20.0
MOST_S = WAIT_S + DOWNLOAD_S + 10 * MOST_RETRY_AFTER_S
"""The longest that a whole play may take in sandbox time."""
MOST_NAPS = 500


def says(name: str, key: str) -> list[Any]:
    """What the rules of a story, and of those it includes, have under a key."""
    told = STORIES[name]
    own = [rule[key] for rule in told.get("rules", ()) if key in rule]
    return own + [said for included in told.get("include", ()) for said in says(included, key)]


def settings(name: str) -> dict[str, Any]:
    """A client is patient, but where silence has to be met, and polls in steps that meet what passes quickly."""
    silent = {"stall": True} in says(name, "disrupt")
    quick = [when for when in says(name, "when") if when.get("action") == "read" and "status" in when and "nth" in when]
    return {
        "timeout_s": SHORT_S if silent else LONG_S,
        "polling": Patience(first_s=0.5, most_s=0.5) if quick else POLLS,
    }


class Life:
    """A client of either kind in a sandbox of its own; both are called by the same names."""

    def __init__(self, kind: str, server: Mapping[str, Any], name: str, changes: Mapping[str, Any]) -> None:
        self.stage = Stage(server, name)
        self.naps, self.slept_s, self.most_s = 0, 0.0, MOST_S
        keys = {each: self.stage.keys[each] for each in ("access_key", "secret_key")}
        told = {**keys, **settings(name), "monotonic": self.monotonic, **changes}  # `now` stays: the wall judges tokens
        self._runner = asyncio.Runner() if kind == "async" else None
        self._client: Any = (
            AsyncClient(server["url"], sleep=self.sleep_async, **told)
            if self._runner
            else Client(server["url"], sleep=self.sleep, **told)
        )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **options: self._run(getattr(self._client, name)(*args, **options))

    def monotonic(self) -> float:
        """Both times: real silence counts, and what was slept."""
        return time.monotonic() + self.slept_s

    def sleep(self, seconds: float) -> None:
        self.naps, self.slept_s = self.naps + 1, self.slept_s + seconds
        assert self.slept_s < self.most_s, "the client does not come to an end"
        assert self.naps < MOST_NAPS, "the client hammers"
        self.stage.advance(math.ceil(seconds * 1000))

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)

    def close(self) -> None:
        self._run(self._client.close())
        if self._runner:
            self._runner.close()

    def _run(self, outcome: Any) -> Any:
        if inspect.isasyncgen(outcome):
            outcome = _gathered(outcome)
        if self._runner and inspect.isawaitable(outcome):
            return self._runner.run(outcome)
        return list(outcome) if inspect.isgenerator(outcome) else outcome


async def _gathered(items: Any) -> list[Any]:
    return [item async for item in items]


Live = Callable[..., Life]


@pytest.fixture(scope="session")
def still() -> Iterator[dict[str, Any]]:
    """One double for all lives; time stands still in it until somebody sleeps."""
    with doubles.running(["--speed", "0", "--concurrency", "1000"]) as started:
        yield started


@pytest.fixture(scope="session")
def anybody() -> Iterator[Receiver]:
    """Takes the callbacks of everybody, for plays that are not about them."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def live(still: dict[str, Any]) -> Iterator[Live]:
    """`live(story, kind="sync", **settings)` begins a life."""
    lives: list[Life] = []

    def begin(name: str, kind: str = "sync", **changes: Any) -> Life:
        lives.append(Life(kind, still, name, changes))
        return lives[-1]

    yield begin
    for life in lives:
        life.close()


@dataclass(frozen=True)
class Ending:
    """What became of the wish for a video."""

    outcome: str
    error: KlingError | None = None
    task: Task | None = None


def make_a_video(life: Life, path: Path, **asked: Any) -> Ending:
    """Create, wait, download. Any error that is no KlingError is a defect, and passes through."""
    try:
        task = life.wait(life.create(**{**PLAIN, **asked}))
        assert life.download(task.videos[0], path) == path
    except TaskFailed as error:
        return Ending("failed", error)
    except TaskUnfinished as error:
        return Ending("gives_up", error)
    except KlingError as error:
        return Ending("error", error)
    return Ending("succeed", task=task)


def ask_around(life: Life, name: str) -> list[Any]:
    """The list three times and the costs twice, without a pause, if the story speaks of them; what came of each."""
    spoken = str([when.get("action") for when in says(name, "when")])
    asks = [life.tasks] * 3 * ("list" in spoken) + [lambda: life.costs(1, 2)] * 2 * ("costs" in spoken)
    return [_value_or_error(ask) for ask in asks]


def _value_or_error(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except KlingError as error:
        return type(error)


def seen(life: Life, ending: Ending) -> dict[str, Any]:
    """What happened, in the words of `expect`: the end by the client, all else by the double."""
    calls = life.stage.control("calls")["calls"]
    return {
        "outcome": ending.outcome,
        "code": ending.error.code if ending.error else None,
        "message": ending.error.message if ending.error else "",
        "creates": sum(call["action"] == "submit" for call in calls),
        "tasks": len(life.stage.tasks()),
        "units": life.stage.units(),
        "retries": any(
            one["rule"] and (one["method"], one["path"]) == (later["method"], later["path"])
            for one, later in combinations(calls, 2)
        )
        if any(call["rule"] for call in calls)
        else None,
    }


def holds(key: str, wanted: Any, came: Any) -> bool:
    """Whether a line of `expect` holds: creates are a bound, a message a part, all else is exact."""
    match key:
        case "creates":
            return bool(came <= wanted)
        case "message":
            return wanted in came
        case "retries" if came is None:  # no trouble was met that could have been repeated
            return True
    return bool(came == wanted)


def unmet_rules(life: Life) -> list[str]:
    """The story's rules that decided nothing."""
    return [rule["place"] for rule in life.stage.control("scenario")["rules"] if not rule["used"]]


def is_whole(file: Path) -> bool:
    """Whether the file is boxes to its last byte, as an mp4 is, with a film among them."""
    content, at, kinds = file.read_bytes(), 0, []
    while 0 <= at < len(content):
        kinds.append(content[at + 4 : at + 8])
        at += int.from_bytes(content[at : at + 4]) or len(content)
    return at == len(content) and kinds[0] == b"ftyp" and {b"moov", b"mdat"} < set(kinds)


def lives_as_expected(life: Life, name: str, path: Path, callback_url: str) -> None:
    """Play the story to its end and hold what happened against `expect`."""
    expect = {key: line for key, line in STORIES[name]["expect"].items() if key != "note"}
    ending = make_a_video(life, path, callback_url=callback_url, **ASKED.get(name, {}))
    came = seen(life, ending)
    assert {key: came[key] for key, wanted in expect.items() if not holds(key, wanted, came[key])} == {}, ending
    if name in CHOICES:
        assert type(ending.error) is CHOICES[name]
    if ending.task:
        assert [ending.task.task_id] == [task["task_id"] for task in life.stage.tasks()]
        assert is_whole(path)
    assert [each.name for each in path.parent.glob("[!.]*")] == [path.name] * (ending.outcome == "succeed")
    ask_around(life, name)
    assert name in HURRIED or unmet_rules(life) == []


# -- every story


@pytest.mark.parametrize("name", STORIES)
def test_the_client_ends_as_the_story_expects(name: str, live: Live, anybody: Receiver, tmp_path: Path) -> None:
    """With the outcome, the code, the words, the calls, the tasks and the cost in `expect`; no rule went unmet."""
    lives_as_expected(live(name), name, tmp_path / "dog.mp4", anybody.url)


@pytest.mark.parametrize("name", ASYNC)
def test_the_async_client_ends_as_the_story_expects(name: str, live: Live, anybody: Receiver, tmp_path: Path) -> None:
    """The other door leads to the same rooms."""
    lives_as_expected(live(name, "async"), name, tmp_path / "dog.mp4", anybody.url)


def test_the_tables_are_of_the_catalogue() -> None:
    """Where a story leaves a choice, ours is written down; what callbacks tell is too; no table names a lost story."""
    assert CHOICES.keys() == {name for name, told in STORIES.items() if "outcome" not in told["expect"]}
    assert HEARD.keys() == {name for name in STORIES if says(name, "deliver")}
    assert {*ASYNC, *ASKED, *HURRIED} <= STORIES.keys()


# -- some more closely


@pytest.mark.parametrize("name", ASKED)
def test_who_does_not_ask_for_trouble_has_a_calm_day(name: str, live: Live, tmp_path: Path) -> None:
    """A story about some creates leaves the others alone, those with an id of the client's own making too."""
    life = live(name)
    assert make_a_video(life, tmp_path / "dog.mp4").outcome == "succeed"
    assert len(unmet_rules(life)) == 1


@pytest.mark.parametrize("name", HEARD)
def test_a_receiver_takes_what_callbacks_tell_and_the_query_is_believed(name: str, live: Live, tmp_path: Path) -> None:
    """It keeps the furthest status of each task, refuses what is no task, and changes nothing for who waits."""
    life = live(name)
    with Receiver() as receiver:
        ending = make_a_video(life, tmp_path / "dog.mp4", callback_url=receiver.url)
        life.stage.advance(600_000)
    assert (sorted(task.task_status for task in receiver.inbox.tasks.values()), len(receiver.refused)) == HEARD[name]
    assert ending.outcome == STORIES[name]["expect"]["outcome"]


AROUND: dict[str, list[Any]] = {
    "costs_asked_too_often": [0, 0],
    "list_answers_html_once": [1, 1, 1],
    "list_ids_as_numbers": [ProtocolError] * 3,
    "list_shows_nothing": [0, 0, 0],
    "list_too_fast": [1, 1, 1],
}


@pytest.mark.parametrize("name", AROUND)
def test_a_list_and_the_costs_are_asked_for_until_they_come(name: str, live: Live) -> None:
    """Too fast or met by a gateway, they come in the end; a list of numbers for ids is an error."""
    life = live(name)
    life.create(**PLAIN)
    came = ask_around(life, name)
    assert [len(each) if isinstance(each, list | tuple) else each for each in came] == AROUND[name]
    assert unmet_rules(life) == []


def test_creates_in_a_hurry_slow_down(live: Live) -> None:
    """Refused as too fast, they wait and come through: each wish is one task."""
    life = live("creates_too_fast")
    made = {life.create(**PLAIN).task_id for _ in range(6)}
    assert made == {task["task_id"] for task in life.stage.tasks()}
    assert (len(made), unmet_rules(life)) == (6, [])
    assert life.slept_s > 1


def test_queries_in_a_hurry_slow_down(live: Live) -> None:
    """Refused as too fast, they wait and come through."""
    life = live("polls_too_fast")
    task = life.create(**PLAIN)
    assert [life.query(task.task_id).task_id for _ in range(4)] == [task.task_id] * 4
    assert unmet_rules(life) == []
    assert life.slept_s >= 3


def test_who_gave_up_waits_again_and_gets_the_one_task(live: Live) -> None:
    """A task that takes 68 minutes is still there for who comes back with more patience; time is all it costs."""
    life = live("takes_over_an_hour", polling=Patience(first_s=30, most_s=60))
    task, life.most_s = life.create(**PLAIN), 2 * 3600
    with pytest.raises(TaskUnfinished, match=task.task_id) as unfinished:
        life.wait(task)
    assert life.wait(unfinished.value.task, timeout_s=3600).task_status == "succeed"
    assert (len(life.stage.tasks()), life.stage.units()) == (1, "2")
    assert 68 * 60 < life.slept_s < 71 * 60


def test_a_retry_after_is_waited_for(live: Live) -> None:
    """Longer than the client would have waited by itself."""
    life = live("too_many_requests_retry_after")
    life.create(**PLAIN)
    assert life.slept_s >= 3
    assert RETRIES.wait_s(0, 1.0) < 3


# -- and these tests can fail


def creates_blindly(desk: Desk, body: Mapping[str, object]) -> Talk[Task]:
    """Sends a create until it is answered, each time as if it were the first."""

    def attempt() -> Talk[Task]:
        new = creating.named({**body, "external_task_id": None}, desk)
        return sansio.created((yield from desk.ask(sansio.creation(new))), str(new["external_task_id"]))

    return desk.patiently(attempt)


def waits_for_ever(desk: Desk, task: Task | str, **options: Any) -> Talk[Task]:
    """Waits without a limit."""
    return waiting.until_done(desk, task, **{**options, "timeout_s": math.inf})


CARELESS: dict[str, tuple[str, tuple[Any, str, Any]]] = {
    "makes a second task": ("reply_lost_after_commit", (client, "create", creates_blindly)),
    "waits for ever": ("held_in_queue", (client, "until_done", waits_for_ever)),
    "falls over a 5xx": ("poll_meets_server_error", (ServerError, "retry", False)),
    "falls over a silence": ("poll_never_answers", (TransportError, "retry", False)),
    "repeats what no time cures": ("account_in_arrears", (sansio, "FAMILIES", {1101: RateError})),
    "does not sign anew": ("token_expires_midway", (Signer, "forget", lambda _: False)),
    "takes any end for success": ("fail", (words, "FAILED", "lost")),
    "takes any bytes for a video": ("video_garbled", (_Part, "finish", lambda part: part.ours.replace(part.target))),
}


@pytest.mark.parametrize("lack", CARELESS)
def test_a_careless_client_is_found_out(
    lack: str, live: Live, anybody: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one virtue less, a client does not end as a story expects."""
    name, (where, what, instead) = CARELESS[lack]
    monkeypatch.setattr(where, what, instead)
    with pytest.raises((AssertionError, LookupError)):
        lives_as_expected(live(name), name, tmp_path / "dog.mp4", anybody.url)
