"""From a bearer token to whether it opens an account.

PyJWT checks structure and signature only; `exp` and `nbf` are compared here with a wall time that is given, at every call,
because clients keep a token for its whole life. Parsing and signatures are remembered, verdicts on time never.
"""

import math
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
import orjson

from mockserver.refusals import Refusal
from mockserver.values import Account

SCHEME = "Bearer "
JWT, API_KEY = "jwt", "api_key"
"""The kinds of credential, as the document's securitySchemes name them."""

_CACHED_CHARS = 4096  # longer tokens are not worth their memory
_VERIFIER = jwt.PyJWS(algorithms=["HS256"])


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says, not yet believed."""

    issuer: str | None
    not_before: float | None  # Unix seconds
    expires: float | None


def bearer(authorization: str | None) -> str:
    """The token of an Authorization header. Raises Refusal when there is none."""
    if not authorization:
        raise Refusal("authorization_empty")
    token = authorization.removeprefix(SCHEME)
    if token == authorization or not token or token[0].isspace():
        raise Refusal("authorization_invalid")
    return token


def named(authorization: str | None) -> str | None:
    """Whose token this claims to be, to choose a sandbox by: an issuer, or the text of a static key."""
    if not authorization or not authorization.startswith(SCHEME):
        return None
    token = authorization[len(SCHEME) :]
    claims = claims_of(token)
    return claims.issuer if claims and claims.issuer else token


def authenticate(
    authorization: str | None, account: Account, *, wall_s: float, kinds: Collection[str], leeway_s: float
) -> None:
    """Raise Refusal unless the header opens `account` at `wall_s` (Unix seconds) with one of these `kinds`.

    Clause: kling-facts 2.3; the order is structure, issuer, signature, then exp and nbf.
    """
    token = bearer(authorization)
    if token == account.api_key and API_KEY in kinds:
        return
    claims = _believed(token, account, kinds)
    assert claims.expires is not None
    if wall_s >= claims.expires + leeway_s:
        raise Refusal("token_expired")
    if claims.not_before is not None and wall_s < claims.not_before - leeway_s:
        raise Refusal("token_not_yet_valid")


def _believed(token: str, account: Account, kinds: Collection[str]) -> Claims:
    """The claims of a token that this account signed. Raises Refusal."""
    claims = claims_of(token)
    if claims is None:
        raise _unreadable(token, account)
    if claims.issuer is None or claims.expires is None or JWT not in kinds:
        raise Refusal("authorization_invalid")
    if claims.issuer != account.access_key:
        raise Refusal("unknown_key_pair")
    if not signed_by(token, account.secret_key):
        raise Refusal("bad_signature")
    return claims


def _unreadable(token: str, account: Account) -> Refusal:
    """A static key is told apart from a broken token by its beginning; parts are counted as java-jwt counts them."""
    prefix, dash, _ = account.api_key.rpartition("-")
    if dash and token.startswith(prefix + dash):
        return Refusal("unknown_api_key")
    parts = token.count(".") + 1
    if parts != 3:
        return Refusal("not_a_token", value={1: 0, 2: 2}.get(parts, "> 3"))
    return Refusal("authorization_invalid")


def claims_of(token: str) -> Claims | None:
    """The claims of a token, unverified; None if it cannot be read. `nbf` that is no number makes it unreadable."""
    return (_claims_of if len(token) <= _CACHED_CHARS else _claims_of.__wrapped__)(token)


def signed_by(token: str, secret: str) -> bool:
    """Whether the token carries an HS256 signature by this secret."""
    return (_signed_by if len(token) <= _CACHED_CHARS else _signed_by.__wrapped__)(token, secret)


@lru_cache(maxsize=1024)
def _claims_of(token: str) -> Claims | None:
    try:
        _, encoded, _ = token.split(".")
        payload = orjson.loads(jwt.utils.base64url_decode(encoded))
        jwt.get_unverified_header(token)
    except (ValueError, RecursionError, jwt.PyJWTError):
        return None
    if not isinstance(payload, dict):
        return None
    not_before = _seconds(payload.get("nbf"))
    if payload.get("nbf") is not None and not_before is None:
        return None
    issuer = payload.get("iss")
    return Claims(issuer if isinstance(issuer, str) and issuer else None, not_before, _seconds(payload.get("exp")))


def _seconds(claim: Any) -> float | None:
    if isinstance(claim, bool) or not isinstance(claim, int | float) or not math.isfinite(claim):
        return None
    return float(claim)


@lru_cache(maxsize=1024)
def _signed_by(token: str, secret: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a short secret is the tester's business
        try:
            _VERIFIER.decode(token, secret.encode(), algorithms=["HS256"])
        except (jwt.PyJWTError, ValueError, RecursionError):
            return False
    return True
