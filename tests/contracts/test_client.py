"""The two doors: query, list, costs, waiting, settings. Every test runs through both."""

import asyncio
import inspect

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import (
    AsyncClient,
    AuthenticationError,
    Client,
    NotFoundError,
    ParametersError,
    Patience,
    ProtocolError,
    RateError,
    ServerError,
    TaskFailed,
    TaskUnfinished,
    TransportError,
    UnreadableError,
)

PASSING = {
    "1302": lambda says: says.no(429, 1302),
    "1303": lambda says: says.no(429, 1303),
    "5000": lambda says: says.no(500, 5000),
    "502": lambda says: says.html(502),
    "timeout": lambda says: httpx.ConnectTimeout("slow"),
    "cut": lambda says: httpx.RemoteProtocolError("cut"),
}
LASTING = {
    "1000": (lambda says: says.no(401, 1000), AuthenticationError),
    "1201": (lambda says: says.no(400, 1201), ParametersError),
    "not found": (lambda says: says.not_found(), NotFoundError),
    "HTML": (lambda says: says.html(200), UnreadableError),
    "code in 200": (lambda says: says.no(200, 1303), ProtocolError),
}


# --- query ------------------------------------------------------------------------------------------------------------


def test_a_query_is_one_get_with_everything_in_its_headers(stage, says):
    s = stage(says.ok(says.task()))
    assert s.query("mine").external_task_id == "mine"
    request = s.requests[0]
    assert (request.method, str(request.url)) == ("GET", "http://kling.test/v1/videos/multi-image2video/mine")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"].startswith("Bearer ey")


@pytest.mark.parametrize("trouble", PASSING)
def test_a_query_rides_out_passing_trouble(stage, says, trouble):
    s = stage(PASSING[trouble](says), PASSING[trouble](says), says.ok(says.task()))
    assert s.query("mine").task_status == "submitted"
    assert s.slept == [1.0, 2.0]


@pytest.mark.parametrize("trouble", LASTING)
def test_a_query_does_not_repeat_what_will_not_pass(stage, says, trouble):
    answer, kind = LASTING[trouble]
    s = stage(answer(says))
    with pytest.raises(kind):
        s.query("mine")
    assert len(s.requests) == 1


def test_a_query_gives_up_at_last(stage, says):
    s = stage(lambda _: says.no(503, 5001), patience=Patience(tries=3))
    with pytest.raises(ServerError):
        s.query("mine")
    assert (len(s.requests), s.slept) == (3, [1.0, 2.0])


@given(chance=st.floats(0, 1, exclude_max=True))
def test_waits_are_stretched_by_chance_and_never_below_a_second(any_stage, says, chance):
    s = any_stage("sync", lambda _: says.no(429, 1302), random=lambda: chance)
    with pytest.raises(RateError):
        s.query("mine")
    assert s.slept == [wait * (1 + 0.5 * chance) for wait in (1.0, 2.0, 4.0, 8.0)]
    s.close()


# --- the list ---------------------------------------------------------------------------------------------------------


def library(says, count):
    """A service with that many tasks, newest first."""
    tasks = [says.task(task_id=str(number)) for number in range(count, 0, -1)]

    def page(request):
        number, size = (int(request.url.params[name]) for name in ("pageNum", "pageSize"))
        return says.ok(tasks[(number - 1) * size : number * size])

    return page


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (2, 1), (3, 2), (5, 2), (6, 3)])
def test_the_list_is_turned_to_its_end(stage, says, count, pages):
    """A page that is not full is the last."""
    s = stage(library(says, count))
    assert [task.task_id for task in s.tasks(page_size=3)] == [str(number) for number in range(count, 0, -1)]
    assert len(s.requests) == pages


def test_a_task_pushed_to_the_next_page_is_met_once(stage, says):
    first = [says.task(task_id="3"), says.task(task_id="2")]
    s = stage(says.ok(first), says.ok([says.task(task_id="2"), says.task(task_id="1")]), says.ok([]))
    assert [task.task_id for task in s.tasks(page_size=2)] == ["3", "2", "1"]


def test_a_list_that_never_ends_is_a_protocol_error(stage, says):
    s = stage(lambda _: says.ok([says.task()]))
    with pytest.raises(ProtocolError, match="goes on after 1000 pages"):
        s.tasks(page_size=1)


