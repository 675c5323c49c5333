"""Who may use the control plane: the Host must be ours, a page of another origin is refused, a token is demanded if set."""

import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

_OPEN = ("/__kling/livez", "/__kling/readyz")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Problem(Exception):
    """The control plane says no."""

    def __init__(self, status: int, title: str, **more: Any) -> None:
        super().__init__(title)
        self.status, self.title, self.more = status, title, more


@dataclass(frozen=True, slots=True)
class Guard:
    """Judges every request to the control plane but health, files and deliveries to inboxes."""

    token: str = ""
    hosts: frozenset[str] = frozenset()  # beside loopback: the bound address, the public URL's host

    def check(self, request: Request) -> None:
        """Raise Problem unless the request may pass."""
        path = request.scope["path"]
        delivered = request.method == "POST" and path.startswith("/__kling/inbox/")
        if path in _OPEN or delivered:
            return
        host = _host_name(request.headers.get("host", ""))
        if host not in _LOOPBACK and host not in self.hosts:
            raise Problem(403, f"the Host {host!r} is not this server's")
        _check_origin(request)
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.token and not hmac.compare_digest(sent.encode(), self.token.encode()):
            raise Problem(401, "the control plane wants its token: Authorization: Bearer TOKEN")


def _check_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "none")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if (origin is not None and origin != own) or site in ("cross-site", "same-site"):
        raise Problem(403, "requests that a browser sends from another origin are refused")


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
