"""Who is let in: judged before all else, on every operation."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from contracts.suite import bodies
from contracts.suite.accounts import Account
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken, NotShown
from contracts.suite.judging import accepted, refused
from contracts.suite.lives import IMAGE
from contracts.suite.paper import Row
from contracts.suite.registry import promise
from contracts.suite.stage import Stage
from contracts.surroundings import AROUND
from contracts.tokens import HEAD_START_S, LIFETIME_S, KeyPair, mint

HOUR_S = 3600


def knocks(account: Account, authorization: str | None, shown_as: str = "") -> Iterator[Exchange]:
    """Every operation of the document, called with this header; harmless where it is refused."""
    said: dict[str, Any] = {"authorization": authorization, "shown_as": shown_as}
    for operation in account.wire.paper.operations:
        match operation.action:
            case "submit":
                yield account.probe({"image_list": [{"image": IMAGE}], "prompt": "not to be made"}, **said)
            case "read":
                yield account.call("GET", operation.path.replace("{id}", "1"), **said)
            case "list":
                yield account.list(**said)
            case "costs":
                yield account.costs(**said)


def shut(stage: Stage, authorization: str | None, rows: Sequence[Row], why: str, shown_as: str = "") -> None:
    """Every operation refuses this header with one of these rows."""
    for exchange in knocks(stage.account, authorization, shown_as):
        refused(exchange, rows, why)


def pair(stage: Stage) -> KeyPair:
    """The account's key pair. Raises NotShown when it has none."""
    if stage.account.keys.pair is None:
        raise NotShown("takes a key pair: give --access-key and --secret-key")
    return stage.account.keys.pair


