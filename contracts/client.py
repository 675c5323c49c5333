"""Thin sync and async shells: two doors with the same names on them.

What a client says to the service, and when, is written once, in the rooms of the conversations; `wire.py` carries it.
Here only stands what the doors are called and what they promise.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from contracts.creating import create
from contracts.desk import Desk, Listing
from contracts.downloads import download
from contracts.pictures import Image, Options, body_of
from contracts.settings import Settings, desk_at, from_environment
from contracts.surroundings import ENVIRONMENT, nap, nap_async
from contracts.talk import Talk, done
from contracts.values import Progress, ResourcePack, Task, Video
from contracts.waiting import until_done
from contracts.wire import AsyncTransport, AsyncWire, Transport, Wire

WAIT_S = 1200.0
"""How long a task is waited for unless told otherwise; most take 1 to 10 minutes."""
DOWNLOAD_S = 600.0


class Client:
    """The API, blocking.

    with Client("http://127.0.0.1:5546", access_key="…", secret_key="…") as client:
        task = client.wait(client.create(images=["dog.png", "coat.png"], prompt="A dog in a coat"))
        client.download(task.videos[0], "out.mp4")

    Every method raises KlingError, in the branch of `errors.py` that says what went wrong; those of create, wait and
    download are told in `creating.py`, `waiting.py` and `downloads.py`. One client may serve many threads.
    """

    def __init__(
        self,
        base_url: str,
        *,
        transport: Transport | None = None,
        sleep: Callable[[float], object] = nap,
        **settings: Unpack[Settings],
    ) -> None:
        self._desk = desk_at(base_url, settings)
        self._wire = Wire(transport, sleep)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = ENVIRONMENT, **settings: Unpack[Settings]) -> Self:
        """As `KLING_BASE_URL` and `KLING_ACCESS_KEY` with `KLING_SECRET_KEY`, else `KLING_API_KEY`, say."""
        return cls(**from_environment(environ, settings))

    def create(self, *, images: Sequence[Image], prompt: str, **options: Unpack[Options]) -> Task:
        """Start a video made from `images`: paths, bytes or http(s) addresses. Files are read and sent as Base64."""
        return self._wire.hold(_make(self._desk, images, prompt, options))

    def submit(self, body: Mapping[str, object]) -> Task:
        """Start a task from a body of your own; only an external id is added, when it has none."""
        return self._wire.hold(create(self._desk, body))

    def query(self, task_id: str) -> Task:
        """The task with this `task_id` or `external_task_id`; NotFoundError when there is none."""
        return self._wire.hold(self._desk.query(task_id))

    def tasks(self, *, page_size: int = 100) -> Iterator[Task]:
        """All tasks of the account, each once, in the service's order; pages are fetched as they are needed."""
        listing = Listing(self._desk, page_size)
        while not listing.ended:
            yield from self._wire.hold(listing.turn())

    def wait(
        self, task: Task | str, *, timeout_s: float = WAIT_S, on_change: Callable[[Task], None] | None = None
    ) -> Task:
        """The task, or the one with either id, once it has succeeded; TaskFailed, TaskUnfinished if it does not."""
        return self._wire.hold(until_done(self._desk, task, timeout_s=timeout_s, on_change=on_change or _ignore))

    def download(
        self,
        video: Video | str,
        path: str | PathLike[str],
        *,
        timeout_s: float = DOWNLOAD_S,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Path:
        """Fetch a video, or the file at a link such as its `watermark_url`, to `path`: whole, or not at all."""
        return self._wire.hold(
            download(self._desk, video, Path(path), on_progress=on_progress or _ignore, timeout_s=timeout_s)
        )

    def costs(
        self, start_time_ms: int, end_time_ms: int, *, resource_pack_name: str | None = None
    ) -> tuple[ResourcePack, ...]:
        """The resource packs of a span of time (Unix ms); ask no more than once a second ("Account Information")."""
        return self._wire.hold(self._desk.costs(start_time_ms, end_time_ms, resource_pack_name))

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient:
    """The API, awaited: `Client` with the same names, promises and settings, on asyncio.

    async with AsyncClient("http://127.0.0.1:5546", api_key="…") as client:
        task = await client.wait(await client.create(images=["dog.png"], prompt="A dog"))
    """

    def __init__(
        self,
        base_url: str,
        *,
        transport: AsyncTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = nap_async,
        **settings: Unpack[Settings],
    ) -> None:
        self._desk = desk_at(base_url, settings)
        self._wire = AsyncWire(transport, sleep)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = ENVIRONMENT, **settings: Unpack[Settings]) -> Self:
        """As `Client.from_env`."""
        return cls(**from_environment(environ, settings))

    async def create(self, *, images: Sequence[Image], prompt: str, **options: Unpack[Options]) -> Task:
        """As `Client.create`."""
        return await self._wire.hold(_make(self._desk, images, prompt, options))

    async def submit(self, body: Mapping[str, object]) -> Task:
        """As `Client.submit`."""
        return await self._wire.hold(create(self._desk, body))

    async def query(self, task_id: str) -> Task:
        """As `Client.query`."""
        return await self._wire.hold(self._desk.query(task_id))

    async def tasks(self, *, page_size: int = 100) -> AsyncIterator[Task]:
        """As `Client.tasks`."""
        listing = Listing(self._desk, page_size)
        while not listing.ended:
            for task in await self._wire.hold(listing.turn()):
                yield task

    async def wait(
        self, task: Task | str, *, timeout_s: float = WAIT_S, on_change: Callable[[Task], None] | None = None
    ) -> Task:
        """As `Client.wait`."""
        return await self._wire.hold(until_done(self._desk, task, timeout_s=timeout_s, on_change=on_change or _ignore))

    async def download(
        self,
        video: Video | str,
        path: str | PathLike[str],
        *,
        timeout_s: float = DOWNLOAD_S,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Path:
        """As `Client.download`; the disk is kept beside the loop."""
        return await self._wire.hold(
            download(self._desk, video, Path(path), on_progress=on_progress or _ignore, timeout_s=timeout_s)
        )

    async def costs(
        self, start_time_ms: int, end_time_ms: int, *, resource_pack_name: str | None = None
    ) -> tuple[ResourcePack, ...]:
        """As `Client.costs`."""
        return await self._wire.hold(self._desk.costs(start_time_ms, end_time_ms, resource_pack_name))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._wire.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _make(desk: Desk, images: Sequence[Image], prompt: str, options: Options) -> Talk[Task]:
    body = yield from done(lambda: body_of(images, prompt, options))
    return (yield from create(desk, body))


def _ignore(_: object) -> None:
    """Nobody wants to hear."""
