"""What arrives at a `callback_url`, told by a real receiver."""

import http.client
import json
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest

ENVELOPE = {"code", "message", "request_id", "data"}


@pytest.fixture
def told(double: Any, receiver: Any) -> Callable[..., list[dict[str, Any]]]:
    """A task's whole life as its receiver sees it."""

    def live(**changes: Any) -> list[dict[str, Any]]:
        double.create(callback_url=receiver.url, **changes)
        receiver.wait(1)
        double.advance(10_000)
        return receiver.tasks(3)

    return live


def test_each_status_is_told_once_and_in_order(told: Any, receiver: Any) -> None:
    """Submitted, processing, succeed; no more."""
    assert [task["task_status"] for task in told()] == ["submitted", "processing", "succeed"]
    assert len(receiver.got) == 3


def test_submitted_is_told_though_time_stands_still(double: Any, receiver: Any) -> None:
    """It is owed at once."""
    created = double.create(callback_url=receiver.url)
    (task,) = receiver.tasks(1)
    assert (task["task_id"], task["task_status"]) == (created["task_id"], "submitted")


def test_the_create_reply_does_not_wait_for_its_callback(double: Any, receiver: Any) -> None:
    """The delivery waits for us here, and yet the answer has come."""
    answered = threading.Event()
    seen: list[bool] = []
    receiver.during = lambda: seen.append(answered.wait(5))
    created = double.create(callback_url=receiver.url)
    answered.set()
    assert receiver.tasks(1)[0]["task_id"] == created["task_id"]
    double.advance(1)
    assert seen == [True]


def test_a_callback_is_the_bare_task(told: Any) -> None:
    """No envelope, no null, the fields of a query."""
    for task in told():
        assert not ENVELOPE & set(task)
        assert {"task_id", "task_status", "task_status_msg", "task_info", "created_at", "updated_at"} <= set(task)
        assert (task["task_status_msg"], task["task_info"]) == ("", {})
        assert "null" not in json.dumps(task)


def test_only_the_last_callback_tells_result_and_price(told: Any) -> None:
    """As in queries."""
    endings = [{"task_result", "final_unit_deduction"} & set(task) for task in told(mode="pro")]
    assert endings == [set(), set(), {"task_result", "final_unit_deduction"}]


def test_the_last_callback_agrees_with_the_query(told: Any, double: Any) -> None:
    """One truth, told twice."""
    ended = told()[-1]
    task = double.query(ended["task_id"])
    assert ended == {name: task[name] for name in ended}


def test_a_callback_repeats_the_external_id(told: Any, double: Any) -> None:
    """In every status."""
    info = {"external_task_id": f"called back {double.newest()}"}
    assert [task["task_info"] for task in told(**info)] == [info] * 3


def test_each_callback_tells_the_time_of_its_change(told: Any) -> None:
    """Not the time of its delivery."""
    tasks = told()
    times = [task["updated_at"] for task in tasks]
    assert times == sorted(set(times))
    assert {task["created_at"] for task in tasks} == {times[0]}


def test_a_callback_is_posted_as_json(told: Any, receiver: Any) -> None:
    """Unsigned unless a secret is set."""
    told()
    for got in receiver.got:
        assert (got["method"], got["path"]) == ("POST", "/hook")
        assert got["headers"]["content-type"].startswith("application/json")
        assert "webhook-signature" not in got["headers"]
        assert "authorization" not in got["headers"]


def test_a_callback_s_link_works(told: Any, double: Any) -> None:
    """It is built from the Host of the create call."""
    url = told()[-1]["task_result"]["videos"][0]["url"]
    assert url.startswith(double.url + "/")
    assert double.call("GET", url, auth=None).content[4:8] == b"ftyp"


def test_a_callback_s_link_names_the_host_of_the_create_call(double: Any, receiver: Any) -> None:
    """Even one that only resolves at the client's."""
    body = double.body(callback_url=receiver.url)
    double.granted(double.call("POST", double.CREATE, json=body, headers={"Host": "kling.test:1234"}))
    receiver.wait(1)
    double.advance(10_000)
    assert receiver.tasks(3)[-1]["task_result"]["videos"][0]["url"].startswith("http://kling.test:1234/")


def test_the_query_of_a_callback_url_is_kept(double: Any, receiver: Any) -> None:
    """Receivers put their own marks there."""
    double.create(callback_url=receiver.url + "?job=1&x=%20y")
    assert receiver.wait(1)[0]["path"] == "/hook?job=1&x=%20y"


@pytest.mark.parametrize("nothing", ["", None, ...], ids=["empty", "null", "missing"])
def test_no_callback_url_means_no_callback(double: Any, nothing: Any) -> None:
    """Nothing is owed."""
    task = double.finished(callback_url=nothing)
    assert double.deliveries(task["task_id"]) == []


