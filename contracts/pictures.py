"""Turns a call's keywords into the body of a create, and what people call an image into what the API calls one.

Nothing is judged here: wrong values travel to the service, which says what is wrong with them. What is not given is not
sent, so that the service's defaults apply.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TypedDict

Image = str | bytes | PathLike[str]


class Options(TypedDict, total=False):
    """What may be said of a video beside its images and prompt ("Create Task", request body)."""

    negative_prompt: str
    model_name: str
    mode: str
    """`std` or `pro`; the latter costs more."""
    duration: str
    """Seconds, as text: `"5"` or `"10"`."""
    aspect_ratio: str
    """`16:9`, `9:16` or `1:1`."""
    watermark: bool
    """Whether to make a watermarked twin."""
    callback_url: str
    """Where the service posts the task whenever its status changes."""
    external_task_id: str
    """The caller's own name for the task, never used before in the account."""


def body_of(images: Sequence[Image], prompt: str, options: Options) -> dict[str, object]:
    """The body of a create. Reads the files among `images`.

    Raises:
        TypeError: an option is misspelt; the service would ignore it in silence.
        ValueError: an image is a `data:` address, which the service refuses.
        OSError: a file cannot be read.
    """
    check_names(options, Options)
    body: dict[str, object] = {"image_list": [{"image": picture(image)} for image in images], "prompt": prompt}
    body.update((name, value) for name, value in options.items() if name != "watermark")
    if "watermark" in options:
        body["watermark_info"] = {"enabled": options["watermark"]}
    return body


def picture(image: Image) -> str:
    """An image as the API takes it: an http(s) address as it is; bytes, or the file at a path, as raw Base64.

    A text that is no address is a path. Base64 that is at hand already goes through `submit`.

    >>> picture("https://example.com/dog.png"), picture(b"PNG")
    ('https://example.com/dog.png', 'UE5H')
    """
    if isinstance(image, bytes):
        return b64encode(image).decode()
    if isinstance(image, str) and image.startswith(("http://", "https://")):
        return image
    if isinstance(image, str) and image.startswith("data:"):
        raise ValueError('no "data:" prefix ("Create Task", image_list): give the bytes, a path or an http(s) address')
    return b64encode(Path(image).read_bytes()).decode()


def check_names(given: Mapping[str, object], kind: type) -> None:
    """Return if `given` has no other names than the typed dictionary `kind`.

    Raises:
        TypeError: it has.
    """
    if unknown := given.keys() - kind.__annotations__.keys():
        known = ", ".join(sorted(kind.__annotations__))
        raise TypeError(f"unknown: {', '.join(sorted(unknown))}; {kind.__name__.lower()} are {known}")
