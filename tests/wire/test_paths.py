"""Paths, methods, pages and ids: how one finds what is there, and what is said of what is not."""

import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

CREATE = "/v1/videos/multi-image2video"

WRONG_METHOD = {
    f"{method} {path}": (method, path)
    for path, methods in {
        CREATE: ("PUT", "PATCH", "DELETE", "OPTIONS"),
        f"{CREATE}/123": ("POST", "PUT", "PATCH", "DELETE"),
        "/account/costs": ("POST", "PUT", "DELETE"),
    }.items()
    for method in methods
}
UNKNOWN_PATH = (
    "/",
    "/v1",
    "/v1/videos",
    "/v1/videos/",
    "/v1/videos/nothing-here",
    "/v2/videos/multi-image2video",
    "/videos/multi-image2video",
    "/V1/VIDEOS/MULTI-IMAGE2VIDEO",
    "//v1/videos/multi-image2video",
    "/account",
    "/account/costs/1",
    f"{CREATE}/",
    f"{CREATE}/1/2",
    f"{CREATE}//",
    "/openapi.json",
    "/docs",
    "/favicon.ico",
    "/tasks",
)


@pytest.mark.parametrize(("method", "path"), WRONG_METHOD.values(), ids=WRONG_METHOD.keys())
def test_a_wrong_method_on_a_known_path_is_404_1202(double: Any, method: str, path: str) -> None:
    """By the error table."""
    assert double.refusal(double.call(method, path))[:2] == (404, 1202)


@pytest.mark.parametrize("path", UNKNOWN_PATH)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_404_1203(double: Any, method: str, path: str) -> None:
    """With a good token, and without a redirect."""
    status, body = verbatim(double, method, path)
    assert (status, body["code"], sorted(body)) == (404, 1203, ["code", "message", "request_id"])


def verbatim(double: Any, method: str, path: str) -> tuple[int, dict[str, Any]]:
    """A call whose path no client has tidied up."""
    address = urlsplit(double.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 0, timeout=10)
    try:
        connection.request(method, path, headers={"Authorization": f"Bearer {double.api_key}"})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/v1/videos/multi%2Dimage2video", "/%76%31/videos/multi-image2video"])
def test_a_percent_encoded_path_is_the_same_path(double: Any, path: str) -> None:
    """Where nothing but plain letters is encoded."""
    assert verbatim(double, "GET", path)[0] == 200


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

PAGES_TAKEN = (
    "pageNum=1",
    "pageNum=2",
    "pageNum=999",
    "pageNum=1000",
    "pageSize=1",
    "pageSize=2",
    "pageSize=30",
    "pageSize=499",
    "pageSize=500",
    "pageNum=1000&pageSize=500",
    "pageNum=01",
    "pageSize=030",
    "external_task_id=x",
    "pagenum=0",
    "page=0&size=abc",
    "start_time=yesterday",
    "=",
    "&&",
    "%ff=%fe",
)
PAGES_REFUSED = {
    f"{word}={value}": f"{word} value '{value}' is invalid"
    for word, values in {
        "pageNum": ("0", "-1", "1001", "100000000000000000000", "abc", "1.0", "1e2", "0x1", "null", "true", "1,2"),
        "pageSize": ("0", "-1", "501", "1000", "100000000000000000000", "abc", "1.0", "30.5", "null", "[]"),
    }.items()
    for value in values
}


@pytest.mark.parametrize("query", PAGES_TAKEN)
def test_a_page_inside_the_bounds_is_answered(double: Any, query: str) -> None:
    """As a plain list."""
    assert isinstance(double.granted(double.page(query)), list)


@pytest.mark.parametrize(("query", "message"), PAGES_REFUSED.items(), ids=PAGES_REFUSED.keys())
def test_a_page_out_of_bounds_is_refused(double: Any, query: str, message: str) -> None:
    """In the common pattern of words."""
    assert double.refusal(double.page(query)) == (400, 1201, message)


@pytest.mark.parametrize(
    "query", ["pageNum=", "pageSize=", "pageNum=%20", "pageSize=%201", "pageNum=%ff", "pageNum=%D9%A1"]
)
def test_a_page_that_is_no_number_is_refused(double: Any, query: str) -> None:
    """Empty, blank, padded, broken, or a digit of another script."""
    assert double.refusal(double.page(query))[:2] == (400, 1201)


def test_a_page_holds_thirty_unless_told(double: Any) -> None:
    """The default size."""
    for _ in range(31):
        double.create()
    tasks = double.granted(double.page())
    assert len(tasks) == 30
    assert tasks == double.granted(double.page("pageNum=1&pageSize=30"))


def test_the_newest_task_stands_first(double: Any) -> None:
    """Even if all were born in the same millisecond."""
    ids = [double.create()["task_id"] for _ in range(7)]
    tasks = double.granted(double.page("pageSize=7"))
    assert [task["task_id"] for task in tasks] == ids[::-1]


