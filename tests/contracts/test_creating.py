"""Creates: one task each, whatever the network loses on the way."""

from itertools import pairwise
from pathlib import Path

import httpx
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts import (
    AccountError,
    AuthenticationError,
    KlingError,
    ParametersError,
    Patience,
    PolicyError,
    ProtocolError,
    RateError,
    ServerError,
    TransportError,
)

BODY = {"prompt": "A dog", "external_task_id": "mine"}


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_a_calm_create_is_one_request(stage, says):
    s = stage(says.ok(says.task()))
    assert s.submit(BODY).task_id == "866889456698785798"
    assert s.sent() == ["POST"]


LOSSES = {
    "500": lambda says: says.no(500, 5000),
    "503 in HTML": lambda says: says.html(503),
    "timeout": lambda says: httpx.ReadTimeout("too slow"),
    "disconnect": lambda says: httpx.RemoteProtocolError("peer closed connection"),
    "refused": lambda says: httpx.ConnectError("refused"),
    "HTML": lambda says: says.html(200),
    "broken JSON": lambda says: says.json(200, b'{"code":0,"data":{"task_i'),
    "empty": lambda says: says.json(200, b""),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_create_is_asked_for_and_adopted(stage, says, loss):
    """The work was done and its answer lost: the task that is found is the one, and nothing is sent twice."""
    s = stage(LOSSES[loss](says), says.ok(says.task("processing")))
    assert s.submit(BODY).task_status == "processing"
    assert s.sent() == ["POST", "GET mine"]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_create_is_sent_again_only_after_not_found(stage, says, loss):
    s = stage(LOSSES[loss](says), says.not_found(), says.ok(says.task()))
    assert s.submit(BODY).task_status == "submitted"
    assert s.sent() == ["POST", "GET mine", "POST"]
    assert s.requests[0].content == s.requests[2].content
    assert min(s.slept) >= 1


@pytest.mark.parametrize("silence", [(500, 5000), (400, 1200), (403, 1103), (401, 1000)])
def test_a_lost_create_whose_fate_cannot_be_learned_is_given_up(stage, says, silence):
    """No answer to the question is no permission to send again; the error says what to ask for later."""
    answers = iter([httpx.ReadTimeout("too slow")])

    def service(request):
        if request.method == "GET":
            return says.no(*silence)
        raise next(answers)

    with pytest.raises(TransportError) as caught:
        stage(service).submit(BODY)
    assert caught.value.external_task_id == "mine"
    assert isinstance(caught.value.__cause__, KlingError)
    assert caught.value.__cause__.code == silence[1]


def test_the_external_id_is_our_own_when_none_was_given(stage, says):
    """Empty and null count as none, as for the service."""
    for given_id in ({}, {"external_task_id": ""}, {"external_task_id": None}):
        s = stage(
            httpx.ReadError("gone"), says.ok(says.task(task_info={"external_task_id": "fresh"})), new_id=lambda: "fresh"
        )
        assert s.submit({"prompt": "x"} | given_id).external_task_id == "fresh"
        assert orjson.loads(s.requests[0].content)["external_task_id"] == "fresh"
        assert s.sent() == ["POST", "GET fresh"]


def test_every_create_has_another_id_of_its_own(stage, says):
    s = stage(lambda request: says.ok(says.task(task_info=...)))
    s.submit({"prompt": "x"})
    s.submit({"prompt": "x"})
    first, second = (orjson.loads(request.content)["external_task_id"] for request in s.requests)
    assert first != second


@pytest.mark.parametrize("code", [1302, 1303])
def test_a_busy_service_gets_the_same_body_again_after_a_while(stage, says, code):
    """Nothing was accepted, so there is nothing to ask for."""
    s = stage(says.no(429, code), says.no(429, code), says.ok(says.task()))
    s.submit(BODY)
    assert s.sent() == ["POST", "POST", "POST"]
    assert s.slept == [1.0, 2.0]


def test_a_service_that_stays_busy_is_left_alone_at_last(stage, says):
    s = stage(lambda _: says.no(429, 1303), patience=Patience(tries=3))
    with pytest.raises(RateError) as caught:
        s.submit(BODY)
    assert (s.sent(), s.slept) == (["POST"] * 3, [1.0, 2.0])
    assert (caught.value.retry, caught.value.external_task_id) == (True, "mine")


@pytest.mark.parametrize(("asked", "slept"), [("3", 3), ("0", 1), ("100000", 60), ("soon", 1)])
def test_the_service_may_ask_for_a_longer_wait(stage, says, asked, slept):
    s = stage(says.no(429, 1302, retry_after=asked), says.ok(says.task()))
    s.submit(BODY)
    assert s.slept == [slept]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, 1000, AuthenticationError),
        (401, 1003, AuthenticationError),
        (429, 1100, AccountError),
        (429, 1101, AccountError),
        (429, 1102, AccountError),
        (403, 1103, AccountError),
        (400, 1200, ParametersError),
        (400, 1201, ParametersError),
        (404, 1202, ParametersError),
        (404, 1203, ParametersError),
        (400, 1300, PolicyError),
        (400, 1301, PolicyError),
        (429, 1304, PolicyError),
        (200, 1303, ProtocolError),
        (400, 1999, ProtocolError),
    ],
)
def test_nothing_else_is_sent_again(stage, says, status, code, kind):
    s = stage(says.no(status, code))
    with pytest.raises(kind):
        s.submit(BODY)
    assert s.sent() == ["POST"]


