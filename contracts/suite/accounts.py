"""One account at one address, over real HTTP; every exchange is kept as evidence.

The suite speaks httpx itself and not through the reference client: a client that refuses to believe a reply could not
tell what was wrong with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import orjson

from contracts.suite.budget import Budget, Deadline
from contracts.suite.exchanges import TOKEN, Exchange
from contracts.suite.findings import Broken, Unreachable
from contracts.suite.paper import Paper
from contracts.suite.passing import Passing
from contracts.suite.trust import trusted
from contracts.surroundings import AROUND
from contracts.tokens import ApiKey, KeyPair, Signer

_TIMEOUT_S = 30.0
_KEPT_BYTES = 64 * 1024  # of a request's body; evidence need not hold megabytes
OWN_SHOWN = f"Bearer {TOKEN}"
OWN = "the account's own credential"

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Keys:
    """How an account gets in; an account may have a key pair, a static key, or both."""

    pair: KeyPair | None = None
    api_key: ApiKey | None = None

    @property
    def name(self) -> str:
        """What the account is called."""
        return self.pair.access_key if self.pair else ""


@dataclass(slots=True)
class Wire:
    """The way to the service, and all that went over it."""

    base_url: str
    paper: Paper
    deadline: Deadline
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(timeout=_TIMEOUT_S, trust_env=False, verify=trusted())
    )
    exchanges: list[Exchange] = field(default_factory=list)

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> httpx.Response:
        """The reply. Raises CutShort out of time, or when nobody is there; Broken when somebody was and gives none."""
        self.deadline.go_on()
        url = self.base_url + path
        try:
            return self._sent(method, url, headers, content)
        except httpx.HTTPError as error:
            if not self.exchanges or isinstance(error, httpx.ConnectError):
                raise Unreachable(f"{self.base_url} does not answer: {error or type(error).__name__}") from error
            gone = Exchange(method, url, _masked(headers), content[:_KEPT_BYTES], 0, {}, b"")
            raise Broken("an HTTP reply to every call", f"{type(error).__name__}: {error}", gone) from error
        except httpx.InvalidURL as error:
            raise ValueError(f"{url!r} is no address: {error}") from error

    def _sent(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> httpx.Response:
        """Once more where a kept connection was just being closed: that is HTTP's way. What was begun must be whole."""
        request = self.client.build_request(method, url, headers=dict(headers), content=content)
        try:
            reply = self.client.send(request, stream=True)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as dropped:
            try:
                reply = self.client.send(request, stream=True)
            except httpx.ConnectError:
                raise dropped from None  # this call ended the server
        reply.read()
        return reply

    def action(self, method: str, path: str) -> str:
        """Which operation of the document a call goes to; empty if to none."""
        bare = path.partition("?")[0]
        for operation in self.paper.operations:
            stem, variable, _ = operation.path.partition("{")
            fits = bare.startswith(stem) and "/" not in bare[len(stem) :] if variable else bare == stem
            if fits and (bare != stem or not variable) and method == operation.method:
                return operation.action
        return ""


