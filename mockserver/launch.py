"""Puts the rooms together and lets them live: one server, from options to a clean end."""

import asyncio
import contextlib
import gc
import os
import socket
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from mockserver import document as documents
from mockserver import resources
from mockserver.album import Album
from mockserver.api import Document
from mockserver.app import Double
from mockserver.clock import Clock
from mockserver.control import Control
from mockserver.courier import Courier
from mockserver.destinations import Destinations
from mockserver.files import Files
from mockserver.grammar import nearest
from mockserver.guard import Guard
from mockserver.media import Studio, can_render
from mockserver.sandbox import Sandbox, Settings
from mockserver.server import Server, listen
from mockserver.stories import Library
from mockserver.values import Account
from mockserver.worlds import Worlds
from mockserver.yaml12 import AuthorsMistake

_WARM_UP_AFTER_S = 0.2  # the first calls should not wait for what they may not need


@dataclass(frozen=True, slots=True)
class Options:
    """Everything `klingmock serve` can be told."""

    account: Account
    seed: str
    host: str = "127.0.0.1"
    port: int = 0
    auth: str = "strict"
    pace: str = "fast"
    speed: float = 1.0
    concurrency: int | None = None
    balance: Decimal | None = None
    journal: int = 10_000
    public_url: str = ""
    tls: tuple[str, str] | None = None
    control_token: str = ""
    callback_allow: tuple[str, ...] = ()
    webhook_secret: str = ""
    scenario: str = "default"  # a name or a file
    headers: bool = True
    choose: Mapping[str, str] = field(default_factory=dict)
    document: Path = resources.OPENAPI_ROOT


@dataclass(frozen=True, slots=True)
class House:
    """A server's parts, put together."""

    app: Double
    document: Document
    worlds: Worlds
    courier: Courier
    studio: Studio
    album: Album

    async def close(self) -> None:
        """Let go of everything outside memory."""
        await self.courier.close()
        self.studio.close()
        self.album.close()


def build(options: Options) -> House:
    """Read the document and put the parts together. Raises AuthorsMistake."""
    document = documents.load(options.document).choosing(options.choose)
    settings = Settings(
        seed=options.seed,
        pace=options.pace,
        auth=options.auth,
        concurrency=options.concurrency,
        balance=options.balance,
        journal=options.journal,
        public_url=options.public_url.rstrip("/"),
        webhook_secret=options.webhook_secret,
        headers=options.headers,
    )
    _check_pace(options.pace, document)
    library = Library(resources.SCENARIOS, document)
    story = library.story(options.scenario)
    worlds = Worlds(Sandbox(options.account, document, Clock(options.speed), settings, library, story))
    courier = Courier(destinations=_destinations(options.callback_allow))
    studio, album = Studio(), Album(wanted=can_render())
    guard = Guard(options.control_token, _own_hosts(options))
    control = Control(worlds, document, courier, Files(worlds, studio, album), guard)
    return House(Double(worlds, document, courier, album, control), document, worlds, courier, studio, album)


def _check_pace(pace: str, document: Document) -> None:
    if pace not in document.lifecycle.paces:
        raise AuthorsMistake("--pace", f"{pace!r} is no pace" + nearest(pace, document.lifecycle.paces))


def _destinations(allowed: Iterable[str]) -> Destinations:
    try:
        return Destinations.allowing(allowed)
    except ValueError as error:
        raise AuthorsMistake("--callback-allow", str(error)) from error


def _own_hosts(options: Options) -> frozenset[str]:
    public = urlsplit(options.public_url).hostname if options.public_url else None
    return frozenset(name for name in (options.host, public) if name)


def run(options: Options, ready: Callable[[House, str], None]) -> None:
    """Serve until told to stop; `ready` is called with the base URL once calls are answered. Raises AuthorsMistake, OSError."""
    house = build(options)
    listener = listen(options.host, options.port)
    url = _url(options, listener.getsockname()[1])
    _tune_garbage_collector()
    with _loop_runner() as runner:
        runner.run(_live(house, Server(house.app, tls=options.tls), listener, lambda: ready(house, url)))


def _url(options: Options, port: int) -> str:
    host = f"[{options.host}]" if ":" in options.host else options.host
    return f"{'https' if options.tls else 'http'}://{host}:{port}"


def _loop_runner() -> asyncio.Runner:
    try:
        import uvloop  # noqa: PLC0415  not made for Windows
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def _tune_garbage_collector() -> None:
    """What is loaded by now stays; collecting it again and again would stall calls once many tasks are stored."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _warm_up(house: House, wanted: asyncio.Event) -> None:
    await wanted.wait()
    await house.courier.warm_up()


async def _live(house: House, server: Server, listener: socket.socket, ready: Callable[[], None]) -> None:
    delivering = asyncio.create_task(house.courier.run())
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    answering = asyncio.create_task(server.answering.wait())
    warming = asyncio.Event()
    warm = asyncio.create_task(_warm_up(house, warming))
    try:
        await asyncio.wait({serving, answering}, return_when=asyncio.FIRST_COMPLETED)
        if server.started:
            ready()
            asyncio.get_running_loop().call_later(_WARM_UP_AFTER_S, warming.set)
        await serving
    finally:
        for waiting in (delivering, answering, warm):
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
        await house.close()


def write_port_file(path: Path, url: str, account: Account) -> None:
    """Write where the server is and how to get in: whole or not at all, readable by its owner only."""
    content = {
        "url": url,
        "port": urlsplit(url).port,
        "pid": os.getpid(),
        "access_key": account.access_key,
        "secret_key": account.secret_key,
        "api_key": account.api_key,
    }
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(orjson.dumps(content))
    Path(name).replace(path)
