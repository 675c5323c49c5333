"""The images of accepted requests, kept in a capped temporary folder while someone may want to see them in a video."""

import logging
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from mockserver.values import Sight, Task

_log = logging.getLogger("klingmock.album")


class Album:
    """`wanted` says whether images are worth keeping at all: only when videos can be rendered from them."""

    def __init__(self, *, wanted: bool, max_bytes: int = 512 * 1024 * 1024) -> None:
        self.wanted = wanted
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pages: OrderedDict[str, list[Path | str]] = OrderedDict()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def wants(self, sights: Sequence[Sight]) -> bool:
        """Whether there is anything here to keep that takes time."""
        return self.wanted and any(sight.data for sight in sights)

    def keep(self, task: Task, sights: Sequence[Sight]) -> None:
        """Keep what was seen of a task's images; the oldest tasks' go when the folder is full."""
        if not self.wanted or not sights:
            return
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="klingmock-")
        page: list[Path | str] = []
        for index, sight in enumerate(sights):
            if sight.data is not None:
                path = Path(self._folder.name) / f"{task.file_key}-{index}"
                path.write_bytes(sight.data)
                self._bytes += len(sight.data)
                page.append(path)
            elif sight.url:
                page.append(sight.url)
        self._pages[task.file_key] = page
        while self._bytes > self._max_bytes and len(self._pages) > 1:
            self._drop_oldest()

    def images(self, task: Task) -> list[bytes | str]:
        """The images of a task: files as bytes, addresses as text; empty when they are gone or were not kept."""
        page = self._pages.get(task.file_key, [])
        return [item if isinstance(item, str) else item.read_bytes() for item in page]

    def close(self) -> None:
        """Throw everything away."""
        self._pages.clear()
        if self._folder is not None:
            self._folder.cleanup()

    def _drop_oldest(self) -> None:
        file_key, page = self._pages.popitem(last=False)
        for item in page:
            if isinstance(item, Path):
                self._bytes -= item.stat().st_size
                item.unlink()
        _log.info("album-dropped file_key=%s", file_key[:6])
