"""A task's life on the wire: what each answer holds, when it changes, what it occupies and what it costs."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

CREATE = "/v1/videos/multi-image2video"
ID = re.compile(r"[1-9][0-9]{16,18}")
EPOCH_MS = 1_568_028_518_778
ALWAYS = {"task_id", "task_status", "task_status_msg", "task_info", "watermark_info", "created_at", "updated_at"}


def nulls(value: Any) -> bool:
    """Whether there is a null anywhere."""
    if isinstance(value, dict):
        return any(map(nulls, value.values()))
    return any(map(nulls, value)) if isinstance(value, list) else value is None


def test_a_create_answer_holds_exactly_this(double: Any) -> None:
    """No message, result, mark or price yet."""
    data = double.create()
    assert list(data) == ["task_id", "task_status", "task_info", "created_at", "updated_at"]
    assert (data["task_status"], data["task_info"]) == ("submitted", {})


def test_a_create_answer_repeats_the_external_id(double: Any) -> None:
    """As seen in real answers."""
    name = f"repeat {double.newest()}"
    assert double.create(external_task_id=name)["task_info"] == {"external_task_id": name}


def test_a_task_is_born_at_the_clock_s_time(double: Any) -> None:
    """Both times are integer milliseconds, and equal."""
    data, now = double.create(), double.now_ms()
    assert (data["created_at"], data["updated_at"], type(data["created_at"])) == (now, now, int)


def test_an_id_is_a_snowflake_of_its_birth(double: Any) -> None:
    """`((ms − 1568028518778) << 22) | …`, eighteen digits as text."""
    double.advance(1)
    data = double.create()
    assert ID.fullmatch(data["task_id"])
    assert (int(data["task_id"]) >> 22) + EPOCH_MS == data["created_at"]


def test_ids_never_repeat_within_a_millisecond(double: Any) -> None:
    """Time stands still, ids go on, in rising order."""
    ids = [int(double.create()["task_id"]) for _ in range(30)]
    assert ids == sorted(set(ids))


def test_every_answer_has_a_request_id_of_its_own(double: Any) -> None:
    """Successes and errors alike."""
    replies = [double.page() for _ in range(10)] + [double.submit(mode="4k") for _ in range(10)]
    assert len({reply.json()["request_id"] for reply in replies}) == 20


def test_a_task_can_be_read_at_once(double: Any) -> None:
    """And listed."""
    created = double.create()
    assert double.query(created["task_id"])["task_status"] == "submitted"
    assert double.newest() == created["task_id"]


def test_a_submitted_task_holds_exactly_this(double: Any) -> None:
    """No result, no price, an empty message."""
    task = double.query(double.create()["task_id"])
    assert set(task) == ALWAYS
    assert (task["task_status_msg"], task["task_info"], task["watermark_info"]) == ("", {}, {"enabled": False})


def test_a_processing_task_holds_exactly_this(double: Any) -> None:
    """The same as before."""
    task_id = double.create()["task_id"]
    double.advance(double.moments(task_id)[1][1] - double.now_ms())
    task = double.query(task_id)
    assert (task["task_status"], set(task), task["task_status_msg"]) == ("processing", ALWAYS, "")


def test_a_succeeded_task_holds_exactly_this(double: Any) -> None:
    """One video with three texts, and a price."""
    task = double.finished()
    assert set(task) == ALWAYS | {"task_result", "final_unit_deduction"}
    assert (task["task_status"], task["task_status_msg"]) == ("succeed", "")
    assert list(task["task_result"]) == ["videos"]
    (video,) = task["task_result"]["videos"]
    assert set(video) == {"id", "url", "duration"}
    assert all(isinstance(text, str) and text for text in video.values())


def test_a_video_has_an_id_of_the_same_kind(double: Any) -> None:
    """And not the task's."""
    task = double.finished()
    video_id = task["task_result"]["videos"][0]["id"]
    assert ID.fullmatch(video_id)
    assert video_id != task["task_id"]


