"""The rooms put together, called in process: what a house does that no single room does."""

import asyncio
import base64
from pathlib import Path

import httpx
import pytest
from kit import ACCOUNT, BODY, PATH, START_MS, Receiver, client, padding, png, with_toy_product

from mockserver import auth, files, launch, serve, tasks
from mockserver.replies import WrongReply
from mockserver.server import Server, listen
from mockserver.values import Account


def run(story):
    """Run one story on a fresh event loop."""
    return asyncio.run(story)


async def live(house: launch.House, ms: int) -> list[dict]:
    """Advance the default sandbox; what fired."""
    return await house.courier.advance(house.worlds.default, ms)


def test_a_product_added_by_yaml_alone_lives_a_whole_life(build, tmp_path):
    """Create, query, list, prices, sizes and refusals of a toy product come from its YAML."""
    house = build(document=with_toy_product(tmp_path))

    async def story():
        async with client(house) as api:
            toy = "/v1/toys/toy2video"
            made = (await api.post(toy, json={**BODY, "mode": "lux", "duration": "10"})).json()["data"]
            refused = (await api.post(toy, json={**BODY, "mode": "lux"})).json()
            await live(house, 60_000)
            task = (await api.get(f"{toy}/{made['task_id']}")).json()["data"]
            lists = [len((await api.get(path)).json()["data"]) for path in (toy, PATH)]
        assert refused["message"] == "model/mode/duration(toy-1/lux/5) is not supported"
        assert (task["task_status"], task["final_unit_deduction"], lists) == ("succeed", "99", [1, 0])
        film = files.film(house.worlds.default.facts.tasks[made["task_id"]], watermarked=False)
        assert (film.width, film.height) == (1000, 500)

    run(story())


def test_a_request_with_other_images_is_another_film(build):
    """Also where ids and words are the same, as in a sandbox made again with its seed: no older slideshow is served."""
    house = build()

    async def story():
        async with client(house) as api:
            return (await api.post(PATH, json=BODY)).json()["data"]["task_id"]

    task = house.worlds.default.facts.tasks[asyncio.run(story())]
    again = task._replace(digest=BODY["prompt"].encode())
    assert files.film(task, watermarked=False) != files.film(again, watermarked=False)


def test_a_remembered_token_still_expires(build, bearer, monkeypatch):
    """Signatures are remembered, verdicts on time never: the same token is refused once its exp has passed."""
    house = build()
    headers = bearer()
    wall = serve.auth  # the room that judges
    assert wall is auth

    async def story():
        async with client(house) as api:
            first = await api.get(PATH, headers=headers)
            monkeypatch.setattr("mockserver.app.wall_s", lambda: 4_000_000_000.0)
            later = await api.get(PATH, headers=headers)
        assert [first.status_code, later.json()["code"]] == [200, 1004]

    run(story())


def test_a_reply_that_breaks_the_document_never_leaves(build, monkeypatch):
    """Our own bug is an error of ours: nothing of it goes out in Kling's voice."""
    house = build()
    monkeypatch.setattr("mockserver.tasks.new", lambda task, document: {"task_id": 7})

    async def story():
        async with client(house) as api:
            with pytest.raises(WrongReply):
                await api.post(PATH, json=BODY)

    run(story())


def test_a_bug_of_our_own_is_a_500_on_the_wire_and_the_next_call_is_answered(build, monkeypatch):
    """Not told in the API's voice, and not the end of the connection."""
    house = build()

    async def story():
        listener = listen("127.0.0.1", 0)
        server = Server(house.app)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.answering.wait()
        key = {"Authorization": f"Bearer {ACCOUNT.api_key}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", headers=key) as api:
            with monkeypatch.context() as broken:
                broken.setattr(tasks, "new", lambda *_: {"task_id": 5})
                wrong = await api.post(PATH, json=BODY)
            right = await api.post(PATH, json=BODY)
        server.should_exit = True
        await serving
        return wrong, right

    wrong, right = asyncio.run(story())
    assert (wrong.status_code, wrong.text, right.status_code) == (500, "Internal Server Error", 200)


def test_a_refused_call_changes_nothing_but_the_journal(build):
    """After a row of bad requests there is no task, no unit spent and no callback, and every call is on record."""
    house = build()
    bad = [b"", b"{", b"[]", b'{"prompt": 5}', b'{"image_list": [{"image": "x"}], "prompt": "y"}']

    async def story():
        async with client(house) as api:
            for body in bad:
                assert (await api.post(PATH, content=body)).status_code == 400
        facts = house.worlds.default.facts
        assert (len(facts.tasks), facts.units(START_MS), facts.calls_made) == (0, 0, len(bad))

    run(story())


def test_lenient_authentication_gives_each_name_its_own_world(build, bearer):
    """Any well-formed token enters; its issuer, or its text, names the sandbox it enters."""
    house = build(auth="lenient")

    async def story():
        async with client(house) as api:
            for token in ("anything", "something-else"):
                headers = {"Authorization": f"Bearer {token}"}
                await api.post(PATH, json={**BODY, "external_task_id": "same"}, headers=headers)
            await api.post(PATH, json={**BODY, "external_task_id": "same"}, headers=bearer(iss="new", exp=1))
            nobody = await api.get(PATH, headers={"Authorization": ""})
        assert [len(box.facts.tasks) for box in house.worlds] == [0, 1, 1, 1]
        assert nobody.json()["code"] == 1001

    run(story())


def test_worlds_made_by_names_are_bounded(build):
    """A thousand lenient sandboxes are kept, the least recently used given up."""
    house = build(auth="lenient")
    for name in [*map(str, range(1000)), "0", "one more"]:
        house.worlds.whose(auth.credential(f"Bearer {name}"))
    assert house.worlds.named("0") is not None
    assert house.worlds.named("1") is None


