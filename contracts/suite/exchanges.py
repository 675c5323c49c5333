"""One request and what came back, as seen from outside; prints itself as a curl line without the credential."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

TOKEN = "$TOKEN"
_SHOWN_BYTES = 4000


class Told:
    """Something that came with a body, which should be JSON."""

    body: bytes

    @cached_property
    def content(self) -> Any:
        """Its JSON value, None if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


@dataclass(frozen=True)
class Exchange(Told):
    """A call and its reply. `action` is what the call was for: submit, read, list, costs or empty."""

    method: str
    url: str
    sent_headers: Mapping[str, str] = field(repr=False)
    sent: bytes = field(repr=False)
    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes
    action: str = ""
    asked_ms: float = 0.0
    """The account's time when the call left and when its reply was there, Unix milliseconds."""
    told_ms: float = 0.0
    began_s: float = 0.0
    """The same by a clock of this machine that never goes back, in seconds."""
    ended_s: float = 0.0

    @property
    def code(self) -> Any:
        """The reply's code, whatever it is."""
        return self.content.get("code") if isinstance(self.content, dict) else None

    @property
    def data(self) -> Any:
        """The reply's data, whatever it is."""
        return self.content.get("data") if isinstance(self.content, dict) else None

    @property
    def task(self) -> dict[str, Any]:
        """The reply's data when it is an object, else an empty one."""
        return self.data if isinstance(self.data, dict) else {}

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The objects of the reply's data when it is a list, else none."""
        return [entry for entry in self.data if isinstance(entry, dict)] if isinstance(self.data, list) else []

    @property
    def accepted(self) -> bool:
        """Whether the service says that all went well."""
        return 200 <= self.status < 300 and self.code in (0, "0", None, False)

    @property
    def media_type(self) -> str:
        """`content-type` without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def said(self) -> str:
        """The reply on a line."""
        return f"HTTP {self.status} {self.body[:200].decode(errors='replace')}".strip()

    def curl(self) -> str:
        """A command that sends the same again; the caller's credential is $TOKEN."""
        words = ["curl", "-sS", "-i", *(["-X", self.method] if self.method not in ("GET", "POST") else [])]
        for name, value in self.sent_headers.items():
            words += ["-H", f"{name}: {value}"]
        if self.method == "POST" or self.sent:
            words += ["--data-binary", _shown(self.sent)]
        return " ".join(_quoted(word) for word in [*words, self.url])


def _shown(body: bytes) -> str:
    text = body.decode(errors="replace")
    return text if len(text) <= _SHOWN_BYTES else f"{text[:_SHOWN_BYTES]}…{len(body)} bytes"


def _quoted(word: str) -> str:
    """Quoted for a shell, in a way that leaves $TOKEN to be filled in."""
    return f'"{word}"' if word.startswith("Authorization: ") and "$" in word else shlex.quote(word)