@pytest.mark.parametrize("enabled", [True, False])
def test_a_marked_video_is_there_only_when_asked_for(double: Any, enabled: bool) -> None:
    """The key is absent, not empty, otherwise."""
    task = double.finished(watermark_info={"enabled": enabled})
    assert task["watermark_info"] == {"enabled": enabled}
    assert ("watermark_url" in task["task_result"]["videos"][0]) is enabled


def test_nothing_is_ever_null(double: Any) -> None:
    """In no status, in no answer."""
    for changes in ({}, {"watermark_info": {"enabled": True}}, {"external_task_id": f"null {double.newest()}"}):
        task_id = double.create(**changes)["task_id"]
        for _ in range(5):
            assert not nulls(double.query(task_id))
            double.advance(1000)
    assert not nulls(double.granted(double.page("pageSize=500")))


def test_a_life_is_submitted_processing_succeed(double: Any) -> None:
    """In this order, seen from outside in steps of a tenth of a second."""
    task_id = double.create()["task_id"]
    seen = []
    for _ in range(50):
        seen.append(double.query(task_id)["task_status"])
        double.advance(100)
    assert list(dict.fromkeys(seen)) == ["submitted", "processing", "succeed"]
    assert seen == sorted(seen, key=["submitted", "processing", "succeed"].index)


def test_the_fast_pace_takes_about_three_seconds(double: Any) -> None:
    """Its promise in the command line's help."""
    task = double.finished()
    assert 2000 <= task["updated_at"] - task["created_at"] <= 4000


def test_updated_at_moves_to_the_very_millisecond_of_a_change(double: Any) -> None:
    """A millisecond earlier nothing has changed; long after, it has not moved on."""
    created = double.create()
    before = ("submitted", created["created_at"])
    for status, at_ms in double.moments(created["task_id"])[1:]:
        double.advance(at_ms - 1 - double.now_ms())
        assert told(double, created["task_id"]) == before
        double.advance(1)
        before = (status, at_ms)
        assert told(double, created["task_id"]) == before
    double.advance(1_000_000)
    assert told(double, created["task_id"]) == before


def told(double: Any, task_id: str) -> tuple[str, int]:
    """Status and time as a query tells them."""
    task = double.query(task_id)
    return task["task_status"], task["updated_at"]


def test_created_at_never_moves(double: Any) -> None:
    """Nor does the end."""
    created = double.create()
    double.advance(10_000)
    ended = double.query(created["task_id"])
    double.advance(86_400_000)
    assert (ended["created_at"], double.query(created["task_id"])) == (created["created_at"], ended)


def test_time_stands_still_until_it_is_advanced(double: Any) -> None:
    """`--speed 0` is frozen."""
    now = double.now_ms()
    double.create()
    assert double.now_ms() == now


@pytest.mark.parametrize("product", ["text2video", "image2video"])
def test_another_product_s_path_is_documented_or_unknown(double: Any, product: str) -> None:
    """golem polls multi-image tasks on text2video: a task if the document knows the product, 1203 otherwise."""
    task_id = double.create()["task_id"]
    reply = double.get(f"/v1/videos/{product}/{task_id}")
    if reply.status_code == 200:
        assert double.granted(reply)["task_id"] == task_id
    else:
        assert double.refusal(reply)[:2] == (404, 1203)


# ── slots and units ───────────────────────────────────────────────────────────────────────────────────────────────

FULL = (429, 1303, "parallel task over resource pack limit")
SPENT = (429, 1102, "Account balance not enough")


@pytest.fixture
def twenty(slots: Any) -> Any:
    """An empty double whose twenty slots have just been filled."""
    slots.call("POST", "/__kling/reset")
    for _ in range(20):
        slots.create()
    return slots


def test_the_twenty_first_task_at_once_is_refused(twenty: Any) -> None:
    """In the documented words, and it does not exist."""
    assert twenty.refusal(twenty.submit()) == FULL
    assert len(twenty.granted(twenty.page())) == 20