def test_two_tasks_tell_two_stories(double: Any, receiver: Any) -> None:
    """Each in its own order."""
    ids = [double.create(callback_url=receiver.url)["task_id"] for _ in range(3)]
    receiver.wait(3)
    double.advance(10_000)
    tasks = receiver.tasks(9)
    for task_id in ids:
        mine = [task["task_status"] for task in tasks if task["task_id"] == task_id]
        assert mine == ["submitted", "processing", "succeed"]


def attempts(double: Any, task_id: str) -> list[tuple[str, int | None, bool]]:
    """What the control plane remembers: status told, the receiver's answer, whether that counts as delivered."""
    return [
        (each["status"], tried["answer"], tried["delivered"])
        for each in double.deliveries(task_id)
        for tried in each["attempts"]
    ]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(told: Any, double: Any, receiver: Any, status: int) -> None:
    """And recorded as such."""
    receiver.answers = [status] * 3
    task_id = told()[0]["task_id"]
    assert [each[1:] for each in attempts(double, task_id)] == [(status, True)] * 3


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_a_failed_callback_is_not_repeated(told: Any, double: Any, receiver: Any, status: int) -> None:
    """The vendor promises no retry; the next status is told all the same."""
    receiver.answers = [status] * 3
    tasks = told()
    double.advance(3_600_000)
    assert len(receiver.got) == 3
    expected = [("submitted", status, False), ("processing", status, False), ("succeed", status, False)]
    assert attempts(double, tasks[0]["task_id"]) == expected


def test_a_redirect_is_not_followed(told: Any, double: Any, receiver: Any) -> None:
    """302 is an answer like any other that is not 2xx."""
    receiver.answers = [302] * 3
    receiver.headers = {"Location": receiver.url + "/elsewhere"}
    task_id = told()[0]["task_id"]
    assert {got["path"] for got in receiver.got} == {"/hook"}
    assert [each[1:] for each in attempts(double, task_id)] == [(302, False)] * 3


REFUSED = (
    "http://192.0.2.1/hook",
    "http://8.8.8.8/hook",
    "https://198.51.100.7/hook",
    "http://169.254.169.254/latest/meta-data",
    "http://[2001:db8::1]/hook",
    "http://[::ffff:192.0.2.1]/hook",
    "http://0.0.0.0/hook",
    "http://3221225985/hook",
    "http://user:word@192.0.2.1/hook",
    "ftp://127.0.0.1/hook",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "127.0.0.1:80/hook",
    "not a url",
    "http://",
    "http:///hook",
    "http://[::1/hook",
    "http://127.0.0.1:99999/hook",
    "http://127.0.0.1:x/hook",
    "http://a b/hook",
    "x" * 3000,
)


@pytest.mark.parametrize("url", REFUSED, ids=[url[:40] for url in REFUSED])
def test_an_impossible_or_foreign_address_is_recorded_as_refused(double: Any, url: str) -> None:
    """The create call succeeds, the task lives, and nobody is called."""
    task = double.finished(callback_url=url)
    assert task["task_status"] == "succeed"
    deliveries = double.deliveries(task["task_id"])
    assert [each["status"] for each in deliveries] == ["submitted", "processing", "succeed"]
    tried = [attempt for each in deliveries for attempt in each["attempts"]]
    assert [(each["refused"], each["delivered"], each["answer"]) for each in tried] == [(True, False, None)] * 3
    assert all(each["error"] for each in tried)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]"])
def test_loopback_by_any_name_is_allowed(double: Any, receiver: Any, host: str) -> None:
    """Addresses are judged, not names."""
    double.create(callback_url=receiver.url.replace("127.0.0.1", host))
    assert receiver.tasks(1)[0]["task_status"] == "submitted"


def test_nobody_at_home_is_recorded(double: Any) -> None:
    """A closed port is a failed delivery, not a refused one."""
    task = double.finished(callback_url="http://127.0.0.1:1/hook")
    tried = [attempt for each in double.deliveries(task["task_id"]) for attempt in each["attempts"]]
    assert [(each["refused"], each["delivered"]) for each in tried] == [(False, False)] * 3


def test_a_receiver_may_query_the_task_from_inside(double: Any, receiver: Any) -> None:
    """Docs and integrators advise it."""
    seen: list[tuple[str, str]] = []

    def look() -> None:
        task = json.loads(receiver.got[-1]["raw"])
        seen.append((task["task_status"], ask(double, task["task_id"])["task_status"]))

    receiver.during = look
    double.create(callback_url=receiver.url)
    receiver.wait(1)
    double.advance(10_000)
    receiver.wait(3)
    assert seen == [(status, status) for status in ("submitted", "processing", "succeed")]


def ask(double: Any, task_id: str) -> Any:
    """A query from another thread, over a connection of its own."""
    path = f"{double.CREATE}/{task_id}"
    return json.loads(from_inside(double, "GET", path, None)[1])["data"]


