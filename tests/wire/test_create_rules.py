"""The page's rules for a create call, at, just inside and just outside each limit. Written by hand from the page."""

import json
from typing import Any

import pytest

CREATE = "/v1/videos/multi-image2video"
IMAGE = {"image": "https://example.test/dog.png"}
ASTRAL = "\U0001f436"

# The page's own request, byte for byte as its curl line sends it.
PAGE_BODY = """{
    "model_name": "kling-v1-6",
    "image_list": [
      { "image": "https://p1-kling.klingai.com/kcdn/cdn-kcdn112452/kling-qa-test/dog.png" },
      { "image": "https://p1-kling.klingai.com/kcdn/cdn-kcdn112452/kling-qa-test/dog_cloth.png" }
    ],
    "prompt": "A white Bichon Frise wearing a red Northeast-style floral cotton jacket, licking its paw",
    "negative_prompt": "",
    "mode": "pro",
    "duration": "5",
    "aspect_ratio": "16:9",
    "callback_url": "",
    "external_task_id": ""
  }"""

ACCEPTED: dict[str, dict[str, Any]] = {
    "only what is required": {},
    "model_name kling-v1-6": {"model_name": "kling-v1-6"},
    "one image": {"image_list": [IMAGE]},
    "two images": {"image_list": [IMAGE] * 2},
    "three images": {"image_list": [IMAGE] * 3},
    "four images": {"image_list": [IMAGE] * 4},
    "http image": {"image_list": [{"image": "http://example.test/dog.png"}]},
    "https image with a query": {"image_list": [{"image": "https://example.test:8443/a/dog.png?x=1&y=2#z"}]},
    "image on a host that does not exist": {"image_list": [{"image": "https://nowhere.invalid/dog"}]},
    "upper-case scheme": {"image_list": [{"image": "HTTPS://EXAMPLE.TEST/DOG.PNG"}]},
    "prompt of 1": {"prompt": "x"},
    "prompt of 2499": {"prompt": "x" * 2499},
    "prompt of 2500": {"prompt": "x" * 2500},
    "prompt of 2500 accented": {"prompt": "é" * 2500},
    "prompt of 2500 Chinese": {"prompt": "狗" * 2500},
    "prompt of 2500 astral": {"prompt": ASTRAL * 2500},
    "prompt with control characters": {"prompt": "a\n\t\u0001\u007fb"},
    "negative_prompt of 1": {"negative_prompt": "x"},
    "negative_prompt of 2500": {"negative_prompt": "x" * 2500},
    "negative_prompt of 2500 astral": {"negative_prompt": ASTRAL * 2500},
    "negative_prompt blank": {"negative_prompt": "   "},
    "mode std": {"mode": "std"},
    "mode pro": {"mode": "pro"},
    "duration 5": {"duration": "5"},
    "duration 10": {"duration": "10"},
    "aspect_ratio 16:9": {"aspect_ratio": "16:9"},
    "aspect_ratio 9:16": {"aspect_ratio": "9:16"},
    "aspect_ratio 1:1": {"aspect_ratio": "1:1"},
    "watermark true": {"watermark_info": {"enabled": True}},
    "watermark false": {"watermark_info": {"enabled": False}},
    "watermark unsaid": {"watermark_info": {}},
    "watermark null inside": {"watermark_info": {"enabled": None}},
    "callback_url": {"callback_url": "http://127.0.0.1:9/hook"},
    "callback_url that is no URL": {"callback_url": "not a url"},
    "external_task_id": {"external_task_id": "page rules, one of a kind"},
    "long external_task_id": {"external_task_id": "l" * 500},
    # null and "" for an optional field mean "not given"
    **{
        f"{field} {value!r}": {field: value}
        for field in ("model_name", "negative_prompt", "mode", "duration", "aspect_ratio", "watermark_info")
        for value in ("", None)
    },
    **{f"{field} {value!r}": {field: value} for field in ("callback_url", "external_task_id") for value in ("", None)},
    "all optional fields null": dict.fromkeys(
        ("model_name", "negative_prompt", "mode", "duration", "aspect_ratio", "callback_url", "external_task_id")
    ),
    # what other clients send beside it is ignored
    "unknown field": {"cfg_scale": 0.5},
    "unknown fields of other products": {
        "camera_control": {"type": "simple", "config": {"zoom": 1}},
        "sound": "off",
        "seed": 7,
        "enable_audio": False,
        "image_tail": "",
        "image": "not an image at all",
        "model": "kling-v9",
        "dynamic_masks": [{"mask": "x"}],
        "static_mask": None,
    },
    "unknown field inside an image": {"image_list": [IMAGE | {"id": 1}]},
    "unknown field inside watermark_info": {"watermark_info": {"enabled": True, "text": "mine"}},
}