def test_queries_need_no_slot(twenty: Any) -> None:
    """Only creation is limited."""
    assert twenty.query(twenty.newest())["task_status"] == "submitted"
    assert twenty.get("/account/costs?start_time=1&end_time=2").status_code == 200


def test_a_bad_body_is_told_before_full_slots(twenty: Any) -> None:
    """Parameters first."""
    assert twenty.refusal(twenty.submit(mode="4k")) == (400, 1201, "mode value '4k' is invalid")
    name = twenty.newest()
    assert twenty.refusal(twenty.submit(prompt=""))[1] == 1201
    assert twenty.newest() == name


def test_processing_tasks_hold_their_slots(twenty: Any) -> None:
    """From submitted to the end."""
    end = twenty.moments(twenty.newest())[-1][1]
    twenty.advance(end - 1 - twenty.now_ms())
    assert twenty.query(twenty.newest())["task_status"] == "processing"
    assert twenty.refusal(twenty.submit()) == FULL


def test_success_frees_the_slots_on_time(twenty: Any) -> None:
    """At the very millisecond, all twenty."""
    end = twenty.moments(twenty.newest())[-1][1]
    twenty.advance(end - twenty.now_ms())
    assert [twenty.submit().status_code for _ in range(21)] == [200] * 20 + [429]


def test_a_refused_create_takes_no_slot(slots: Any) -> None:
    """However often it is tried."""
    slots.call("POST", "/__kling/reset")
    for _ in range(25):
        assert slots.submit(mode="4k").status_code == 400
    assert slots.create()["task_status"] == "submitted"


def at_once(count: int, call: Callable[[int], Any]) -> list[int]:
    """The statuses of so many calls made by as many threads."""
    with ThreadPoolExecutor(count) as pool:
        return sorted(reply.status_code for reply in pool.map(call, range(count)))


def test_forty_creates_at_once_get_twenty_slots(slots: Any) -> None:
    """No two take the same slot."""
    slots.call("POST", "/__kling/reset")
    assert at_once(40, lambda _: slots.submit()) == [200] * 20 + [429] * 20


@pytest.mark.parametrize("size", [0, 400_000], ids=["small", "large"])
def test_an_external_id_is_given_once_though_many_ask_at_once(double: Any, pictures: Any, size: int) -> None:
    """Large bodies are read aside, and yet nothing slips through."""
    name = f"contested {double.newest()}"
    images = [{"image": pictures.base64(pictures.png(size=size))}]
    assert at_once(8, lambda _: double.submit(external_task_id=name, image_list=images)) == [200] + [400] * 7


@pytest.fixture
def ten_units(purse: Any) -> Any:
    """A double whose account holds ten units again."""
    purse.call("POST", "/__kling/reset")
    return purse


def test_a_balance_is_spent_to_the_last_unit(ten_units: Any) -> None:
    """3.5 + 3.5 + 2 leave one, which is too little; units are reserved at once."""
    for changes in ({"mode": "pro"}, {"mode": "pro"}, {}):
        ten_units.create(**changes)
    ten_units.advance(10_000)
    assert ten_units.refusal(ten_units.submit()) == SPENT


def test_a_balance_may_be_spent_exactly(ten_units: Any) -> None:
    """4 + 4 + 2 is ten; after that nothing is left."""
    for changes in ({"duration": "10"}, {"duration": "10"}, {}):
        ten_units.create(**changes)
    ten_units.advance(10_000)
    assert ten_units.refusal(ten_units.submit()) == SPENT


def test_units_are_reserved_when_a_task_is_accepted(ten_units: Any) -> None:
    """Not when it ends."""
    ten_units.create(mode="pro", duration="10")
    assert ten_units.refusal(ten_units.submit(duration="10")) == SPENT
    assert ten_units.create()["task_status"] == "submitted"


