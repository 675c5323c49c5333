"""Mints bearer tokens from a key pair and a time, and keeps one while it is good.

Written apart from the double's `auth` on purpose, down to the HMAC: two readings of one page ("API Authentication")
that must agree. The time comes in; nothing here reads a clock.
"""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

LIFETIME_S = 1800
"""How long a token lives, as in every sample of the page."""
HEAD_START_S = 5
"""How far `nbf` lies in the past, for a service whose clock is behind ours."""
MARGIN_S = 60
"""A token is replaced this long before it ends, so that none expires on its way."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An AccessKey and its SecretKey; tokens are signed with the latter's plain text."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A static key, sent as it is."""

    key: str = field(repr=False)

    def __post_init__(self) -> None:
        if not (self.key.isascii() and self.key.isprintable() and self.key == "".join(self.key.split())):
            raise ValueError("an api_key is printable ASCII without spaces; this one would not fit into a header")


Credentials = KeyPair | ApiKey


def mint(pair: KeyPair, now_s: float, *, lifetime_s: int = LIFETIME_S) -> str:
    """A JSON Web Token, HS256, `iss` the AccessKey, good from five seconds before `now_s` (Unix seconds)."""
    claims = {"iss": pair.access_key, "exp": int(now_s) + lifetime_s, "nbf": int(now_s) - HEAD_START_S}
    text = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{text}.{_letters(hmac.digest(pair.secret_key.encode(), text.encode(), 'sha256'))}"


class Signer:
    """The bearer of every request: a key pair's current token, or a static key.

    A token serves from its birth to a minute before its end; outside of that (also when the clock was set back) a new
    one is minted.
    """

    def __init__(self, credentials: Credentials, now: Callable[[], float]) -> None:
        self._credentials = credentials
        self._now = now
        self._token, self._born_s = "", float("-inf")

    def bearer(self) -> str:
        """What goes behind `Bearer `, fit for a request made now."""
        if isinstance(self._credentials, ApiKey):
            return self._credentials.key
        now_s = self._now()
        if not 0 <= now_s - self._born_s < LIFETIME_S - MARGIN_S:
            self._token, self._born_s = mint(self._credentials, now_s), now_s
        return self._token

    def forget(self) -> bool:
        """Drop the token because the service called it expired; False when no other can be had."""
        self._born_s = float("-inf")
        return isinstance(self._credentials, KeyPair)


def _part(claims: dict[str, object]) -> str:
    return _letters(json.dumps(claims, separators=(",", ":")).encode())


def _letters(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