MESSAGES: dict[str, tuple[dict[str, Any], str]] = {
    "image_list missing": ({"image_list": ...}, "image_list is required"),
    "image_list null": ({"image_list": None}, "image_list is required"),
    "image_list empty": ({"image_list": []}, "image_list cannot be empty"),
    "image_list a string": (
        {"image_list": "https://example.test/a.png"},
        "image_list value type is invalid, expected array",
    ),
    "image_list an object": ({"image_list": IMAGE}, "image_list value type is invalid, expected array"),
    "image_list a number": ({"image_list": 1}, "image_list value type is invalid, expected array"),
    "prompt missing": ({"prompt": ...}, "prompt is required"),
    "prompt null": ({"prompt": None}, "prompt is required"),
    "prompt empty": ({"prompt": ""}, "prompt is required"),
    "prompt blank": ({"prompt": "   "}, "prompt is required"),
    "prompt of tabs and lines": ({"prompt": " \t\r\n"}, "prompt is required"),
    "prompt of ideographic blanks": ({"prompt": "\u3000\u00a0\u2003"}, "prompt is required"),
    "prompt a number": ({"prompt": 5}, "prompt value type is invalid, expected string"),
    "prompt a list": ({"prompt": ["a dog"]}, "prompt value type is invalid, expected string"),
    "prompt true": ({"prompt": True}, "prompt value type is invalid, expected string"),
    "negative_prompt a number": ({"negative_prompt": 5}, "negative_prompt value type is invalid, expected string"),
    "model_name unknown": ({"model_name": "kling-v9"}, "model is not supported"),
    "model_name of another product": ({"model_name": "kling-v1-5"}, "model is not supported"),
    "model_name in capitals": ({"model_name": "KLING-V1-6"}, "model is not supported"),
    "model_name with a blank": ({"model_name": "kling-v1-6 "}, "model is not supported"),
    "model_name a number": ({"model_name": 16}, "model_name value type is invalid, expected string"),
    "mode 4k": ({"mode": "4k"}, "mode value '4k' is invalid"),
    "mode STD": ({"mode": "STD"}, "mode value 'STD' is invalid"),
    "mode a number": ({"mode": 1}, "mode value type is invalid, expected string"),
    "duration 7": ({"duration": "7"}, "duration value '7' is invalid"),
    "duration 0": ({"duration": "0"}, "duration value '0' is invalid"),
    "duration 15": ({"duration": "15"}, "duration value '15' is invalid"),
    "duration 05": ({"duration": "05"}, "duration value '05' is invalid"),
    "duration 5.0": ({"duration": "5.0"}, "duration value '5.0' is invalid"),
    "duration 5s": ({"duration": "5s"}, "duration value '5s' is invalid"),
    "duration number 5": ({"duration": 5}, "duration value type is invalid, expected string"),
    "duration number 10": ({"duration": 10}, "duration value type is invalid, expected string"),
    "duration number 5.0": ({"duration": 5.0}, "duration value type is invalid, expected string"),
    "aspect_ratio 4:3": ({"aspect_ratio": "4:3"}, "aspect_ratio value '4:3' is invalid"),
    "aspect_ratio 16/9": ({"aspect_ratio": "16/9"}, "aspect_ratio value '16/9' is invalid"),
    "aspect_ratio 969 (a YAML 1.1 number)": (
        {"aspect_ratio": 969},
        "aspect_ratio value type is invalid, expected string",
    ),
    "watermark_info a boolean": ({"watermark_info": True}, "watermark_info value type is invalid, expected object"),
    "watermark_info a list": ({"watermark_info": []}, "watermark_info value type is invalid, expected object"),
    "callback_url a number": ({"callback_url": 1}, "callback_url value type is invalid, expected string"),
    "callback_url an object": ({"callback_url": {}}, "callback_url value type is invalid, expected string"),
    "external_task_id a number": ({"external_task_id": 1}, "external_task_id value type is invalid, expected string"),
}

