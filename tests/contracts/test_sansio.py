"""Reading replies: recorded ones come out whole, and any surprise is a ProtocolError, never a guess."""

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import (
    KlingError,
    NotFoundError,
    ParametersError,
    Patience,
    ProtocolError,
    ResourcePack,
    ServerError,
    Task,
    TransportError,
    UnreadableError,
    Video,
)
from contracts.sansio import created, found, listed, packs, question
from contracts.values import Head, Reply

# Recorded bytes: a real create answer (text2video, whose envelope is the same) and the page's query answer filled in.
CREATED = (
    b'{"code":0,"message":"SUCCEED","request_id":"3d67a2e2-cec7-4571-ba0d-556668ff7e82","data":{"task_id":'
    b'"866889456698785798","task_status":"submitted","task_info":{"external_task_id":"text_probe_1"},'
    b'"created_at":1774711071284,"updated_at":1774711071284}}'
)
SUCCEEDED = (
    b'{"code":0,"message":"SUCCEED","request_id":"3d67a2e2-cec7-4571-ba0d-556668ff7e82","data":{"task_id":'
    b'"866889456698785798","task_status":"succeed","task_status_msg":"","task_info":{"external_task_id":"text_probe_1"},'
    b'"task_result":{"videos":[{"id":"743211632612511839","url":"https://v15.test/1.mp4?ksTime=6","watermark_url":'
    b'"https://v15.test/1w.mp4","duration":"5.041"}]},"watermark_info":{"enabled":true},'
    b'"final_unit_deduction":"3.5","created_at":1774711071284,"updated_at":1774711171284}}'
)
COSTS = (
    b'{"code":0,"message":"SUCCEED","request_id":"c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9","data":{"code":0,"msg":"success",'
    b'"resource_pack_subscribe_infos":[{"resource_pack_name":"Trial-Video-100Units-5Con-1Months","resource_pack_id":'
    b'"0123456789abcdef0123456789abcdef","resource_pack_type":"decreasing_total","total_quantity":100.0,'
    b'"remaining_quantity":97,"purchase_time":1774711071284,"effective_time":1774711071285,"invalid_time":1777389471284,'
    b'"status":"online"}]}}'
)


def reply(body, status=200, media_type="application/json"):
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Reply(Head(status, {"content-type": media_type} if media_type else {}), raw)


def succeeded(says, **other):
    return reply({"code": 0, "message": "", "request_id": "r", "data": says.task("succeed", **other)})


def test_a_recorded_create_answer():
    task = Task("866889456698785798", "submitted", 1774711071284, 1774711071284, external_task_id="text_probe_1")
    assert created(reply(CREATED), "text_probe_1") == task


def test_a_recorded_query_answer():
    assert found(reply(SUCCEEDED), "text_probe_1") == Task(
        task_id="866889456698785798",
        task_status="succeed",
        created_at=1774711071284,
        updated_at=1774711171284,
        external_task_id="text_probe_1",
        videos=(Video("743211632612511839", "https://v15.test/1.mp4?ksTime=6", "5.041", "https://v15.test/1w.mp4"),),
        watermark_enabled=True,
        final_unit_deduction="3.5",
    )


def test_a_recorded_costs_answer():
    assert packs(reply(COSTS)) == (
        ResourcePack(
            resource_pack_name="Trial-Video-100Units-5Con-1Months",
            resource_pack_id="0123456789abcdef0123456789abcdef",
            resource_pack_type="decreasing_total",
            status="online",
            total_quantity=100.0,
            remaining_quantity=97.0,
            purchase_time=1774711071284,
            effective_time=1774711071285,
            invalid_time=1777389471284,
        ),
    )


def test_an_account_without_packs_has_none():
    """The list is then left out altogether."""
    assert packs(reply({"code": 0, "message": "SUCCEED", "data": {"code": 0, "msg": "success"}})) == ()


def test_the_inner_envelope_of_costs_is_read_too():
    with pytest.raises(ProtocolError, match=r"data\.code is 1 "):
        packs(reply({"code": 0, "message": "SUCCEED", "data": {"code": 1, "msg": "no"}}))