@pytest.mark.parametrize("other", [{"task_id": 866889456698785798}, {"task_status": "queued"}, {"created_at": "1"}])
def test_a_readable_surprise_is_an_error_at_once(stage, says, other):
    """The create was answered; that the answer breaks the document is no reason to do it again."""
    s = stage(says.ok(says.task(**other)))
    with pytest.raises(ProtocolError) as caught:
        s.submit(BODY)
    assert (s.sent(), caught.value.external_task_id) == (["POST"], "mine")


def test_already_exists_means_adopt(stage, says):
    """A caller who names a task he made before, perhaps in a process that died, gets that task."""
    s = stage(says.no(400, 1201, "External_task_id mine already exists"), says.ok(says.task("succeed")))
    assert s.submit(BODY).task_status == "succeed"
    assert s.sent() == ["POST", "GET mine"]


def test_already_exists_of_a_task_nobody_finds_is_the_refusal_it_says(stage, says):
    s = stage(says.no(400, 1201, "External_task_id mine already exists"), says.not_found())
    with pytest.raises(ParametersError, match="already exists"):
        s.submit(BODY)


def test_after_a_loss_any_1201_is_followed_by_the_question(stage, says):
    """Two situations share the code; whoever has lost a create asks instead of reading words."""
    s = stage(httpx.ReadTimeout(""), says.not_found(), says.no(400, 1201, "in other words"), says.ok(says.task()))
    assert s.submit(BODY).task_id
    assert s.sent() == ["POST", "GET mine", "POST", "GET mine"]


def test_after_a_loss_a_busy_answer_is_followed_by_the_question_too(stage, says):
    """The lost create may itself be what fills the last slot."""
    s = stage(httpx.ReadTimeout(""), says.not_found(), says.no(429, 1303), says.ok(says.task("processing")))
    assert s.submit(BODY).task_status == "processing"
    assert s.sent() == ["POST", "GET mine", "POST", "GET mine"]


def test_the_last_loss_is_asked_for_as_well(stage, says):
    """The tries are used up, but the last of them may have done the work."""
    s = stage(httpx.ReadTimeout(""), says.ok(says.task()), patience=Patience(tries=1))
    assert s.submit(BODY).task_id


@pytest.mark.parametrize("unaskable", [".", ".."])
def test_an_id_that_no_query_could_name_is_refused_before_it_is_spent(stage, unaskable):
    s = stage()
    with pytest.raises(ValueError, match="cannot be asked for"):
        s.submit(BODY | {"external_task_id": unaskable})
    with pytest.raises(TypeError, match="should be a str, not int"):
        s.submit(BODY | {"external_task_id": 7})
    assert s.sent() == []


# --- keywords ---------------------------------------------------------------------------------------------------------


def test_keywords_become_the_body_of_the_page(stage, says, tmp_path):
    """Images by path, bytes and address; raw Base64 without a prefix; what is not given is not sent."""
    picture = tmp_path / "dog.png"
    picture.write_bytes(b"\x89PNG")
    s = stage(says.ok(says.task()))
    s.create(
        images=[picture, str(picture), b"\xff\xd8\xff", "https://example.com/coat.png"],
        prompt="A dog",
        mode="pro",
        watermark=True,
        external_task_id="mine",
    )
    assert orjson.loads(s.requests[0].content) == {
        "image_list": [
            {"image": "iVBORw=="},
            {"image": "iVBORw=="},
            {"image": "/9j/"},
            {"image": "https://example.com/coat.png"},
        ],
        "prompt": "A dog",
        "mode": "pro",
        "watermark_info": {"enabled": True},
        "external_task_id": "mine",
    }
    assert s.requests[0].headers["content-type"] == "application/json"