def test_a_page_is_fetched_only_when_it_is_needed(says):
    seen = []
    transport = httpx.MockTransport(lambda request: seen.append(request) or says.ok([says.task()]))
    with Client("http://kling.test", api_key="k", transport=transport) as client:
        next(client.tasks(page_size=1))
    assert len(seen) == 1


def test_a_page_that_is_no_list_is_a_protocol_error(stage, says):
    with pytest.raises(ProtocolError, match="data should be an array"):
        stage(says.ok({"tasks": []})).tasks()


# --- costs ------------------------------------------------------------------------------------------------------------


def test_costs_are_asked_for_a_span_of_time(stage, says):
    s = stage(says.ok({"code": 0, "msg": "success"}))
    assert s.costs(1, 2, resource_pack_name="A pack") == ()
    assert str(s.requests[0].url) == "http://kling.test/account/costs?start_time=1&end_time=2&resource_pack_name=A+pack"


# --- waiting ----------------------------------------------------------------------------------------------------------


def test_waiting_polls_further_and_further_apart_to_the_end(stage, says):
    heard = []
    polls = [says.ok(says.task(status)) for status in ["submitted", "submitted", "processing", "processing", "succeed"]]
    s = stage(*polls)
    task = s.wait("mine", on_change=heard.append)
    assert task.videos[0].duration == "5.1"
    assert [known.task_status for known in heard] == ["submitted", "processing", "succeed"]
    assert s.slept == [1.0, 1.5, 2.25, 3.375]


def test_a_task_at_hand_is_not_asked_about_at_once(stage, says):
    s = stage(says.ok(says.task()), says.ok(says.task("succeed")))
    s.wait(s.query("mine"))
    assert (s.sent(), s.slept) == (["GET mine", "GET 866889456698785798"], [1.0])


def test_a_task_that_has_ended_is_not_asked_about_at_all(stage, says):
    s = stage(says.ok(says.task("succeed")))
    task = s.query("mine")
    assert s.wait(task) is task
    assert len(s.requests) == 1


def test_a_failed_task_is_an_error_although_its_answer_is_not(stage, says):
    """HTTP 200, code 0, and the service's reason."""
    s = stage(says.ok(says.task("failed", task_status_msg="Failure to pass the risk control system")))
    with pytest.raises(TaskFailed, match="Failure to pass the risk control system") as caught:
        s.wait("mine")
    assert (caught.value.task.task_status, caught.value.retry) == ("failed", False)


def test_a_failure_without_a_reason_says_so(stage, says):
    with pytest.raises(TaskFailed, match="does not say why"):
        stage(says.ok(says.task("failed"))).wait("mine")


def test_waiting_ends_at_the_deadline_with_a_last_look(stage, says):
    s = stage(lambda _: says.ok(says.task("processing")))
    with pytest.raises(TaskUnfinished, match="still processing after 5 s") as caught:
        s.wait("mine", timeout_s=5)
    assert s.slept == [1.0, 1.5, 2.25, 0.25]
    assert caught.value.task.task_id == "866889456698785798"


def test_no_request_outlasts_the_deadline_by_much(stage, says):
    """A second at least, so that the last look can succeed at all."""
    s = stage(lambda _: says.ok(says.task("processing")))
    with pytest.raises(TaskUnfinished):
        s.wait("mine", timeout_s=5)
    assert [request.extensions["timeout"]["read"] for request in s.requests] == [5, 4, 2.5, 1, 1]


def test_a_deadline_of_nothing_is_one_look(stage, says):
    s = stage(lambda _: says.ok(says.task("processing")))
    with pytest.raises(TaskUnfinished):
        s.wait("mine", timeout_s=0)
    assert s.slept == []


@pytest.mark.parametrize("trouble", PASSING)
def test_waiting_rides_out_passing_trouble(stage, says, trouble):
    s = stage(says.ok(says.task()), PASSING[trouble](says), says.ok(says.task("succeed")))
    assert s.wait("mine").done


def test_trouble_does_not_outlast_the_deadline(stage, says):
    """A retry that would come too late is not waited for."""
    s = stage(lambda _: says.no(503, 5001))
    with pytest.raises(ServerError):
        s.wait("mine", timeout_s=5)
    assert s.slept == [1.0, 2.0]