# Refused too, in words nobody has seen.
REFUSED: dict[str, dict[str, Any]] = {
    "five images": {"image_list": [IMAGE] * 5},
    "hundred images": {"image_list": [IMAGE] * 100},
    "image a bare string": {"image_list": ["https://example.test/a.png"]},
    "image item null": {"image_list": [None]},
    "image item a list": {"image_list": [[]]},
    "image missing": {"image_list": [{}]},
    "image missing in the second": {"image_list": [IMAGE, {"url": "https://example.test/a.png"}]},
    "image null": {"image_list": [{"image": None}]},
    "image a number": {"image_list": [{"image": 1}]},
    "image an object": {"image_list": [{"image": {"url": "https://example.test/a.png"}}]},
    "image empty": {"image_list": [{"image": ""}]},
    "image blank": {"image_list": [{"image": "  "}]},
    "prompt of 2501": {"prompt": "x" * 2501},
    "prompt of 2501 astral": {"prompt": ASTRAL * 2501},
    "prompt of 2501 with a blank end": {"prompt": "x" * 2500 + " "},
    "prompt of 100000": {"prompt": "x" * 100_000},
    "negative_prompt of 2501": {"negative_prompt": "x" * 2501},
    "negative_prompt of 2501 astral": {"negative_prompt": ASTRAL * 2501},
    "watermark a string": {"watermark_info": {"enabled": "true"}},
    "watermark a number": {"watermark_info": {"enabled": 1}},
}


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_the_page_allows_becomes_a_task(double: Any, changes: dict[str, Any]) -> None:
    """Inside every limit a task is born, and it is the newest one."""
    if changes.get("external_task_id"):
        changes = changes | {"external_task_id": f"{changes['external_task_id']} {double.newest()}"}
    task = double.create(**changes)
    assert (task["task_status"], task["task_id"]) == ("submitted", double.newest())


@pytest.mark.parametrize(("changes", "message"), MESSAGES.values(), ids=MESSAGES.keys())
def test_what_the_page_forbids_is_refused_in_the_service_s_words(
    double: Any, changes: dict[str, Any], message: str
) -> None:
    """400/1201, with the message seen or its pattern, and no task."""
    before = double.newest()
    assert double.refusal(double.submit(**changes)) == (400, 1201, message)
    assert double.newest() == before


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED.keys())
def test_what_lies_outside_a_limit_is_refused(double: Any, changes: dict[str, Any]) -> None:
    """400/1201 whatever the words, and no task."""
    before = double.newest()
    assert double.refusal(double.submit(**changes))[:2] == (400, 1201)
    assert double.newest() == before


def test_the_page_s_create_call_works_as_it_stands(double: Any) -> None:
    """Empty strings and all."""
    task_id = double.granted(double.send(PAGE_BODY))["task_id"]
    double.advance(10_000)
    task = double.query(task_id)
    assert (task["task_info"], task["final_unit_deduction"]) == ({}, "3.5")


def test_the_page_s_create_call_works_twice(double: Any) -> None:
    """Two empty external ids are not the same id."""
    first, second = (double.granted(double.send(PAGE_BODY))["task_id"] for _ in range(2))
    assert first != second


def test_the_page_s_list_call_works_as_it_stands(double: Any) -> None:
    """With a Content-Type and no body, as the page demands it on a GET."""
    task = double.create()
    reply = double.page("pageNum=1&pageSize=30", headers={"Content-Type": "application/json"})
    assert double.granted(reply)[0]["task_id"] == task["task_id"]


def test_the_page_s_query_call_works_as_it_stands(double: Any) -> None:
    """The id straight in the path."""
    task = double.create()
    reply = double.get(f"{CREATE}/{task['task_id']}", headers={"Content-Type": "application/json"})
    assert double.granted(reply)["task_id"] == task["task_id"]


def test_the_message_for_too_many_images_names_the_field_and_the_limit(double: Any) -> None:
    """By analogy with `… cannot exceed 20 in total`."""
    message = double.refusal(double.submit(image_list=[IMAGE] * 5))[2]
    assert message.startswith("image_list ")
    assert "cannot exceed 4" in message


def test_an_unknown_value_is_not_echoed_without_end(double: Any) -> None:
    """`{value}` is cut at 100 characters."""
    message = double.refusal(double.submit(mode="x" * 5000))[2]
    assert message.startswith("mode value 'xxx")
    assert len(message) < 200


@pytest.mark.parametrize(
    ("changes", "units"),
    [({}, "2"), ({"duration": "10"}, "4"), ({"mode": "pro"}, "3.5"), ({"mode": "pro", "duration": "10"}, "7")],
    ids=["std 5", "std 10", "pro 5", "pro 10"],
)
def test_a_task_costs_what_the_price_list_says(double: Any, changes: dict[str, Any], units: str) -> None:
    """Exactly so written: no `2.0`."""
    assert double.finished(**changes)["final_unit_deduction"] == units


@pytest.mark.parametrize("nothing", ["", None, ...], ids=["empty", "null", "missing"])
def test_defaults_are_std_five_seconds_wide_unmarked(double: Any, nothing: Any) -> None:
    """Whatever way a field is not given."""
    fields = ("model_name", "mode", "duration", "aspect_ratio", "watermark_info")
    task = double.finished(**dict.fromkeys(fields, nothing))
    assert (task["final_unit_deduction"], task["watermark_info"]) == ("2", {"enabled": False})
    assert float(task["task_result"]["videos"][0]["duration"]) == pytest.approx(5, abs=0.2)


# ── malformed bodies ──────────────────────────────────────────────────────────────────────────────────────────────