class Account:
    """Calls in the name of one account, and what it has made."""

    def __init__(self, wire: Wire, keys: Keys, passing: Passing, budget: Budget) -> None:
        self.wire, self.keys, self.passing, self.budget = wire, keys, passing, budget
        self.made: list[tuple[Body, Exchange]] = []
        """Every create that was accepted, in order."""
        self._signer = Signer(keys.pair or keys.api_key or ApiKey("none"), AROUND.now)

    @property
    def bearer(self) -> str:
        """What goes behind `Bearer ` now, for those who make calls of their own in the account's name."""
        return self._signer.bearer()

    @property
    def by_static_key(self) -> dict[str, str]:
        """Settings of a call that is made with the account's other credential; empty if it has only one."""
        if self.keys.pair is None or self.keys.api_key is None:
            return {}
        return {"authorization": f"Bearer {self.keys.api_key.key}", "shown_as": "Bearer $API_KEY"}

    def call(
        self,
        method: str,
        path: str,
        *,
        content: bytes = b"",
        authorization: str | None = OWN,
        shown_as: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """Send a call and keep the exchange. `shown_as` stands for a credential that nobody should read."""
        own = authorization == OWN
        sent = {"Content-Type": "application/json", **(headers or {})}
        if authorization is not None:
            sent["Authorization"] = f"Bearer {self._signer.bearer()}" if own else authorization
        for wait_ms in (1000, 2000, 0):
            exchange = self._exchange(method, path, sent, content, OWN_SHOWN if own else shown_as)
            if exchange.code != self.wire.paper.rows["too_many_requests"].code or not wait_ms:
                break
            self.passing.pass_ms(wait_ms)  # the one refusal that says nothing of the call itself
        return exchange

    def _exchange(self, method: str, path: str, sent: Mapping[str, str], content: bytes, shown_as: str) -> Exchange:
        began_s, asked_ms = AROUND.monotonic(), self.passing.now_ms()
        reply = self.wire.send(method, path, sent, content)
        exchange = Exchange(
            method=method,
            url=self.wire.base_url + path,
            sent_headers=_masked(sent, shown_as),
            sent=content[:_KEPT_BYTES],
            status=reply.status_code,
            headers={name.lower(): value for name, value in reply.headers.items()},
            body=reply.content,
            action=self.wire.action(method, path),
            asked_ms=asked_ms,
            told_ms=self.passing.now_ms(),
            began_s=began_s,
            ended_s=AROUND.monotonic(),
        )
        self.wire.exchanges.append(exchange)
        return exchange

    def create(self, body: Body, **settings: Any) -> Exchange:
        """A create that should be accepted. Raises NotShown when its price is beyond the budget."""
        self.budget.afford(self.wire.paper.units(body))
        return self.probe(body, **settings)

    def probe(self, body: Body | bytes, **settings: Any) -> Exchange:
        """A create that should be refused; if it is not, it counts as made."""
        self.budget.allow_trying()
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        exchange = self.call("POST", self.wire.paper.the("submit").path, content=content, **settings)
        if exchange.accepted and exchange.task:
            given = {} if isinstance(body, bytes) else body
            self.made.append((given, exchange))
            self.budget.spend(_price(self.wire.paper, given))
        return exchange

    def query(self, id: str, **settings: Any) -> Exchange:
        """Ask for one task by either id."""
        stem = self.wire.paper.the("read").path.partition("{")[0]
        return self.call("GET", stem + quote(id, safe=""), **settings)

    def query_everywhere(self, id: str, **settings: Any) -> Iterator[Exchange]:
        """Ask for one task by the path of every product that tells of tasks."""
        for operation in self.wire.paper.operations:
            if operation.action == "read":
                yield self.call("GET", operation.path.replace("{id}", quote(id, safe="")), **settings)

    def list(self, query: Mapping[str, object] | str = "", **settings: Any) -> Exchange:
        """Ask for a page of tasks."""
        return self._get("list", query, settings)

    def costs(self, query: Mapping[str, object] | str | None = None, **settings: Any) -> Exchange:
        """Ask what the account's packs hold; by default from the beginning until now."""
        span = {"start_time": 0, "end_time": int(self.passing.now_ms())} if query is None else query
        return self._get("costs", span, settings)

    def _get(self, action: str, query: Mapping[str, object] | str, settings: Mapping[str, Any]) -> Exchange:
        text = query if isinstance(query, str) else urlencode(query)
        path = self.wire.paper.the(action).path
        return self.call("GET", f"{path}?{text}" if text else path, **settings)


def _price(paper: Paper, body: Body) -> Any:
    """What a create costs; one with unheard-of values as much as one without."""
    try:
        return paper.units(body)
    except (KeyError, TypeError):
        return paper.units({})


def _masked(headers: Mapping[str, str], shown_as: str = OWN_SHOWN) -> dict[str, str]:
    """The headers with the credential replaced, unless it was made up."""
    hidden = {"Authorization": shown_as} if shown_as and "Authorization" in headers else {}
    return {**headers, **hidden}