@pytest.mark.parametrize("status", ["queued", "succeeded"])
def test_a_status_nobody_knows_ends_the_wait(stage, says, status):
    """Never a hang, never a wrong success."""
    with pytest.raises(ProtocolError, match=f"task_status is '{status}'"):
        stage(says.ok(says.task(status))).wait("mine")


class Drip(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that never ends; between two of its bytes `pause` is called."""

    def __init__(self, pause):
        self.pause = pause

    def __iter__(self):
        while True:
            self.pause(2)
            yield b" "

    async def __aiter__(self):
        for piece in self:
            yield piece


def test_an_answer_that_only_drips_is_no_answer(stage):
    """Every silence is short, but the whole takes too long."""
    s = stage(lambda _: httpx.Response(200, stream=Drip(s.sleep)), patience=Patience(tries=1))
    with pytest.raises(TransportError, match="still arriving after 30 s"):
        s.query("mine")
    assert s.slept == [2] * 16


def test_an_answer_without_end_is_none(stage, monkeypatch):
    monkeypatch.setattr("contracts.talk.MAX_REPLY_BYTES", 100)
    s = stage(lambda _: httpx.Response(200, stream=Drip(lambda _: None)))
    with pytest.raises(UnreadableError, match="longer than 100 bytes"):
        s.query("mine")


# --- making a client --------------------------------------------------------------------------------------------------


def test_the_two_doors_have_the_same_names_and_settings():
    def shape(kind):
        methods = {name: member for name, member in vars(kind).items() if not name.startswith("_")}
        return {
            name: str(inspect.signature(getattr(member, "__func__", member)).parameters)
            for name, member in methods.items()
        }

    assert shape(Client) == shape(AsyncClient)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"access_key": "a"},
        {"secret_key": "s"},
        {"access_key": "a", "secret_key": ""},
        {"access_key": "a", "secret_key": "s", "api_key": "k"},
        {"access_key": "a", "api_key": "k"},
    ],
)
def test_a_client_needs_exactly_one_kind_of_credentials(wrong):
    with pytest.raises(ValueError, match="access_key and secret_key, or api_key instead"):
        Client("http://kling.test", **wrong)


def test_an_address_without_a_scheme_is_refused():
    with pytest.raises(ValueError, match="should be an http"):
        Client("127.0.0.1:5546", api_key="k")


def test_a_misspelt_setting_is_refused():
    with pytest.raises(TypeError, match="unknown: timeout; settings are access_key"):
        Client("http://kling.test", api_key="k", timeout=3)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_client_can_be_made_from_the_environment(kind):
    """The five variables of `klingmock exec`; the pair goes before the key."""
    url = {"KLING_BASE_URL": "http://kling.test/"}
    pair = {"KLING_ACCESS_KEY": "a", "KLING_SECRET_KEY": "s"}
    assert kind.from_env(url | pair | {"KLING_API_KEY": "k"})._desk.signer.bearer().count(".") == 2
    desk = kind.from_env(url | {"KLING_API_KEY": "k"}, timeout_s=3)._desk
    assert (desk.base_url, desk.signer.bearer(), desk.timeout_s) == ("http://kling.test", "k", 3)
    with pytest.raises(ValueError, match="KLING_BASE_URL is not set"):
        kind.from_env(pair)
    with pytest.raises(ValueError, match="KLING_API_KEY, should be set"):
        kind.from_env(url)


def test_many_conversations_share_one_async_client(says):
    """Each has its own hold on the wire."""

    async def scene():
        transport = httpx.MockTransport(lambda r: says.ok(says.task(task_id=r.url.path.rsplit("/", 1)[-1])))
        async with AsyncClient("http://kling.test", api_key="k", transport=transport) as client:
            return await asyncio.gather(*(client.query(str(number)) for number in range(1, 20)))

    assert [task.task_id for task in asyncio.run(scene())] == [str(number) for number in range(1, 20)]


def test_an_iteration_that_stops_in_a_sleep_is_not_the_end_of_a_conversation(says):
    """It must not look like a result."""
    transport = httpx.MockTransport(lambda _: says.no(429, 1302))
    client = Client("http://kling.test", api_key="k", transport=transport, sleep=lambda _: next(iter(())))
    with client, pytest.raises(StopIteration):
        client.query("mine")
