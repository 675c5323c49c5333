"""The plain core: time, ids, images, bodies, callbacks owed. No event loop, no socket, no machine clock."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import jpeg, padding, png

from mockserver import images, intake, outbox, timeline
from mockserver.clock import Clock
from mockserver.document import load
from mockserver.ids import Snowflakes, request_id, stream
from mockserver.images import Unfit
from mockserver.resources import OPENAPI_ROOT
from mockserver.timeline import Mark, Step
from mockserver.values import Attempt, Task

DOCUMENT = load(OPENAPI_ROOT)
SUBMIT = next(op for op in DOCUMENT.operations if op.action == "submit")
RULES = SUBMIT.image_places[0][1]
PLAN = (Step("submitted", lasts_ms=100), Step("processing", lasts_ms=200), Step("succeed"))


# -- clock


def test_a_clock_is_arithmetic():
    """Frozen, real and hurried time are one number; changing it loses no step."""
    real = [0.0]
    clock = Clock(1, 1000, real_s=lambda: real[0])
    real[0] = 2.0
    assert clock.now_ms() == 3000
    clock.set_rate(60)
    real[0] = 3.0
    assert (clock.now_ms(), clock.real_seconds_until(123_000)) == (63_000, 1.0)
    clock.set_rate(0)
    real[0] = 99.0
    clock.advance(5)
    assert (clock.now_ms(), clock.real_seconds_until(63_006)) == (63_005, None)


def test_time_cannot_go_backwards():
    """A negative step or rate is refused, and so is one that is no number."""
    clock = Clock(0, 0)
    with pytest.raises(ValueError, match="time can't go backwards"):
        clock.advance(-1)
    for rate in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="a rate is between"):
            clock.set_rate(rate)


# -- timeline


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=5), st.integers(0, 5000))
def test_the_status_at_a_moment_is_the_last_mark_before_it(lengths, now):
    """For any lengths the timeline partitions time in the plan's order."""
    plan = [*(Step(str(index), lasts_ms=ms) for index, ms in enumerate(lengths)), Step("end")]
    marks = timeline.unfold(plan, 0)
    past = sum(1 for index in range(len(lengths)) if sum(lengths[: index + 1]) <= now)
    assert timeline.at(marks, now).status == [*map(str, range(len(lengths))), "end"][past]


def test_polls_move_a_plan_that_counts_them():
    """Two polls see the state; it ends with the second, and the next poll sees what follows."""
    plan = (Step("submitted", polls=2), Step("succeed"))
    assert timeline.unfold(plan, 0, [10]) == (Mark("submitted", 0),)
    assert timeline.unfold(plan, 0, [10, 20]) == (Mark("submitted", 0), Mark("succeed", 20))


def test_a_person_moves_a_held_task_on():
    """A state without time or polls lasts until someone moves it; the plan goes on from there."""
    plan = (Step("submitted", lasts_ms=10), Step("processing"), Step("succeed"))
    assert timeline.unfold(plan, 0)[-1] == Mark("processing", 10)
    moved = timeline.unfold(plan, 0, moves=[Mark("failed", 50, "by hand")])
    assert moved == (Mark("submitted", 0), Mark("processing", 10), Mark("failed", 50, "by hand"))
    early = timeline.unfold(PLAN, 0, moves=[Mark("processing", 40)])
    assert early == (Mark("submitted", 0), Mark("processing", 40), Mark("succeed", 240))


# -- ids


@given(st.lists(st.integers(1_790_000_000_000, 1_790_000_000_050), min_size=1, max_size=300))
def test_ids_are_digits_that_only_grow(times):
    """Whatever the clock does, no id repeats and each is larger than the one before."""
    flakes = Snowflakes(DOCUMENT.limits, worker=77)
    made = [flakes.next(ms) for ms in times]
    assert [int(id) for id in made] == sorted({int(id) for id in made})


def test_a_spent_sequence_borrows_the_next_millisecond():
    """More than 4096 ids in one millisecond are still different, and carry their time and worker."""
    flakes = Snowflakes(DOCUMENT.limits, worker=5)
    made = [int(flakes.next(1_790_000_000_000)) for _ in range(5000)]
    assert len(set(made)) == 5000
    assert {id >> 12 & 1023 for id in made} == {5}
    assert (made[-1] >> 22) + DOCUMENT.limits["id_epoch_ms"] == 1_790_000_000_001


@pytest.mark.parametrize("sample", ["867283741759111202@1774805076166", "933557073781063683@1790605869865"])
def test_real_ids_decode_to_their_time(sample):
    """The formula of kling-facts 5.5 holds for real samples, within the service's own delay."""
    id, _, created = sample.partition("@")
    assert 0 <= int(created) - ((int(id) >> 22) + DOCUMENT.limits["id_epoch_ms"]) < 60


def test_request_ids_are_uuids_of_version_4():
    """The shape is a UUIDv4's, and a seed gives the same ones again."""
    first, again = (request_id(stream("seed", "x")) for _ in range(2))
    assert first == again
    assert (len(first), first[14], first[19] in "89ab") == (36, "4", True)


