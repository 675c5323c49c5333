"""The control plane: up or not, the document, the clock, the journal, and who may ask."""

import json
from typing import Any

import pytest

CREATE = "/v1/videos/multi-image2video"
PROBLEM = "application/problem+json"


def test_it_says_that_it_is_up_and_ready(double: Any) -> None:
    """Without any credential."""
    for path in ("livez", "readyz"):
        assert double.call("GET", f"/__kling/{path}", auth=None).status_code == 200


def test_the_document_is_served_as_json(double: Any) -> None:
    """In one piece: no reference leads to another file."""
    reply = double.get("/__kling/spec/openapi.json")
    document = reply.json()
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    assert document["openapi"].startswith("3.1")
    assert {CREATE, "/account/costs"} <= set(document["paths"])
    references = json.dumps(document).split('"$ref": "')[1:]
    assert all(each.startswith("#/") for each in references)


def test_the_document_is_served_as_yaml(double: Any) -> None:
    """For people."""
    reply = double.get("/__kling/spec/openapi.yaml")
    assert reply.status_code == 200
    assert "yaml" in reply.headers["content-type"]
    assert "openapi: 3.1" in reply.text


def test_the_control_plane_describes_itself(double: Any) -> None:
    """By its own OpenAPI document."""
    reply = double.get("/__kling/openapi.json")
    assert reply.status_code == 200
    assert reply.json()["openapi"].startswith("3.")


def test_the_control_plane_needs_no_credential_of_the_api(double: Any) -> None:
    """On loopback, without a control token."""
    assert double.call("GET", "/__kling/clock", auth=None).status_code == 200
    assert double.call("GET", "/__kling/clock", auth="Bearer nonsense").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "nothing"), ("GET", ""), ("DELETE", "clock"), ("POST", "livez"), ("PUT", "reset")]
)
def test_what_it_does_not_know_is_its_own_kind_of_error(double: Any, method: str, path: str) -> None:
    """The mock's own voice is unmistakable."""
    reply = double.call(method, f"/__kling/{path}")
    assert (reply.status_code in {404, 405}, reply.headers["content-type"]) == (True, PROBLEM)
    assert "code" not in reply.json()


# ── the clock ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_clock_goes_forward_by_what_is_asked(double: Any) -> None:
    """To the millisecond."""
    before = double.now_ms()
    assert double.advance(1234)["now_ms"] == double.now_ms() == before + 1234


def test_the_clock_may_be_advanced_by_nothing(double: Any) -> None:
    """What is due is still delivered."""
    before = double.now_ms()
    assert (double.advance(0)["now_ms"], double.control("clock")["rate"]) == (before, 0)


BAD_CLOCK = {
    "backwards": b'{"advance_ms": -1}',
    "text": b'{"advance_ms": "1"}',
    "true": b'{"advance_ms": true}',
    "null": b'{"advance_ms": null}',
    "a fraction": b'{"advance_ms": 1.5}',
    "for ever": b'{"advance_ms": 1e300}',
    "a huge integer": b'{"advance_ms": 100000000000000000000000000}',
    "NaN": b'{"advance_ms": NaN}',
    "a negative rate": b'{"rate": -1}',
    "a rate of text": b'{"rate": "60"}',
    "nothing": b"{}",
    "an empty body": b"",
    "a list": b"[]",
    "half": b"{",
    "deep": b"[" * 5000,
}


@pytest.mark.parametrize("content", BAD_CLOCK.values(), ids=BAD_CLOCK.keys())
def test_the_clock_refuses_what_it_cannot_do(double: Any, content: bytes) -> None:
    """Forward only, and nothing moves."""
    before = double.control("clock")
    reply = double.call("POST", "/__kling/clock", content=content)
    assert (reply.status_code in {400, 422}, reply.headers["content-type"]) == (True, PROBLEM)
    assert double.control("clock") == before


def test_the_clock_s_rate_can_be_changed(slots: Any) -> None:
    """And stopped again."""
    assert slots.control("clock", "POST", json={"rate": 60})["rate"] == 60
    assert slots.control("clock", "POST", json={"rate": 0})["rate"] == 0
    assert slots.now_ms() == slots.now_ms()


# ── the journal ───────────────────────────────────────────────────────────────────────────────────────────────────


def last_call(double: Any) -> dict[str, Any]:
    """What the journal holds of the newest call."""
    return double.control("calls")["calls"][-1]


