"""The main job on real input, as a person watches it: two pictures become a task, its life, callbacks, a video on disk."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event

from contracts.client import Client
from contracts.inbox import Inbox, Receiver
from contracts.retries import Patience
from contracts.values import Task

PROMPT = "A white Bichon Frise wearing a red Northeast-style floral cotton jacket, licking its paw"
_LAST_CALLBACK_S = 5

Say = Callable[[str, str], None]
"""Takes a line's label and its text."""


class _Telling(Inbox):
    """An inbox that says what it hears."""

    def __init__(self, say: Say) -> None:
        super().__init__()
        self._say = say
        self.ended = Event()

    def receive(self, headers: Mapping[str, str], body: bytes) -> Task | None:
        """As every inbox."""
        task = super().receive(headers, body)
        if task is not None:
            self._say("callback", f"{task.task_status} ({len(body)} bytes)")
            if task.done:
                self.ended.set()
        return task


def play(base_url: str, api_key: str, pictures: Sequence[Path], folder: Path, say: Say) -> Path:
    """Create, wait, hear the callbacks, download: the whole path of the video. Raises KlingError, OSError."""
    inbox = _Telling(say)
    polling = Patience(first_s=0.5, most_s=0.5)
    with Client(base_url, api_key=api_key, polling=polling) as client, Receiver(inbox) as receiver:
        say("pictures", ", ".join(f"{path.name} ({path.stat().st_size // 1024} KB)" for path in pictures))
        task = client.create(images=pictures, prompt=PROMPT, callback_url=receiver.url)
        say("created", f"task {task.task_id} ({task.task_status})")
        done = client.wait(task, timeout_s=60, on_change=lambda changed: say("polled", changed.task_status))
        inbox.ended.wait(_LAST_CALLBACK_S)  # the last callback and the last poll race
        video = done.videos[0]
        say("result", f"{video.duration} s of video, {done.final_unit_deduction} units on the real service, 0 here")
        return client.download(video, _writable(folder) / f"{done.task_id}.mp4").resolve()


def _writable(folder: Path) -> Path:
    """The folder, made if need be; a temporary one where we may not write."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="klingmock-"))
