"""What one result file must show: the words, the size and the time that both kinds of film agree on.

Nothing here knows a value of the API: mode, ratio and size arrive as the document has them and are shown as they came.
"""

from dataclasses import dataclass

from .mp4 import Tags


class FilmError(Exception):
    """This machine cannot make the film: the fault of what is installed, not of the request."""


@dataclass(frozen=True, slots=True)
class Film:
    """What one result file must show. Equal films make equal bytes."""

    task_id: str
    video_id: str
    prompt: str
    """As the caller wrote it: up to 2500 characters, any Unicode."""
    mode: str
    """Only text to show."""
    aspect_ratio: str
    """Only text to show."""
    width: int
    """Display width in pixels."""
    height: int
    """Display height in pixels."""
    seconds: float
    frames_per_second: int
    watermarked: bool
    request: bytes = b""
    """Digest of the request whose images it shows: other images make another film."""

    @property
    def frames(self) -> int:
        """How many pictures the film has: at least one."""
        return max(1, round(self.seconds * self.frames_per_second))

    @property
    def tags(self) -> Tags:
        """The file's metadata, so that a stray download still tells which task it belongs to."""
        return {
            "title": f"klingmock {self.video_id}",
            "comment": f"task_id={self.task_id} video_id={self.video_id}"
            f" mode={self.mode} aspect_ratio={self.aspect_ratio} watermarked={self.watermarked}",
            "description": self.prompt,
            "encoder": "klingmock",
        }