@pytest.mark.parametrize(
    "other",
    [
        {"task_id": 866889456698785798},
        {"task_id": ""},
        {"task_id": ...},
        {"task_status": "succeeded"},
        {"task_status": "queued"},
        {"task_status": "SUCCEED"},
        {"task_status": 3},
        {"task_status": None},
        {"task_status_msg": 7},
        {"task_info": "mine"},
        {"task_info": {"external_task_id": 7}},
        {"task_result": ...},
        {"task_result": None},
        {"task_result": {}},
        {"task_result": {"videos": []}},
        {"task_result": {"videos": None}},
        {"task_result": {"videos": {}}},
        {"task_result": {"videos": ["https://files.test/1.mp4"]}},
        {"task_result": []},
        {"created_at": "1774711071284"},
        {"created_at": 1774711071284.5},
        {"created_at": True},
        {"updated_at": ...},
        {"final_unit_deduction": 3.5},
        {"watermark_info": {"enabled": "true"}},
    ],
)
def test_a_success_that_is_not_what_it_should_be_is_a_protocol_error(says, other):
    """Numbers where texts belong, unknown statuses, success without videos: never a wrong success."""
    with pytest.raises(ProtocolError) as caught:
        found(succeeded(says, **other), "mine")
    assert caught.value.status == 200


@pytest.mark.parametrize(
    "other", [{"duration": 5}, {"url": ...}, {"url": ""}, {"url": "ftp://x/y.mp4"}, {"id": 1}, {"watermark_url": False}]
)
def test_a_video_that_is_not_what_it_should_be_is_a_protocol_error(says, other):
    with pytest.raises(ProtocolError):
        found(succeeded(says, task_result={"videos": [says.video(**other)]}), "mine")


@pytest.mark.parametrize(
    "other",
    [
        {"task_status_msg": ...},
        {"task_status_msg": None},
        {"final_unit_deduction": None},
        {"watermark_info": None},
        {"seed": 7, "camera": {"a": 1}},
    ],
)
def test_what_may_be_absent_may_be(says, other):
    """And what is unknown is passed over."""
    assert found(succeeded(says, **other), "mine").done


@pytest.mark.parametrize(
    ("body", "status", "media_type"),
    [
        (b"<html>502</html>", 200, "text/html"),
        (CREATED, 200, "text/html; charset=utf-8"),
        (CREATED[:-9], 200, "application/json"),
        (b"", 200, "application/json"),
        (b"", 204, ""),
        (b"null", 200, "application/json"),
        (b"[]", 200, "application/json"),
        (b'"0"', 200, "application/json"),
        (b'{"code":"0","message":"","request_id":"","data":{}}', 200, "application/json"),
        (b'{"code":false,"data":{}}', 200, "application/json"),
        (b'{"data":{}}', 200, "application/json"),
        (b'{"code":0,"data":NaN}', 200, "application/json"),
        (b'{"code":0,"message":"\xff"}', 200, "application/json"),
        (b"<html>404</html>", 404, "text/html"),
        (b"", 302, ""),
    ],
)
def test_what_is_no_envelope_is_unreadable(body, status, media_type):
    with pytest.raises(UnreadableError):
        found(reply(body, status, media_type), "text_probe_1")


@pytest.mark.parametrize(
    ("status", "code"), [(200, 1303), (200, 5000), (200, 1), (201, 0), (400, 0), (400, 1999), (302, 1303), (100, 0)]
)
def test_a_code_that_contradicts_its_status_is_a_protocol_error(says, status, code):
    """HTTP 200 with a code other than 0, another 2xx, a refusal with 0, a code that no table has; though all is there."""
    body = {"code": code, "message": "m", "request_id": "r", "data": says.task("succeed")}
    with pytest.raises(ProtocolError, match="do not go together") as caught:
        found(reply(body, status), "mine")
    error = caught.value
    assert not isinstance(error, UnreadableError)
    assert (error.status, error.code, error.request_id, error.retry) == (status, code, "r", False)


@pytest.mark.parametrize("other", [{"message": 0}, {"request_id": 7}, {"data": None}, {"data": []}])
def test_an_envelope_that_is_not_what_it_should_be_is_a_protocol_error(says, other):
    with pytest.raises(ProtocolError):
        found(reply({"code": 0, "message": "", "request_id": "r", "data": says.task()} | other), "mine")


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b'{"code":5001,"message":"maintenance","request_id":"r"}', b'{"code":0}']
)
def test_every_5xx_is_the_servers_whatever_it_says(body):
    with pytest.raises(ServerError) as caught:
        found(reply(body, 503), "mine")
    assert caught.value.retry


def test_an_answer_about_another_task_is_a_protocol_error():
    with pytest.raises(ProtocolError, match="asked about 'other'"):
        found(reply(SUCCEEDED), "other")
    with pytest.raises(ProtocolError, match="asked about 'other'"):
        created(reply(CREATED), "other")


def test_a_create_answer_may_leave_the_external_id_out(says):
    """As the page's own sample does."""
    answer = reply({"code": 0, "message": "", "data": says.task(task_info=...)})
    assert created(answer, "mine").external_task_id is None


