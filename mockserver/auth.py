"""From a bearer token to whether it opens an account.

PyJWT checks structure and signature only; `exp` and `nbf` are compared here with a wall time that is given, at every call,
because clients keep a token for its whole life. Parsing and signatures are remembered, verdicts on time never.
"""

import math
import warnings
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import jwt
import orjson

from mockserver.refusals import Refusal
from mockserver.values import NO_CREDENTIAL, Account, Claims, Credential

SCHEME = "Bearer "
JWT, API_KEY = "jwt", "api_key"
"""The kinds of credential, as the document's securitySchemes name them."""

_CACHED_CHARS = 4096  # longer tokens are not worth their memory
_VERIFIER = jwt.PyJWS(algorithms=["HS256"])


def credential(authorization: str) -> Credential:
    """Read an Authorization header; empty when none was sent."""
    return (_credential if len(authorization) <= _CACHED_CHARS else _credential.__wrapped__)(authorization)


@lru_cache(maxsize=1024)
def _credential(authorization: str) -> Credential:
    if not authorization:
        return NO_CREDENTIAL
    token = authorization.removeprefix(SCHEME)
    if token == authorization or not token or token[0].isspace():
        return Credential(problem="authorization_invalid")
    claims = _claims(token)
    return Credential(token, claims, claims.issuer if claims and claims.issuer else token)


def demand(credential: Credential) -> None:
    """Raise Refusal when there is no token."""
    if credential.problem is not None:
        raise Refusal(credential.problem)


def authenticate(
    credential: Credential, account: Account, *, wall_s: float, kinds: Collection[str], leeway_s: float
) -> None:
    """Raise Refusal unless the credential opens `account` at `wall_s` (Unix seconds) and is of one of these `kinds`.

    Clause: kling-facts 2.3; the order is structure, issuer, signature, then exp and nbf.
    """
    demand(credential)
    if credential.token == account.api_key and API_KEY in kinds:
        return
    claims = _believed(credential, account, kinds)
    assert claims.expires is not None
    if wall_s >= claims.expires + leeway_s:
        raise Refusal("token_expired")
    if claims.not_before is not None and wall_s < claims.not_before - leeway_s:
        raise Refusal("token_not_yet_valid")


def _believed(credential: Credential, account: Account, kinds: Collection[str]) -> Claims:
    """The claims of a token that this account signed. Raises Refusal."""
    token, claims = credential.token, credential.claims
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


def signed_by(token: str, secret: str) -> bool:
    """Whether the token carries an HS256 signature by this secret."""
    return (_signed_by if len(token) <= _CACHED_CHARS else _signed_by.__wrapped__)(token, secret)


def _claims(token: str) -> Claims | None:
    """The claims of a token, unverified; None if it cannot be read. `nbf` that is no number makes it unreadable."""
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