# -- images


@pytest.mark.parametrize("make", [png, jpeg])
@pytest.mark.parametrize(
    ("width", "height", "problem"),
    [
        (300, 300, None),
        (299, 300, "image_pixel"),
        (300, 299, "image_pixel"),
        (750, 300, None),
        (751, 300, "image_pixel"),
        (300, 750, None),
        (300, 751, "image_pixel"),
        (0, 0, "image_pixel"),
        (60000, 60000, "image_pixel"),
    ],
)
def test_an_image_is_judged_by_its_header(make, width, height, problem):
    """Sides, ratio and a bomb's size are read from the head; no pixel is decoded."""
    assert verdict(make(width, height)) == problem


@pytest.mark.parametrize(
    "data",
    [png(400, 400, end=False), jpeg(400, 400, end=False), b"GIF89a" + bytes(50), b"RIFF\0\0\0\0WEBPVP8 ", b"<html>", b"\xff\xd8\xff"],
    ids=["png without end", "jpeg without end", "gif", "webp", "html", "three bytes"],
)  # fmt: skip
def test_what_is_no_whole_jpeg_or_png_is_refused(data):
    """Formats are told by their bytes, completeness by their end marks."""
    assert verdict(data) == "image_format"


@given(st.binary(max_size=400), st.sampled_from([png(400, 400), jpeg(400, 400)]), st.integers(0, 80))
def test_any_bytes_are_judged_without_an_accident(noise, whole, cut):
    """Damaged images end in a verdict, never in another error."""
    for data in (noise, whole[:cut] + noise, whole[:cut] + noise + whole[cut:]):
        assert verdict(data) in (None, "image_format", "image_pixel")


def verdict(data: bytes) -> str | None:
    """The situation an image is refused with, None if it is taken."""
    try:
        images.judge(data, RULES)
    except Unfit as unfit:
        return str(unfit)
    return None


# -- bodies


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20) | st.sampled_from(["y" * 70_000, '"\\' * 40_000, "é" * 50_000]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
)  # fmt: skip
def test_lifting_long_strings_changes_nothing(value):
    """A body means the same whether its long strings were lifted out before parsing or not."""
    raw = orjson.dumps(value)
    assert intake.read([raw], SUBMIT).content == orjson.loads(raw)


def test_an_image_of_megabytes_is_seen_where_it_lies():
    """A long image leaves the parsed body and is judged; a long prompt stays as it is."""
    picture = png(400, 400)[:-12] + padding(200_000) + png(1, 1)[-12:]
    body = {"image_list": [{"image": base64.b64encode(picture).decode()}], "prompt": "p" * 80_000}
    read = intake.read([orjson.dumps(body)], SUBMIT, keep_images=True)
    assert (read.problem, [sight.problem for sight in read.sights]) == (None, [None])
    assert read.sights[0].data == picture
    assert read.content["prompt"] == body["prompt"]
    assert len(read.content["image_list"][0]["image"]) < 100


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'"\xff"',
        b"[" * 5000,
        b"[" * 900 + b"]" * 900,
        b'{"a": "' + b"x\n" * 90_000 + b'"}',
    ],
)
def test_a_body_that_is_no_json_is_a_problem_not_an_error(raw):
    """Broken text, broken UTF-8, NaN, endless nesting, raw line ends: the same plain verdict, also in long bodies."""
    assert intake.read([raw], SUBMIT).problem == "unreadable_body"


# -- callbacks owed


def task(**changes: object) -> Task:
    """A task with a callback."""
    return Task("8", None, 0, {}, PLAN, "9", "k", "http://x", callback_url="http://receiver/", **changes)  # type: ignore[arg-type]


def attempt(delivery_id: str, at_ms: int, *, delivered: bool) -> Attempt:
    """A try that was answered."""
    return Attempt(delivery_id, at_ms, 200 if delivered else 500, None, 1.0, delivered)


def test_callbacks_are_owed_in_order_and_each_until_it_is_done():
    """One at a time: the second is not due before the first was delivered or given up."""
    marks = timeline.unfold(PLAN, 0)
    owing = outbox.deliveries(task(), marks, ["submitted", "processing", "succeed"], ended=True, id_step=4096)
    first, second, _ = owing
    assert outbox.following(owing, {}, [1000]) == (first, 0)
    failed = {first.id: [attempt(first.id, 5, delivered=False)]}
    assert outbox.following(owing, failed, [1000]) == (first, 1005)
    assert outbox.following(owing, failed, []) == (second, 100)
    done = {delivery.id: [attempt(delivery.id, 5, delivered=True)] for delivery in owing}
    assert outbox.following(owing, done, [1000]) is None


def test_only_the_chosen_statuses_are_posted():
    """With the terminal switch there is one callback."""
    assert [
        owed.status
        for owed in outbox.deliveries(task(), timeline.unfold(PLAN, 0), ["succeed", "failed"], ended=True, id_step=4096)
    ] == ["succeed"]
