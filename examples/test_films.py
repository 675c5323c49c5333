"""How a project tests its own use of the API: `pytest examples/test_films.py`, or with `-n 4`.

`film` stands for the code under test. It knows an address and a key and nothing of doubles.
"""

import time
from typing import Any

import httpx
import pytest


class Failed(Exception):
    """The film was not made; the message says why."""


def film(base_url: str, api_key: str, prompt: str, *, callback_url: str = "", poll_s: float = 0.02) -> str:
    """Have a film made from one picture; its address. Raises Failed."""
    with httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {api_key}"}) as http:
        wish = {"image_list": [{"image": "https://example.com/dog.png"}], "prompt": prompt}
        task = _create(http, wish | ({"callback_url": callback_url} if callback_url else {}), poll_s)
        while task["task_status"] not in ("succeed", "failed"):
            time.sleep(poll_s)  # noqa: TID251  what is tested here is a poller
            task = http.get(f"/v1/videos/multi-image2video/{task['task_id']}").json()["data"]
    if task["task_status"] == "failed":
        raise Failed(task["task_status_msg"])
    return str(task["task_result"]["videos"][0]["url"])


def _create(http: httpx.Client, wish: dict[str, Any], poll_s: float, tries: int = 5) -> dict[str, Any]:
    for _ in range(tries):
        reply = http.post("/v1/videos/multi-image2video", json=wish)
        if reply.status_code != 429:
            reply.raise_for_status()
            return dict(reply.json()["data"])
        time.sleep(poll_s)  # noqa: TID251  likewise
    raise Failed("every slot is taken")


@pytest.mark.kling(strict=True)
def test_a_film_is_made(kling):
    """Its address can be fetched, it cost two units, and no request broke the document."""
    video = film(kling.url, kling.api_key, "a dog on a beach")

    assert httpx.get(video).headers["content-type"] == "video/mp4"
    assert kling.ledger["units"] == "2"
    kling.expect_call(action="submit", prompt="a dog on a beach")


@pytest.mark.kling(scenario="fail")
def test_a_failure_is_told_in_the_service_s_words(kling):
    """The query that says so is an HTTP 200; nothing is created twice."""
    with pytest.raises(Failed, match="risk control"):
        film(kling.url, kling.api_key, "a dog")
    kling.expect_call(times=1, action="submit")


def test_a_slot_is_waited_for(kling):
    """Three times every slot is taken, then one is free: four creates, one task."""
    kling.play("slots_full_then_free")

    film(kling.url, kling.api_key, "a dog")

    assert ([call["code"] for call in kling.calls][:4], len(kling.tasks)) == ([1303, 1303, 1303, 0], 1)


def test_every_change_is_told_to_a_callback(kling):
    """Also to one that answers 500 at first; a scenario says whether it is told again."""
    inbox = kling.inbox()
    inbox.behave(answer=500, times=1)
    kling.play("callbacks_retried")

    film(kling.url, kling.api_key, "a dog", callback_url=inbox.url)
    kling.advance("1m")

    told = [each["body"]["task_status"] for each in inbox.received]
    assert told == ["submitted", "submitted", "processing", "succeed"]


@pytest.mark.kling(rate=0)
def test_ten_minutes_pass_at_once(kling):
    """With a frozen clock nothing happens until the test says so."""
    kling.play(
        "about: A long queue.\nrules: [{when: {action: submit}, play: {submitted: 9m, processing: 30s, succeed: {}}}]"
    )
    with httpx.Client(base_url=kling.url, headers={"Authorization": f"Bearer {kling.api_key}"}) as http:
        _create(http, {"image_list": [{"image": "https://example.com/dog.png"}], "prompt": "a dog"}, 0)

    fired = kling.advance("10m")

    assert [event["status"] for event in fired] == ["processing", "succeed"]
