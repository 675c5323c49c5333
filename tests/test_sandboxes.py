"""Private worlds: alike when made alike, blind to each other, and quick to make."""

import asyncio
import json
import random

import pytest
from kit import BODY, PATH, START_MS, Receiver, client

from mockserver import launch

WORLD = {"rate": 0, "now_ms": START_MS, "seed": 42, "access_key": "same", "secret_key": "s" * 16, "api_key": "same-key"}


async def control(api, method: str, path: str, **content):
    """A call to the control plane."""
    reply = await api.request(method, f"/__kling/{path}", json=content, headers={"host": "127.0.0.1"})
    return reply.json() if reply.content else None


async def busy_neighbours(api) -> None:
    """Other worlds that create, poll, fail and advance all the while."""
    for number in range(5):
        made = await control(api, "POST", "sandboxes", seed=number)
        headers = {"Authorization": f"Bearer {made['api_key']}"}
        for _ in range(4):
            await api.post(PATH, json={**BODY, "prompt": "[[fail]]"}, headers=headers)
            await api.post(PATH, content=b"{", headers=headers)
        await control(api, "POST", f"clock?sandbox={made['access_key']}", advance_ms=5000)


async def session(house: launch.House, seed: int, *, beside: bool) -> list[tuple[object, ...]]:
    """A long random session in one world; everything that came back, and every callback."""
    chance, told = random.Random(seed), []
    async with client(house) as api, Receiver() as receiver:
        await control(api, "POST", "sandboxes", **WORLD)
        headers = {"Authorization": "Bearer same-key"}
        ids = ["nothing"]
        for step in range(60):
            if beside and step % 20 == 0:
                await busy_neighbours(api)
            match chance.choice(["create", "create", "read", "list", "bad", "advance", "costs", "magic"]):
                case "create":
                    body = {**BODY, "callback_url": f"{receiver.url}", "external_task_id": f"mine-{step}"}
                    reply = await api.post(PATH, json=body, headers=headers)
                    ids.append(reply.json().get("data", {}).get("task_id", "none"))
                case "read":
                    reply = await api.get(f"{PATH}/{chance.choice(ids)}", headers=headers)
                case "list":
                    reply = await api.get(f"{PATH}?pageSize={chance.randint(1, 9)}", headers=headers)
                case "bad":
                    reply = await api.post(PATH, json={"prompt": step}, headers=headers)
                case "costs":
                    reply = await api.get("/account/costs?start_time=1&end_time=2", headers=headers)
                case "magic":
                    reply = await api.post(PATH, json={**BODY, "prompt": "[[realistic_pace]]"}, headers=headers)
                case "advance":
                    ms = chance.randint(0, 4000)
                    fired = await control(api, "POST", "clock?sandbox=same", advance_ms=ms)
                    told.append(tuple((event["kind"], event["status"], event["at_ms"]) for event in fired["fired"]))
                    continue
            told.append((reply.status_code, reply.content, reply.headers["content-type"]))
        await control(api, "POST", "clock?sandbox=same", advance_ms=600_000)
        told += [(json.dumps(body, sort_keys=True),) for body in map(json.loads, receiver.bodies)]
    return told


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_calls_get_the_same_bytes_whatever_the_neighbours_do(build, seed):
    """Frozen, with the same start, seed and credentials: two servers, and a third beside busy sandboxes, answer alike."""
    houses = [build(), build(), build()]
    first, second, third = (
        asyncio.run(session(house, seed, beside=beside))
        for house, beside in zip(houses, (False, False, True), strict=True)
    )
    replies = [each for each in first if len(each) == 3]
    assert len(replies) > 30
    assert first == second
    assert first == third


def test_another_seed_gives_other_bytes(build, monkeypatch):
    """The seed is not ignored."""
    one = asyncio.run(session(build(), 1, beside=False))
    monkeypatch.setitem(WORLD, "seed", 43)
    assert asyncio.run(session(build(), 1, beside=False)) != one