def test_not_found_is_told_from_other_wrong_values_by_its_words():
    """Both are 400/1201; only the former may lead to sending a create again."""
    body = {"code": 1201, "message": "Task not found by id/external id: 7", "request_id": "r"}
    with pytest.raises(NotFoundError) as caught:
        found(reply(body, 400), "7")
    assert (caught.value.code, caught.value.request_id, caught.value.status) == (1201, "r", 400)
    with pytest.raises(ParametersError) as caught:
        found(reply(body | {"message": "id value '7' is invalid"}, 400), "7")
    assert not isinstance(caught.value, NotFoundError)


@given(st.text(min_size=1, max_size=60))
def test_any_id_stays_one_segment_of_the_path(task_id):
    """No letter of an id becomes structure of the address, neither here nor in the HTTP library."""
    try:
        url = httpx.URL("http://kling.test/prefix" + question(task_id).url)
    except (ValueError, UnicodeEncodeError):
        assert task_id in (".", "..") or any("\ud800" <= letter <= "\udfff" for letter in task_id)
        return
    assert url.raw_path.count(b"/") == 5
    assert (url.path.removeprefix("/prefix/v1/videos/multi-image2video/"), url.query, url.fragment) == (
        task_id,
        b"",
        "",
    )


# --- any bytes whatsoever ---------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
ANSWERS = [orjson.loads(CREATED), orjson.loads(SUCCEEDED), orjson.loads(COSTS)]


def spots(value, path=()):
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from spots(value[key], (*path, key))


@st.composite
def nearly_good(draw):
    """A good answer with one thing replaced or taken out."""
    answer = orjson.loads(orjson.dumps(draw(st.sampled_from(ANSWERS))))
    *way, last = draw(st.sampled_from([path for path in spots(answer) if path]))
    place = answer
    for key in way:
        place = place[key]
    if draw(st.booleans()):
        place[last] = draw(json_values)
    else:
        del place[last]
    return orjson.dumps(answer)


bodies = st.one_of(
    st.binary(max_size=60),
    json_values.map(orjson.dumps),
    nearly_good(),
    st.tuples(st.sampled_from([CREATED, SUCCEEDED, COSTS]), st.integers(0, 400)).map(lambda cut: cut[0][: cut[1]]),
)
heads = st.builds(
    Head,
    st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503]),
    st.dictionaries(
        st.sampled_from(["content-type", "content-length", "retry-after"]),
        st.sampled_from(["application/json", "application/json; charset=utf-8", "text/html", "", "7", "9" * 5000, "²"]),
    ),
)


@given(
    st.sampled_from([lambda r: created(r, "text_probe_1"), lambda r: found(r, "text_probe_1"), listed, packs]),
    heads,
    bodies,
)
def test_any_reply_is_a_value_or_a_kling_error(read, head, body):
    """Whatever comes: never another exception, and never a success without its videos."""
    value = outcome_of(read, Reply(head, body))
    if isinstance(value, KlingError):
        assert (value.status, value.reply.body) == (head.status, body)
        assert value.retry_after_s >= 0
        assert str(value)
        return
    assert (head.status, orjson.loads(body)["code"]) == (200, 0)
    for task in value if isinstance(value, tuple) else [value]:
        assert isinstance(task, ResourcePack) or task.task_status != "succeed" or task.videos


def outcome_of(call, *args):
    try:
        return call(*args)
    except KlingError as error:
        return error


@pytest.mark.parametrize("kind", ["sync", "async"])
@given(head=heads, body=bodies)
def test_any_reply_leaves_both_doors_as_a_value_or_a_kling_error(any_stage, kind, head, body):
    """The same through the whole client: framing, retries and questions after a loss included."""
    answer = httpx.Response(head.status, content=body, headers={k: v for k, v in head.headers.items() if v.isascii()})
    stage = any_stage(kind, lambda _: answer, patience=Patience(tries=2))
    for call in (
        lambda: stage.submit({"external_task_id": "text_probe_1"}),
        lambda: stage.wait("text_probe_1", timeout_s=3),
    ):
        try:
            task = call()
        except KlingError:
            continue
        assert task.external_task_id in ("text_probe_1", None)
    stage.close()


def test_a_body_shorter_than_promised_is_no_answer(stage):
    """In process no socket notices; the client counts."""
    short = httpx.Response(200, content=SUCCEEDED, headers={"content-length": "9999"})
    with pytest.raises(TransportError, match="of 9999 promised bytes"):
        stage(lambda _: short, patience=Patience(tries=1)).query("text_probe_1")