GOOD = json.dumps({"image_list": [IMAGE], "prompt": "a dog"})
MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b"  \r\n ",
    "half an object": GOOD[:-1].encode(),
    "rest after the object": GOOD.encode() + b"x",
    "two objects": GOOD.encode() * 2,
    "single quotes": GOOD.replace('"', "'").encode(),
    "trailing comma": GOOD[:-1].encode() + b",}",
    "a comment": b"/* hello */" + GOOD.encode(),
    "a top-level list": f"[{GOOD}]".encode(),
    "a top-level string": json.dumps(GOOD).encode(),
    "a top-level number": b"1",
    "a top-level null": b"null",
    "a top-level true": b"true",
    "broken UTF-8": GOOD.replace("dog", "d\udcffg").encode(errors="surrogateescape"),
    "overlong UTF-8": GOOD.encode().replace(b"a dog", b"a \xc0\xafdog"),
    "an encoded surrogate": GOOD.encode().replace(b"a dog", b"\xed\xa0\x80"),
    "a lone surrogate escape": GOOD.encode().replace(b"a dog", b"\\ud800"),
    "Latin-1": GOOD.replace("dog", "dög").encode("latin-1"),
    "UTF-16": GOOD.encode("utf-16"),
    "a raw control character": GOOD.encode().replace(b"a dog", b"a\x00dog"),
    "NaN": GOOD[:-1].encode() + b',"cfg_scale":NaN}',
    "Infinity": GOOD[:-1].encode() + b',"cfg_scale":-Infinity}',
    "a prompt of 1e400": GOOD.encode().replace(b'"a dog"', b"1e400"),
    "a duration of 1e400": GOOD[:-1].encode() + b',"duration":1e400}',
    "a huge integer for a prompt": GOOD.encode().replace(b'"a dog"', b"9" * 5000),
    "deep lists": b"[" * 100_000,
    "deep closed lists": b"[" * 50_000 + b"]" * 50_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a deep image list": b'{"prompt":"x","image_list":' + b"[" * 900 + b"]" * 900 + b"}",
    "a form": b"prompt=a+dog&mode=std",
    "random bytes": bytes(range(256)),
    "a zipped body": b"\x1f\x8b\x08\x00" + b"\x00" * 20,
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_body_gets_the_documented_error_and_changes_nothing(double: Any, content: bytes) -> None:
    """400 with 1200 or 1201: never a 500, never a task."""
    before = double.newest()
    status, code, _ = double.refusal(double.send(content))
    assert (status, code in {1200, 1201}) == (400, True)
    assert double.newest() == before


ODD: dict[str, bytes] = {
    "duplicate keys": GOOD[:-1].encode() + b',"prompt":"another dog"}',
    "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "1e400 in an unknown field": GOOD[:-1].encode() + b',"cfg_scale":1e400}',
    "a huge integer in an unknown field": GOOD[:-1].encode() + b',"seed":' + b"9" * 5000 + b"}",
    "a deep unknown field": GOOD[:-1].encode() + b',"x":' + b"[" * 900 + b"]" * 900 + b"}",
    "a nul escape in the prompt": GOOD.encode().replace(b"a dog", b"a\\u0000dog"),
    "an empty key": GOOD[:-1].encode() + b',"":1}',
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD.keys())
def test_an_odd_body_is_taken_or_refused_but_never_breaks_the_server(double: Any, content: bytes) -> None:
    """JSON leaves these open; the API's envelope does not."""
    reply = double.send(content)
    if reply.status_code == 200:
        assert double.granted(reply)["task_status"] == "submitted"
    else:
        assert double.refusal(reply)[:2] in {(400, 1200), (400, 1201)}


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "nonsense",
        None,
    ],
)
def test_json_is_read_whatever_the_content_type_says(double: Any, content_type: str | None) -> None:
    """A decided fork of the project."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    reply = double.call("POST", CREATE, content=GOOD.encode(), headers=headers)
    assert double.granted(reply)["task_status"] == "submitted"


# ── the order of checks ───────────────────────────────────────────────────────────────────────────────────────────


def test_parameters_are_judged_before_images(double: Any) -> None:
    """A bad mode is told first, though the image is broken too."""
    reply = double.submit(mode="4k", image_list=[{"image": "data:image/png;base64,AAAA"}])
    assert double.refusal(reply) == (400, 1201, "mode value '4k' is invalid")


def test_images_are_judged_before_references(double: Any) -> None:
    """A broken image is told first, though the external id is taken too."""
    taken = f"order {double.create()['task_id']}"
    double.create(external_task_id=taken)
    reply = double.submit(external_task_id=taken, image_list=[{"image": "data:image/png;base64,AAAA"}])
    assert double.refusal(reply) == (400, 1201, "File is not in a valid base64 format")