def test_a_hundred_worlds_never_see_each_other(build):
    """A hundred parallel tests on one server: each finds its own external id free and its own task alone."""
    house = build()

    async def one(api, number: int) -> int:
        made = await control(api, "POST", "sandboxes", seed=number)
        headers = {"Authorization": f"Bearer {made['api_key']}"}
        await api.post(PATH, json={**BODY, "external_task_id": "everybody's"}, headers=headers)
        return len((await api.get(PATH, headers=headers)).json()["data"])

    async def story():
        async with client(house) as api:
            return await asyncio.gather(*(one(api, number) for number in range(100)))

    assert asyncio.run(story()) == [1] * 100


def test_a_removed_world_is_forgotten(build):
    """Its key opens nothing any more, and its name is free again."""
    house = build()

    async def story():
        async with client(house) as api:
            await control(api, "POST", "sandboxes", **WORLD)
            taken = await control(api, "POST", "sandboxes", **WORLD)
            await control(api, "DELETE", "sandboxes/same")
            gone = await api.get(PATH, headers={"Authorization": "Bearer same-key"})
            again = await control(api, "POST", "sandboxes", **WORLD)
        assert (taken["status"], gone.status_code, again["access_key"]) == (409, 401, "same")

    asyncio.run(story())


def test_a_bad_scenario_changes_nothing(build):
    """422 with file, line and what is allowed; the old story plays on, its counters untouched."""
    house = build(scenario="too_many_requests_twice")

    async def story():
        async with client(house) as api:
            first = (await api.post(PATH, json=BODY)).json()["code"]
            told = await control(
                api, "PUT", "scenario", yaml="about: x\nrules:\n  - {when: {action: submti}, refuse: 1303}\n"
            )
            second = (await api.post(PATH, json=BODY)).json()["code"]
            third = (await api.post(PATH, json=BODY)).json()["code"]
        assert (told["status"], told["title"]) == (
            422,
            "scenario.yaml:3: action: 'submti' is not known; did you mean 'submit'?",
        )
        assert [first, second, third] == [1302, 1302, 0]

    asyncio.run(story())


@pytest.mark.parametrize(
    "yaml",
    [
        "about: x\nrules: " + "[" * 5000,
        "about: x\na: &a [x, x]\nb: *a\n",
        "x" * 3_000_000,
        "about: x\nrules:\n" + "  - refuse: 1303\n" * 3000,
        "about: x\ninclude: [../../etc/passwd]\n",
        "about: x\nrules:\n  - {when: {prompt: {matches: '('}}, refuse: 1303}\n",
        "about: x\nrules:\n  - {play: {submitted: 99999999999h, processing: 1s, succeed: {}}}\n",
        "\x00",
        "",
    ],
    ids=["nested", "bomb", "large", "long", "path", "regex", "endless", "nul", "empty"],
)
def test_a_hostile_scenario_is_refused(build, yaml):
    """A YAML bomb, a large or nested file, a broken pattern, an impossible length: 422, at once."""

    async def story():
        async with client(build()) as api:
            return (await control(api, "PUT", "scenario", yaml=yaml))["status"]

    assert asyncio.run(story()) == 422


def test_a_person_moves_a_task_along_the_edges_only(build):
    """processing → failed is an edge; failed → succeed is none, and says what is allowed."""
    house = build(scenario="held_in_processing")

    async def story():
        async with client(house) as api:
            made = (await api.post(PATH, json=BODY)).json()["data"]["task_id"]
            await control(api, "POST", "clock", advance_ms=600_000)
            moved = await control(api, "POST", f"tasks/{made}/status", status="failed", message="by hand")
            back = await control(api, "POST", f"tasks/{made}/status", status="succeed")
            shown = (await api.get(f"{PATH}/{made}")).json()["data"]
        assert (moved["task_status"], back["status"], back["allowed"]) == ("failed", 409, [])
        assert (shown["task_status_msg"], shown["final_unit_deduction"]) == ("by hand", "0")

    asyncio.run(story())