def test_a_misspelt_option_is_refused_before_it_is_ignored(stage):
    """The service passes over unknown fields in silence; we do not send them."""
    with pytest.raises(TypeError, match="unknown: aspect; options are aspect_ratio"):
        stage().create(images=[b""], prompt="x", aspect="1:1")


def test_a_data_address_is_refused_with_the_clause(stage):
    with pytest.raises(ValueError, match='no "data:" prefix'):
        stage().create(images=["data:image/png;base64,AA"], prompt="x")


def test_a_missing_picture_is_our_own_mistake(stage):
    with pytest.raises(FileNotFoundError):
        stage().create(images=[Path("nowhere.png")], prompt="x")


# --- whatever the schedule of losses ----------------------------------------------------------------------------------

FATES = ["calm", "lost before", "lost after", "500 before", "500 after", "HTML after", "busy", "late"]


class Model:
    """A service that does the work before or after the answer is lost, late work included; its fates come in."""

    def __init__(self, says, fates):
        self.says, self.fates = says, iter(fates)
        self.tasks, self.late = {}, []

    def __call__(self, request):
        fate = next(self.fates, "calm")
        answer = self.read(request) if request.method == "GET" else self.submit(request, fate)
        if request.method == "GET" and fate != "calm":
            answer = self.says.no(503, 5001)
        if "lost" in fate or fate == "late":
            raise httpx.ReadTimeout("lost")
        return {"5": self.says.no(500, 5000), "H": self.says.html()}.get(fate[0], answer)

    def submit(self, request, fate):
        name = orjson.loads(request.content)["external_task_id"]
        answer = self.says.no(429, 1303) if fate == "busy" else None
        if not answer and name in self.tasks:
            answer = self.says.no(400, 1201, f"External_task_id {name} already exists")
        if not answer and "before" in fate:
            answer = self.says.no(500, 5000)
        if not answer and fate == "late":
            self.late.append(name)
            answer = self.says.no(500, 5000)
        self.catch_up(but=name if fate == "late" else None)
        return answer or self.accept(name)

    def read(self, request):
        name = request.url.path.rsplit("/", 1)[-1]
        answer = self.says.ok(self.tasks[name]) if name in self.tasks else self.says.not_found(name)
        self.catch_up()
        return answer

    def catch_up(self, but=None):
        """Work that was slow is done now: just after somebody asked for it and did not find it."""
        for name in [name for name in self.late if name != but]:
            self.late.remove(name)
            if name not in self.tasks:
                self.accept(name)

    def accept(self, name):
        number = f"86688945669878{len(self.tasks):04}"
        self.tasks[name] = self.says.task(task_id=number, task_info={"external_task_id": name})
        return self.says.ok(self.tasks[name])


@settings(max_examples=300)
@given(st.lists(st.sampled_from(FATES), max_size=16))
@example(["late", "calm", "calm"])
@example(["late", "calm", "calm", "HTML after"])
@example(["lost after", "lost before"])
@example(["late", "busy", "busy", "busy"])
def test_a_create_leads_to_exactly_one_task_whatever_is_lost(any_stage, says, fates):
    """One task if it returns, at most one if it raises; and between two creates stands `busy` or `not found`."""
    model = Model(says, fates)
    stage = any_stage("sync", model)
    outcome = outcome_of(stage.submit, BODY)
    stage.close()
    if isinstance(outcome, KlingError):
        assert isinstance(outcome, ServerError | TransportError | RateError | ProtocolError)
        assert outcome.external_task_id == "mine"
        assert len(model.tasks) + len(model.late) <= 1
    else:
        assert [outcome.task_id] == [known["task_id"] for known in model.tasks.values()]
    assert all(pause >= 1 for pause in stage.slept)
    assert_never_blindly(stage, fates)


def outcome_of(call, *args):
    try:
        return call(*args)
    except KlingError as error:
        return error


def assert_never_blindly(stage, fates):
    """What the client heard between two creates allowed the second."""
    heard = [(r.method, f) for r, f in zip(stage.requests, fates + ["calm"] * 99, strict=False)]
    creates = [place for place, (method, _) in enumerate(heard) if method == "POST"]
    for one, next_one in pairwise(creates):
        between = heard[one + 1 : next_one]
        assert heard[one][1] == "busy" or ("GET", "calm") in between, f"sent again blindly: {heard}"