def test_the_journal_keeps_a_call_and_its_answer(double: Any) -> None:
    """Written before the reply leaves."""
    task = double.create(prompt="written down")
    call = last_call(double)
    assert (call["method"], call["path"], call["status"], call["code"]) == ("POST", CREATE, 200, 0)
    assert (call["body"]["prompt"], call["task_id"]) == ("written down", task["task_id"])


def test_the_journal_keeps_refused_calls_too(double: Any) -> None:
    """With their code."""
    for call, expected in [
        (lambda: double.submit(mode="4k"), (400, 1201)),
        (lambda: double.call("GET", CREATE, auth=None), (401, 1001)),
        (lambda: double.get("/nowhere"), (404, 1203)),
        (lambda: double.call("DELETE", CREATE), (404, 1202)),
        (lambda: double.send(b"{"), None),
    ]:
        reply = call()
        kept = last_call(double)
        assert (kept["status"], kept["code"]) == (expected or (400, reply.json()["code"]))
        assert kept["request_id"] == reply.json()["request_id"]


def test_the_journal_does_not_count_the_control_plane(double: Any) -> None:
    """Looking changes nothing."""
    before = double.control("calls")
    double.control("clock")
    assert double.control("calls") == before


def test_the_journal_tells_no_secrets(double: Any) -> None:
    """Neither key, nor token, in no corner of a call."""
    token = double.token()
    double.call("GET", CREATE, auth=f"Bearer {token}")
    double.call("GET", CREATE, auth=f"Bearer {double.api_key}")
    double.call("GET", CREATE, auth=double.api_key)
    double.call("GET", CREATE, auth=f"Bearer  {token}")
    text = json.dumps(double.control("calls")["calls"][-4:])
    signature = token.rpartition(".")[2]
    assert [secret in text for secret in (double.api_key, token, signature, double.ready["secret_key"])] == [False] * 4
    assert "REDACTED" in text


def test_the_journal_tells_no_secrets_from_other_headers(double: Any) -> None:
    """Cookies and proxies' credentials."""
    double.page(headers={"Cookie": "session=hush-hush", "Proxy-Authorization": "Basic aHVzaC1odXNo"})
    text = json.dumps(last_call(double))
    assert "hush-hush" not in text
    assert "aHVzaC1odXNo" not in text


def test_the_journal_keeps_a_marker_for_a_long_image(double: Any, pictures: Any) -> None:
    """With the true size of the body."""
    text = pictures.base64(pictures.png(size=200_000))
    content = json.dumps(double.body(image_list=[{"image": text}])).encode()
    double.granted(double.send(content))
    call = last_call(double)
    assert call["body_bytes"] == len(content)
    assert len(json.dumps(call)) < 20_000
    assert "dog" in json.dumps(call["body"])


def test_the_journal_keeps_a_marker_for_a_long_body(double: Any) -> None:
    """One that is no JSON."""
    double.send(b"x" * 50_000)
    call = last_call(double)
    assert call["body_bytes"] == 50_000
    assert len(json.dumps(call)) < 20_000


def test_the_journal_evicts_the_oldest(run: Any) -> None:
    """`--journal N`, and says how many are gone."""
    small = run("--journal", "3", "--speed", "0")
    for number in range(5):
        small.page(f"pageNum={number + 1}")
    journal = small.control("calls")
    assert ([call["query"] for call in journal["calls"]], journal["evicted"]) == (
        ["pageNum=3", "pageNum=4", "pageNum=5"],
        2,
    )


def test_the_control_plane_lists_tasks_with_their_timelines(double: Any) -> None:
    """When which status begins."""
    created = double.create()
    marks = double.moments(created["task_id"])
    assert [status for status, _ in marks] == ["submitted", "processing", "succeed"]
    assert marks[0] == ("submitted", created["created_at"])
    assert created["task_id"] in {task["task_id"] for task in double.control("tasks")["tasks"]}


def test_a_task_s_axis_shows_its_polls_and_deliveries(double: Any, receiver: Any) -> None:
    """In the order of time, beside its marks."""
    task_id = double.create(callback_url=receiver.url)["task_id"]
    receiver.wait(1)
    double.advance(10_000)
    double.query(task_id)
    axis = double.control(f"tasks/{task_id}")["timeline"]
    assert {"status", "poll", "delivery"} <= {each["kind"] for each in axis}
    times = [each["at_ms"] for each in axis]
    assert times == sorted(times)