def signed(claims: dict[str, Any], secret: str, head: dict[str, Any] | None = None) -> str:
    """A header with a token of any claims, as a service might not like it."""
    parts = [head or {"alg": "HS256", "typ": "JWT"}, claims]
    text = ".".join(_letters(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"Bearer {text}.{_letters(hmac.digest(secret.encode(), text.encode(), 'sha256'))}"


def _letters(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _any_authentication_row(stage: Stage) -> list[Row]:
    return [row for row in stage.paper.rows.values() if row.family == "authentication"]


@promise("#/x-kling-errors/authorization_empty")
def a_call_without_authorization_is_refused(stage: Stage) -> None:
    """No header, no answer, on any operation."""
    shut(stage, None, [stage.paper.rows["authorization_empty"]], "no Authorization header was sent")


@promise("#/x-kling-messages/situations/not_a_token")
def a_bearer_that_is_no_token_is_refused(stage: Stage) -> None:
    """Text that is neither a token nor a key opens nothing."""
    for text in ("Bearer nonsense", "Bearer a.b.c", "Basic dXNlcjpwYXNz"):
        shut(stage, text, stage.paper.verdicts("not_a_token"), "the header cannot be read")


@promise("#/components/securitySchemes/jwt")
def a_credential_without_its_scheme_is_refused(stage: Stage) -> None:
    """The header begins with `Bearer` and one space; a good credential alone opens nothing."""
    rows = _any_authentication_row(stage)
    for scheme in ("", "Token ", "Bearer"):
        shut(
            stage,
            f"{scheme}{stage.account.bearer}",
            rows,
            "the scheme is not Bearer",
            f"{scheme}$TOKEN",
        )


@promise("#/x-kling-messages/situations/unknown_api_key")
def an_unknown_api_key_is_refused(stage: Stage) -> None:
    """A static key that nobody was given opens nothing."""
    shut(stage, f"Bearer api-key-kling-{'0' * 43}", stage.paper.verdicts("unknown_api_key"), "no account has this key")


@promise("#/x-kling-errors/authentication_failed")
def a_token_signed_with_another_secret_is_refused(stage: Stage) -> None:
    """The signature is judged."""
    forged = mint(KeyPair(pair(stage).access_key, "f" * 32), AROUND.now())
    row = [stage.paper.rows["authentication_failed"]]
    shut(stage, f"Bearer {forged}", row, "the token is signed with another secret")


@promise("#/components/securitySchemes/jwt")
def a_token_that_was_changed_is_refused(stage: Stage) -> None:
    """The signature covers the claims: one cannot lengthen one's own token."""
    head, _, signature = mint(pair(stage), AROUND.now()).split(".")
    claims = {"iss": pair(stage).access_key, "exp": int(AROUND.now()) + 10 * HOUR_S, "nbf": 0}
    text = f"Bearer {head}.{_letters(json.dumps(claims).encode())}.{signature}"
    shut(stage, text, [stage.paper.rows["authentication_failed"]], "the claims are not those that were signed")


@promise("#/components/securitySchemes/jwt")
def an_unsigned_token_is_refused(stage: Stage) -> None:
    """`alg: none` opens nothing."""
    claims = {"iss": pair(stage).access_key, "exp": int(AROUND.now()) + HOUR_S, "nbf": 0}
    unsigned = signed(claims, "", {"alg": "none"}).rpartition(".")[0] + "."
    shut(stage, unsigned, _any_authentication_row(stage), "nobody signed the token")


@promise("#/x-kling-messages/situations/unknown_key_pair")
def a_token_of_an_unknown_issuer_is_refused(stage: Stage) -> None:
    """`iss` must be an AccessKey."""
    stranger = mint(KeyPair("nobody0accesskey0000000000000000", "n" * 32), AROUND.now())
    shut(stage, f"Bearer {stranger}", _any_authentication_row(stage), "no account has this AccessKey")


@promise("#/x-kling-errors/token_expired")
def an_expired_token_is_refused(stage: Stage) -> None:
    """`exp` is judged at every call; a minute is more than any leeway."""
    for late_s in (60, 24 * HOUR_S):
        token = mint(pair(stage), AROUND.now() - LIFETIME_S - late_s)
        shut(stage, f"Bearer {token}", [stage.paper.rows["token_expired"]], "exp has passed", "Bearer $EXPIRED_TOKEN")


@promise("#/x-kling-errors/token_not_yet_valid")
def a_token_from_the_future_is_refused(stage: Stage) -> None:
    """`nbf` is judged at every call."""
    token = mint(pair(stage), AROUND.now() + 60 + HEAD_START_S)
    shut(stage, f"Bearer {token}", [stage.paper.rows["token_not_yet_valid"]], "nbf lies ahead", "Bearer $FUTURE_TOKEN")


@promise("#/security")
def authorization_is_judged_before_everything_else(stage: Stage) -> None:
    """Whatever else is wrong with a call, without a credential, or with a wrong one, that is all one is told."""
    account = stage.account
    path = stage.paper.the("submit").path
    wrong: list[tuple[str, str, bytes]] = [
        ("POST", path, b"{"),
        ("POST", path, b"{}"),
        ("GET", f"{path}?pageSize=0", b""),
        ("GET", stage.paper.the("costs").path, b""),
        ("DELETE", path, b""),
        ("GET", "/v1/videos/no-such-product", b""),
    ]
    credentials = {
        None: [stage.paper.rows["authorization_empty"]],
        "Bearer no.such.token": _any_authentication_row(stage),
    }
    for method, at, content in wrong:
        for credential, rows in credentials.items():
            exchange = account.call(method, at, content=content, authorization=credential)
            refused(exchange, rows, "authorization is judged first")


@promise("#/security", costs=True)
def a_task_that_exists_needs_a_credential_too(stage: Stage) -> None:
    """Whoever knows its names still has to say who asks, on every path that tells of tasks."""
    forged = mint(KeyPair(pair(stage).access_key, "f" * 32), AROUND.now())
    headers = {"": "authorization_empty", f"Bearer {forged}": "authentication_failed"}
    life = next((life for life in stage.lives if life.external_id), stage.lives[0])
    for id, (header, slug) in product(filter(None, (str(life.id), life.external_id)), headers.items()):
        for look in stage.account.query_everywhere(id, authorization=header or None):
            refused(look, [stage.paper.rows[slug]], "a task is told of to its account only")


@promise("#/components/securitySchemes/jwt")
def tokens_with_other_claims_are_taken(stage: Stage) -> None:
    """Clients add claims, leave out `typ` or `nbf`, and live up to a day; none of that is wrong."""
    key, now = pair(stage), AROUND.now()
    claims = {"iss": key.access_key, "exp": int(now) + HOUR_S}
    tokens = [
        signed({**claims, "nbf": int(now) - 5, "iat": int(now), "aud": "kling"}, key.secret_key),
        signed({**claims, "exp": int(now) + 24 * HOUR_S}, key.secret_key, {"alg": "HS256"}),
        signed({**claims, "exp": now + 1800.5, "nbf": now - 5.5}, key.secret_key),
    ]
    for token in tokens:
        exchange = stage.account.list({"pageSize": 1}, authorization=token, shown_as="Bearer $TOKEN")
        accepted(exchange, stage.paper, "other claims are ignored")


@promise("#/components/securitySchemes/api_key", costs=True)
def the_static_key_opens_the_same_account(stage: Stage) -> None:
    """A static key and a key pair of one account make and see the same tasks."""
    account, by_key = stage.account, stage.account.by_static_key
    if not by_key:
        raise NotShown("takes both kinds of credential: give --api-key beside the key pair")
    listed = account.list({"pageSize": 1}, **by_key)
    if listed.code == stage.paper.rows["authorization_invalid"].code:
        raise NotShown("the service takes only one kind of credential, which the document leaves open")
    for exchange in (listed, account.costs(**by_key)):
        accepted(exchange, stage.paper, "the static key opens every operation")
    theirs = stage.lives[0]
    found = account.query(str(theirs.id), **by_key)
    if found.task.get("task_id") != theirs.id:
        raise Broken(f"the task {theirs.id} of the same account", found.said, found)
    born = stage.settled(account, bodies.sound(), **by_key)
    accepted(born, stage.paper, "the static key opens every operation")
    look = account.query(str(born.task.get("task_id")))
    accepted(look, stage.paper, f"the static key of the same account made {born.task.get('task_id')}", affordable=True)
