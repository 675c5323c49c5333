"""The result files: a placeholder at once, or a film of the request's own images when the `media` extra is installed.

A reply never waits for a film: films are made when somebody downloads one, one at a time, in a thread of their own.

**Placeholders** are cut from pre-encoded clips in `seeds/`, which `.ci/encode_seeds.py` draws. A film of a size and
length that was not drawn gets the clip nearest to it: of the nearest ratio, then size, then the shortest that is long
enough. It is cut to the film's frames, or repeated until they are reached, and the file tells players to scale it.
The words in such a picture are the clip's, not the film's; size, length and metadata are right.
"""

import asyncio
import json
import logging
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import cycle, islice
from math import log
from typing import TypeAlias

from . import mp4
from .film import Film, FilmError
from .resources import SEEDS

__all__ = ["Film", "Studio", "can_render", "placeholder"]

_log = logging.getLogger("klingmock.media")


# ── placeholders ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Seed:
    """A row of `seeds/index.json`."""

    file: str
    width: int
    height: int
    seconds: int
    watermarked: bool
    configuration: str


def placeholder(film: Film) -> bytes:
    """An MP4 file of the film's size and length that says it is a placeholder, and carries the film's metadata.

    Takes well under a millisecond; a few the first time a clip is used. Needs nothing but Python.
    """
    seed = _nearest(film.width, film.height, film.seconds, film.watermarked)
    drawn = _track(seed)
    track = mp4.Track(seed.width, seed.height, drawn.configuration, tuple(islice(cycle(drawn.samples), film.frames)))
    return mp4.movie(track, mp4.Display(film.width, film.height, film.frames_per_second), film.tags)


@lru_cache(maxsize=1)
def _seeds() -> tuple[_Seed, ...]:
    return tuple(_Seed(**row) for row in json.loads((SEEDS / "index.json").read_bytes()))


@lru_cache
def _track(seed: _Seed) -> mp4.Track:
    stream = zlib.decompress((SEEDS / seed.file).read_bytes())
    return mp4.Track(seed.width, seed.height, bytes.fromhex(seed.configuration), mp4.split(stream))


@lru_cache(maxsize=256)
def _nearest(width: int, height: int, seconds: float, watermarked: bool) -> _Seed:
    def distance(seed: _Seed) -> tuple[float, float, bool, float]:
        wider, larger = log(width / height * seed.height / seed.width), log(width * height / seed.width / seed.height)
        return abs(wider), abs(larger), seed.seconds < seconds, abs(seed.seconds - seconds)

    return min((seed for seed in _seeds() if seed.watermarked == watermarked), key=distance)


# ── films ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def can_render() -> bool:
    """Whether the `media` extra is installed. Looks, and imports nothing."""
    return all(find_spec(name) for name in ("av", "PIL"))


Images: TypeAlias = Sequence[bytes | str]


class Studio:
    """Makes films and keeps the latest. One server has one, and uses it from one event loop.

    A film is known by its `Film`, task id included, so its images are looked at only the first time.
    """

    def __init__(self, *, cache_bytes: int = 256 * 2**20) -> None:
        """Keep at most `cache_bytes` of finished films; the one not asked for the longest goes first."""
        self._shelf = _Shelf(cache_bytes)
        self._under_way: dict[Film, asyncio.Future[bytes]] = {}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="klingmock-media")

    async def film(self, film: Film, images: Images) -> bytes:
        """The MP4 file. `images` are JPEG or PNG files, or URLs that were not fetched and are shown as text.

        Without images, or without the extra, it is the placeholder. All who ask for the same film share one rendering,
        which goes on when one of them gives up.
        """
        if not images or not can_render():
            return placeholder(film)
        if (finished := self._shelf.get(film)) is not None:
            return finished
        return await asyncio.shield(self._under_way.get(film) or self._begin(film, images))

    def _begin(self, film: Film, images: Images) -> asyncio.Future[bytes]:
        rendering = asyncio.get_running_loop().run_in_executor(self._worker, _render, film, tuple(images))
        self._under_way[film] = rendering
        rendering.add_done_callback(lambda done: self._finish(film, done))
        return rendering

    def _finish(self, film: Film, rendering: asyncio.Future[bytes]) -> None:
        del self._under_way[film]
        if not rendering.cancelled() and not rendering.exception():
            self._shelf.put(film, rendering.result())

    def close(self) -> None:
        """Give up what is not finished; those who wait for it are cancelled. Does not wait for the worker."""
        for rendering in self._under_way.values():
            rendering.cancel()
        self._worker.shutdown(wait=False, cancel_futures=True)


def _render(film: Film, images: Images) -> bytes:
    """In the worker. An extra that is installed but does not work is the machine's fault and no reason to fail."""
    try:
        from . import slideshow  # noqa: PLC0415  # heavy, and optional

        return slideshow.render(film, images)
    except (ImportError, FilmError) as error:
        _log.warning("film_not_rendered task_id=%s error=%s: %s", film.task_id, type(error).__name__, error)
        return placeholder(film)


class _Shelf:
    """Finished films up to so many bytes, the latest used last."""

    def __init__(self, max_bytes: int) -> None:
        self._films: OrderedDict[Film, bytes] = OrderedDict()
        self._left_bytes = max_bytes

    def get(self, film: Film) -> bytes | None:
        if film in self._films:
            self._films.move_to_end(film)
        return self._films.get(film)

    def put(self, film: Film, file: bytes) -> None:
        self._films[film] = file
        self._left_bytes -= len(file)
        while self._left_bytes < 0:
            _, oldest = self._films.popitem(last=False)
            self._left_bytes += len(oldest)