def test_with_authentication_off_everyone_is_the_default_account(build):
    """No header is needed, and no header is judged."""
    house = build(auth="off")

    async def story():
        async with client(house) as api:
            replies = [
                (await api.get(PATH, headers={"Authorization": text})).status_code for text in ("", "Bearer x.y.z")
            ]
        assert replies == [200, 200]

    run(story())


def test_a_token_of_another_account_opens_only_its_own(build, bearer):
    """Two accounts on one server never see each other's tasks."""
    from mockserver.clock import Clock
    from mockserver.sandbox import Sandbox

    house = build()
    default = house.worlds.default
    other = Sandbox(
        Account("other", "other-secret", "api-key-kling-other"),
        house.document,
        Clock(0),
        default.settings,
        default.library,
        default.scenario,
    )
    house.worlds.add(other)

    async def story():
        async with client(house) as api:
            mine = (await api.post(PATH, json=BODY)).json()["data"]["task_id"]
            theirs = await api.get(f"{PATH}/{mine}", headers={"Authorization": "Bearer api-key-kling-other"})
            forged = await api.get(PATH, headers=bearer(iss="other"))
        assert theirs.json()["message"] == f"Task not found by id/external id: {mine}"
        assert (forged.json()["code"], other.facts.calls_made) == (1000, 2)

    run(story())


def test_advancing_lives_from_moment_to_moment(build):
    """Ten minutes with three callbacks pass at once; what fired is told in order, at its own moment."""
    house = build()

    async def story():
        async with Receiver() as receiver, client(house) as api:
            await api.post(PATH, json={**BODY, "callback_url": receiver.url})
            born = house.worlds.default.clock.now_ms()
            fired = await live(house, 600_000)
        told = [(event["kind"], event["status"], event["at_ms"] - born) for event in fired]
        assert told == [
            ("delivery", "submitted", 0),
            ("status", "processing", 1000),
            ("delivery", "processing", 1000),
            ("status", "succeed", 3000),
            ("delivery", "succeed", 3000),
        ]
        assert house.worlds.default.clock.now_ms() == born + 600_000
        await house.close()

    run(story())


def test_a_callback_that_fails_is_tried_again_only_when_the_document_says_so(build):
    """By default one try; with `callback_retries=five_tries` five at 1, 2, 4 and 8 s of sandbox time."""

    async def tries(**options):
        house = build(**options)
        async with Receiver(*[500] * 9) as receiver, client(house) as api:
            await api.post(PATH, json={**BODY, "callback_url": receiver.url})
            born = house.worlds.default.clock.now_ms()
            fired = await live(house, 40_000)
        await house.close()
        return [(e["status"], e["at_ms"] - born) for e in fired if e["kind"] == "delivery"]

    assert run(tries()) == [("submitted", 0), ("processing", 1000), ("succeed", 3000)]
    eager = run(tries(choose={"callback_retries": "five_tries"}))
    assert eager[:5] == [("submitted", ms) for ms in (0, 1000, 3000, 7000, 15000)]
    assert eager[5:9] == [("processing", ms) for ms in (15000, 16000, 18000, 22000)]


def test_a_second_advance_meanwhile_is_refused(build):
    """Also from inside a receiver: time is moved by one hand."""
    house = build()

    async def story():
        async with client(house) as api, Receiver() as receiver:
            await api.post(PATH, json={**BODY, "callback_url": receiver.url})
            both = await asyncio.gather(live(house, 5000), live(house, 5000), return_exceptions=True)
        assert [type(result).__name__ for result in both] == ["list", "Busy"]
        await house.close()

    run(story())


def test_large_bodies_do_not_hold_up_other_calls(build, tmp_path):
    """While four ten-megabyte images are read, small calls are answered: the large call ends after all of them."""
    house = build()
    picture = png(400, 400)[:-12] + padding(10 * 1024 * 1024 - 2000) + png(1, 1)[-12:]
    image = {"image": base64.b64encode(picture).decode()}
    order: list[str] = []

    async def large(api: httpx.AsyncClient) -> int:
        reply = await api.post(PATH, json={"image_list": [image] * 4, "prompt": "large"})
        order.append("large")
        return reply.status_code

    async def small(api: httpx.AsyncClient) -> None:
        await api.get(PATH)
        order.append("small")

    async def story():
        async with client(house) as api:
            sending = asyncio.create_task(large(api))
            while not house.app._readers._threads:  # noqa: ASYNC110  until the large body is in a reader's hands
                await asyncio.sleep(0)
            for _ in range(3):
                await small(api)
            assert await sending == 200
        assert order == ["small"] * 3 + ["large"]

    run(story())


def test_the_journal_forgets_visibly_and_keeps_no_megabytes(build):
    """The newest calls are kept, the others counted; a long text is a marker with its true size."""
    house = build(journal=2)

    async def story():
        async with client(house) as api:
            for prompt in ("a", "b", "c" * 2400 + "d" * 90):
                await api.post(PATH, json={**BODY, "prompt": prompt, "note": "n" * 5000})
            told = (await api.get("/__kling/calls", headers={"host": "127.0.0.1"})).json()
        assert (told["evicted"], len(told["calls"])) == (1, 2)
        assert told["calls"][1]["body"]["note"] == "[5000 characters]"
        assert ACCOUNT.api_key not in str(told)

    run(story())


def test_files_of_the_checkout_travel_in_the_package():
    """A wheel needs nothing beside the package: document, seeds and pictures are found from it."""
    from mockserver import resources

    assert all(path.exists() for path in (resources.OPENAPI_ROOT, resources.SEEDS, resources.PICTURES))
    assert isinstance(resources.OPENAPI_ROOT, Path)