def test_an_unknown_task_is_the_control_plane_s_404(double: Any) -> None:
    """Not Kling's."""
    reply = double.get("/__kling/tasks/1")
    assert (reply.status_code, reply.headers["content-type"]) == (404, PROBLEM)


def test_reset_empties_all_but_the_clock(slots: Any) -> None:
    """Tasks, journal, callbacks, external ids and slots; time goes on."""
    name = "before the reset"
    slots.call("POST", "/__kling/reset")
    created = slots.create(external_task_id=name, callback_url="http://127.0.0.1:1/x")
    slots.advance(1000)
    now = slots.now_ms()
    assert slots.call("POST", "/__kling/reset").status_code in {200, 204}
    assert slots.control("calls")["calls"] == slots.control("callbacks")["callbacks"] == []
    assert slots.control("tasks")["tasks"] == []
    assert slots.now_ms() == now
    assert slots.refusal(slots.get(f"{CREATE}/{created['task_id']}"))[:2] == (400, 1201)
    again = slots.create(external_task_id=name)
    assert again["task_id"] != created["task_id"]


# ── who may ask ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("origin", ["http://evil.test", "https://evil.test", "null", "http://127.0.0.1:1", "file://"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "calls"), ("POST", "reset"), ("POST", "clock"), ("GET", "spec/openapi.json")]
)
def test_a_browser_on_another_origin_is_refused(double: Any, method: str, path: str, origin: str) -> None:
    """Web pages shall not drive the double."""
    before = double.newest()
    reply = double.call(method, f"/__kling/{path}", headers={"Origin": origin}, json={"advance_ms": 1})
    assert (reply.status_code, reply.headers["content-type"]) == (403, PROBLEM)
    assert double.newest() == before


def test_a_browser_on_its_own_origin_is_served(double: Any) -> None:
    """Its own pages may."""
    assert double.get("/__kling/clock", headers={"Origin": double.url}).status_code == 200


def test_a_browser_that_says_cross_site_is_refused(double: Any) -> None:
    """Simple GETs carry no Origin, but this."""
    reply = double.get("/__kling/calls", headers={"Sec-Fetch-Site": "cross-site"})
    assert reply.status_code == 403


@pytest.mark.parametrize("host", ["evil.test", "evil.test:80", "127.0.0.1.evil.test", "192.0.2.1"])
def test_a_foreign_host_is_refused(double: Any, host: str) -> None:
    """A name that was rebound to loopback."""
    reply = double.get("/__kling/calls", headers={"Host": host})
    assert (reply.status_code in {400, 403, 421}, reply.headers["content-type"]) == (True, PROBLEM)


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1", "[::1]:80"])
def test_a_loopback_host_is_served(double: Any, host: str) -> None:
    """Whatever the port."""
    assert double.get("/__kling/clock", headers={"Host": host}).status_code == 200


def test_the_public_host_is_served(switched: Any) -> None:
    """The host of `--public-url`."""
    assert switched.get("/__kling/clock", headers={"Host": "media.kling.test:8443"}).status_code == 200


@pytest.mark.parametrize("path", ["livez", "readyz"])
def test_being_up_is_no_secret(double: Any, path: str) -> None:
    """No Origin and no Host check here."""
    assert (
        double.get(f"/__kling/{path}", headers={"Origin": "http://evil.test", "Host": "evil.test"}).status_code == 200
    )


def test_the_api_itself_takes_any_host_and_origin(double: Any) -> None:
    """It is guarded by its tokens."""
    assert double.page(headers={"Origin": "http://evil.test", "Host": "api.kling.test"}).status_code == 200


def test_a_control_token_is_demanded(run: Any) -> None:
    """When one is set; being up stays public."""
    guarded = run("--control-token", "open-sesame", "--speed", "0")
    asked = [
        guarded.call("GET", "/__kling/clock", auth=auth).status_code
        for auth in (None, "Bearer wrong", "Bearer open-sesame")
    ]
    assert [asked[0] in {401, 403}, asked[1] in {401, 403}, asked[2]] == [True, True, 200]
    assert guarded.call("GET", "/__kling/livez", auth=None).status_code == 200
    assert guarded.page().status_code == 200
    url = guarded.call("GET", "/__kling/files/x/y.mp4", auth=None)
    assert url.status_code == 404