@pytest.mark.parametrize("size", [1, 3, 4, 5, 11, 12])
def test_pages_cut_the_list_without_gap_or_overlap(double: Any, size: int) -> None:
    """Any size tells the same story."""
    for _ in range(12):
        double.create()
    whole = [task["task_id"] for task in double.granted(double.page("pageSize=12"))]
    pages = [double.granted(double.page(f"pageNum={n}&pageSize={size}")) for n in range(1, -(-12 // size) + 1)]
    assert [task["task_id"] for page in pages for task in page][:12] == whole


def test_a_page_past_the_end_is_empty(double: Any) -> None:
    """Not an error."""
    assert double.granted(double.page("pageNum=1000&pageSize=500")) == []


def test_an_empty_sandbox_lists_nothing(slots: Any) -> None:
    """The first page is past the end."""
    slots.call("POST", "/__kling/reset")
    assert slots.granted(slots.page()) == []


def test_a_listed_task_looks_like_a_queried_one(double: Any) -> None:
    """Field by field, in every status."""
    double.create(external_task_id=f"alike {double.newest()}", watermark_info={"enabled": True})
    for _ in range(4):
        listed = double.granted(double.page("pageSize=1"))[0]
        assert listed == double.query(listed["task_id"])
        double.advance(1000)


# ── ids ───────────────────────────────────────────────────────────────────────────────────────────────────────────

EXTERNAL_IDS = (
    "plain",
    "with blank",
    "with/slash",
    "/leading/and/trailing/",
    "a//b",
    "dots.in.it",
    "..",
    ".",
    "../../etc/passwd",
    "ünïcödé",
    "задача",
    "任务",
    "\U0001f436",
    "100%",
    "%2F",
    "a+b",
    "a&b=c",
    "a?b#c",
    "a;b,c",
    'quote"d',
    "back\\slash",
    "{braces}",
    "<b>tag</b>",
    "123456789012345678",
    "text2video_kling_v3_final-1774805076",
    "3d67a2e2-cec7-4571-ba0d-556668ff7e82",
)


@pytest.mark.parametrize("name", EXTERNAL_IDS)
def test_a_task_is_found_by_its_external_id(double: Any, name: str) -> None:
    """Whatever signs it is made of, once encoded in the path."""
    created = double.create(external_task_id=name)
    path = f"{CREATE}/{quote(name, safe='').replace('.', '%2E')}"
    status, body = verbatim(double, "GET", path)
    assert status == 200, body
    assert (body["data"]["task_id"], body["data"]["task_info"]) == (created["task_id"], {"external_task_id": name})


@pytest.mark.parametrize("name", ["unknown", "999999999999999999", "no such/id", "неизвестно", "'quotes'", "{id}"])
def test_an_unknown_id_is_refused_in_the_service_s_words(double: Any, name: str) -> None:
    """400/1201, not a 404."""
    reply = double.get(f"{CREATE}/{quote(name, safe='')}")
    assert double.refusal(reply) == (400, 1201, f"Task not found by id/external id: {name}")


@pytest.mark.parametrize("name", ["%ff%fe", "%00", "%0d%0aX-Injected:%201", "%ed%a0%80"])
def test_an_id_of_odd_bytes_is_just_unknown(double: Any, name: str) -> None:
    """Never a 500."""
    status, body = verbatim(double, "GET", f"{CREATE}/{name}")
    assert (status, body["code"]) == (400, 1201)


def test_an_id_as_long_as_a_head_may_be_is_just_unknown(double: Any) -> None:
    """And what is echoed of it stays short."""
    status, _, message = double.refusal(double.get(f"{CREATE}/{'9' * 30_000}"))
    assert (status, message.startswith("Task not found by id/external id: 999")) == (400, True)


def test_a_task_id_wins_over_an_equal_external_id(double: Any) -> None:
    """A decided fork of the project."""
    first = double.create()["task_id"]
    double.create(external_task_id=first)
    assert double.query(first)["task_info"] == {}


def test_an_external_id_serves_once(double: Any) -> None:
    """The service's words, and no second task."""
    name = f"once {double.newest()}"
    first = double.create(external_task_id=name)
    assert double.refusal(double.submit(external_task_id=name)) == (
        400,
        1201,
        f"External_task_id {name} already exists",
    )
    assert double.newest() == first["task_id"]


def test_an_external_id_stays_taken_after_the_end(double: Any) -> None:
    """It names the task for good."""
    name = f"taken {double.newest()}"
    double.finished(external_task_id=name)
    assert double.refusal(double.submit(external_task_id=name))[1:] == (1201, f"External_task_id {name} already exists")


def test_external_ids_differ_by_a_letter_s_case(double: Any) -> None:
    """They are free text."""
    name = f"case {double.newest()}"
    assert double.create(external_task_id=name)["task_id"] != double.create(external_task_id=name.upper())["task_id"]


def test_a_refused_create_does_not_take_its_external_id(double: Any) -> None:
    """Nothing is left of a refused call."""
    name = f"refused {double.newest()}"
    assert double.submit(external_task_id=name, mode="4k").status_code == 400
    assert double.create(external_task_id=name)["task_info"] == {"external_task_id": name}


# ── the account ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_costs_are_told_as_health_checks_expect_them(double: Any) -> None:
    """A second pair of code and msg inside the data, and a list."""
    data = double.granted(double.get("/account/costs?start_time=1&end_time=1795384255399"))
    assert (data["code"], data["msg"]) == (0, "success")
    assert isinstance(data["resource_pack_subscribe_infos"], list)


@pytest.mark.parametrize(
    ("query", "field"),
    [("end_time=2", "start_time"), ("start_time=1", "end_time"), ("start_time=x&end_time=2", "start_time")],
    ids=["no start_time", "no end_time", "start_time of letters"],
)
def test_costs_want_both_times(double: Any, query: str, field: str) -> None:
    """Both are required."""
    status, code, message = double.refusal(double.get(f"/account/costs?{query}"))
    assert (status, code, message.startswith(field)) == (400, 1201, True)


def test_costs_take_a_pack_s_name(double: Any) -> None:
    """An optional word."""
    query = "start_time=1&end_time=2&resource_pack_name=no-such-pack"
    assert double.granted(double.get(f"/account/costs?{query}"))["code"] == 0