def test_a_balance_is_not_overspent_by_many_at_once(ten_units: Any) -> None:
    """Seven units fit once into ten."""
    assert at_once(6, lambda _: ten_units.submit(mode="pro", duration="10")) == [200] + [429] * 5


def test_a_task_too_dear_leaves_the_balance_alone(ten_units: Any) -> None:
    """A refused task costs nothing."""
    ten_units.create(mode="pro", duration="10")
    for _ in range(3):
        assert ten_units.submit(duration="10").status_code == 429
    assert ten_units.create()["task_status"] == "submitted"


def test_a_reused_external_id_is_told_before_an_empty_balance(ten_units: Any) -> None:
    """References come before the balance."""
    ten_units.create(mode="pro", duration="10", external_task_id="mine")
    assert ten_units.refusal(ten_units.submit(duration="10", external_task_id="mine"))[1] == 1201


def test_a_bad_body_is_told_before_an_empty_balance(ten_units: Any) -> None:
    """1102 comes only once the body is valid."""
    ten_units.create(mode="pro", duration="10")
    assert ten_units.refusal(ten_units.submit(duration="10", mode="4k"))[1] == 1201


def test_the_pack_tells_what_remains(ten_units: Any) -> None:
    """The fields of the page on accounts, each of its type."""
    ten_units.finished(mode="pro")
    data = ten_units.granted(ten_units.get("/account/costs?start_time=1&end_time=9999999999999"))
    (pack,) = data["resource_pack_subscribe_infos"]
    assert (pack["total_quantity"], pack["remaining_quantity"]) == (10.0, 6.5)
    assert pack["resource_pack_type"] in {"decreasing_total", "constant_period"}
    assert pack["status"] in {"toBeOnline", "online", "expired", "runOut"}
    assert re.fullmatch("[0-9a-f]{32}", pack["resource_pack_id"])
    assert all(type(pack[name]) is int for name in ("purchase_time", "effective_time", "invalid_time"))


# ── the envelope ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_neither_date_nor_server_is_sent(double: Any) -> None:
    """On success, on errors, on files, on the control plane."""
    url = double.finished()["task_result"]["videos"][0]["url"]
    replies = [
        double.page(),
        double.submit(),
        double.submit(mode="4k"),
        double.call("GET", CREATE, auth=None),
        double.get("/nowhere"),
        double.get(url),
        double.get("/__kling/livez"),
    ]
    assert [(reply.headers.get("date"), reply.headers.get("server")) for reply in replies] == [(None, None)] * 7


def test_answers_are_compact_json_of_utf_8(double: Any) -> None:
    """External ids come back as they went."""
    name = f"собака {double.newest()}"
    reply = double.submit(external_task_id=name)
    assert json.loads(reply.content.decode("utf-8"))["data"]["task_info"]["external_task_id"] == name


def test_the_vendor_s_words_are_spelt_as_it_spells_them(double: Any) -> None:
    """`SUCCEED` above, `succeed` below."""
    task_id = double.finished()["task_id"]
    body = double.get(f"{CREATE}/{task_id}").json()
    assert (body["message"], body["data"]["task_status"]) == ("SUCCEED", "succeed")


def test_an_instant_pace_ends_a_task_at_once(run: Any) -> None:
    """Created as submitted, done at the first look."""
    instant = run("--pace", "instant", "--speed", "0")
    created = instant.create()
    assert created["task_status"] == "submitted"
    assert instant.query(created["task_id"])["task_status"] == "succeed"


def test_a_realistic_pace_takes_minutes(run: Any) -> None:
    """Drawn from the published durations."""
    slow = run("--pace", "realistic", "--speed", "0", "--seed", "7")
    task_id = slow.create()["task_id"]
    slow.advance(20_000)
    assert slow.query(task_id)["task_status"] in {"submitted", "processing"}
    slow.advance(3_600_000)
    task = slow.query(task_id)
    assert task["task_status"] == "succeed"
    assert 30_000 <= task["updated_at"] - task["created_at"] <= 1_200_000