def from_inside(double: Any, method: str, path: str, body: str | None) -> tuple[int, bytes]:
    """Status and body of a call that shares nothing with the test's own."""
    address = urlsplit(double.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 0, timeout=5)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {double.api_key}"})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def test_a_receiver_may_create_the_next_task_from_inside(double: Any, receiver: Any) -> None:
    """Pipelines do so."""
    seen: list[int] = []

    def next_one() -> None:
        seen.append(from_inside(double, "POST", double.CREATE, json.dumps(double.body()))[0])

    receiver.during = next_one
    double.create(callback_url=receiver.url)
    receiver.wait(1)
    double.advance(10_000)
    receiver.wait(3)
    assert seen == [200] * 3


def test_the_clock_cannot_be_advanced_from_inside_an_advance(double: Any, receiver: Any) -> None:
    """409 for the second; the first goes on."""
    double.create(callback_url=receiver.url)
    receiver.wait(1)
    seen: list[int] = []
    receiver.during = lambda: seen.append(from_inside(double, "POST", "/__kling/clock", '{"advance_ms": 1}')[0])
    double.advance(10_000)
    assert seen == [409] * 2


def test_an_advance_tells_what_it_fired_in_order(double: Any, receiver: Any) -> None:
    """Status changes and deliveries, each at its time."""
    task_id = double.create(callback_url=receiver.url)["task_id"]
    receiver.wait(1)
    fired = [each for each in double.advance(10_000)["fired"] if each["task_id"] == task_id]
    steps = [("status", "processing"), ("delivery", "processing"), ("status", "succeed"), ("delivery", "succeed")]
    assert [(each["kind"], each["status"]) for each in fired] == steps
    times = [each["at_ms"] for each in fired]
    assert times == sorted(times)


# ── with the switches turned ──────────────────────────────────────────────────────────────────────────────────────


def test_terminal_only_tells_the_end_only(switched: Any, receiver: Any) -> None:
    """`callback_statuses=terminal`."""
    switched.create(callback_url=receiver.url)
    switched.advance(3_600_000)
    assert [task["task_status"] for task in receiver.tasks(1)] == ["succeed"]
    assert len(receiver.got) == 1


def test_a_signed_callback_verifies(switched: Any, receiver: Any, webhook_signature: Any) -> None:
    """Standard Webhooks: a numeric id, seconds, and `v1,` with the right sum."""
    switched.create(callback_url=receiver.url)
    switched.advance(10_000)
    (got,) = receiver.wait(1)
    assert got["headers"]["webhook-id"].isdigit()
    assert got["headers"]["webhook-timestamp"].isdigit()
    assert len(got["headers"]["webhook-timestamp"]) == 10
    assert webhook_signature(got["headers"], got["raw"]) in got["headers"]["webhook-signature"].split(" ")


def test_a_delivery_s_id_is_a_snowflake(switched: Any, receiver: Any) -> None:
    """It fits the 64 bits that receivers keep such ids in."""
    switched.create(callback_url=receiver.url)
    switched.advance(10_000)
    assert int(receiver.wait(1)[0]["headers"]["webhook-id"]) < 2**63


def test_five_tries_are_made_at_one_two_four_and_eight_seconds(switched: Any, receiver: Any) -> None:
    """Of sandbox time, all within one advance, then no more."""
    receiver.answers = [500] * 9
    task_id = switched.create(callback_url=receiver.url)["task_id"]
    switched.advance(60_000)
    switched.advance(3_600_000)
    (delivery,) = switched.deliveries(task_id)
    times = [tried["at_ms"] for tried in delivery["attempts"]]
    assert [later - earlier for earlier, later in pairwise(times)] == [1000, 2000, 4000, 8000]
    assert len(receiver.got) == 5


def test_a_retry_waits_for_its_moment(switched: Any, receiver: Any) -> None:
    """A millisecond early, nothing is sent."""
    receiver.answers = [500] * 9
    task_id = switched.create(callback_url=receiver.url)["task_id"]
    end = switched.moments(task_id)[-1][1]
    counts = []
    for ms in (end - switched.now_ms(), 999, 1, 1999, 1):
        switched.advance(ms)
        counts.append(len(receiver.got))
    assert counts == [1, 1, 2, 2, 3]


def test_tries_end_with_the_first_success(switched: Any, receiver: Any) -> None:
    """503, then 204, then silence; the body and its id stay the same."""
    receiver.answers = [503, 204]
    switched.create(callback_url=receiver.url)
    switched.advance(3_600_000)
    first, second = receiver.wait(2)
    assert len(receiver.got) == 2
    assert first["raw"] == second["raw"]
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]


def test_a_refused_address_is_not_tried_again(switched: Any) -> None:
    """It will not become allowed."""
    task_id = switched.create(callback_url="http://192.0.2.1/hook")["task_id"]
    switched.advance(3_600_000)
    (delivery,) = switched.deliveries(task_id)
    assert len(delivery["attempts"]) == 1
