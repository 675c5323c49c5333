"""Receives callbacks: early, late, twice, out of order, and signed if a secret was agreed.

A callback is the bare task, without an envelope (`openapi/paths/multi-image2video.yaml`, callbacks). The network keeps
neither order nor number, so an inbox keeps the furthest status of each task: a late `processing` never overrides
`succeed`. The signature is that of Standard Webhooks; `now` comes in.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Callable, Mapping

from contracts import words
from contracts.errors import ProtocolError, SignatureError
from contracts.listener import Arrival, Listener
from contracts.sansio import decoded, task_from
from contracts.surroundings import AROUND
from contracts.values import Head, Task

MAX_CALLBACK_BYTES = 1024 * 1024


def parse(body: bytes) -> Task:
    """The task that a callback reports.

    Raises:
        ProtocolError: it is no task the document allows.
    """
    return task_from(decoded(body))


def signature(secret: str, webhook_id: str, timestamp: str, body: bytes) -> str:
    """The entry of `webhook-signature` for a callback: `v1,` and the Base64 of an HMAC-SHA256.

    Raises:
        ValueError: the secret is not `whsec_` and Base64.
    """
    try:
        key = b64decode(secret.removeprefix(words.SECRET_PREFIX), validate=True)
    except BadBase64 as error:
        raise ValueError(f"a webhook secret is {words.SECRET_PREFIX} and Base64: {error}") from error
    text = f"{webhook_id}.{timestamp}.".encode(errors="surrogatepass") + body
    return f"{words.SIGNATURE_VERSION},{b64encode(hmac.digest(key, text, 'sha256')).decode()}"


def verify(headers: Mapping[str, str], body: bytes, *, secret: str, now_s: float) -> None:
    """Return if one of the signatures is ours and recent; while a secret is being replaced there may be several.

    Raises:
        SignatureError: a header is missing, the timestamp is over five minutes off, or no signature fits.
    """
    given = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if not given.get(name)]
    if missing:
        raise SignatureError(f"the callback is not signed: {', '.join(missing)} missing")
    sent_s = Head(0, given).number("webhook-timestamp")
    if sent_s is None or abs(now_s - sent_s) > words.SIGNATURE_TOLERANCE_S:
        raise SignatureError(f"webhook-timestamp {given['webhook-timestamp'][:40]!r} is not within five minutes of now")
    ours = signature(secret, given["webhook-id"], given["webhook-timestamp"], body).encode()
    theirs = given["webhook-signature"].encode(errors="surrogatepass").split()
    if not any(hmac.compare_digest(ours, each) for each in theirs):
        raise SignatureError("no webhook-signature fits the body and our secret")


class Inbox:
    """What callbacks have told so far: the furthest status of each task.

    A task may be heard of before the create that started it has been answered, so nothing needs to be announced. With
    `secret` every callback must be signed.
    """

    def __init__(self, *, secret: str | None = None, now: Callable[[], float] | None = None) -> None:
        self._secret = secret
        self._now = now or AROUND.now
        self._tasks: dict[str, Task] = {}

    @property
    def tasks(self) -> dict[str, Task]:
        """Every task heard of, by `task_id`."""
        return dict(self._tasks)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Task | None:
        """The task when this callback brings it further, None when it is old news.

        Raises:
            SignatureError: it is not signed as agreed.
            ProtocolError: it is no task, or gives a task that has ended another end.
        """
        if self._secret is not None:
            verify(headers, body, secret=self._secret, now_s=self._now())
        task = parse(body)
        known = self._tasks.get(task.task_id)
        if known and known.done and task.done and known.task_status != task.task_status:
            raise ProtocolError(f"task {task.task_id} was {known.task_status} and is now said to be {task.task_status}")
        if known and words.RANKS[task.task_status] <= words.RANKS[known.task_status]:
            return None
        self._tasks[task.task_id] = task
        return task


class Receiver(Listener):
    """An inbox behind a port of the loopback interface, for tests and for a person at a desk.

    with Receiver() as receiver:
        client.create(..., callback_url=receiver.url)

    Answers 200 to what the inbox takes, old news too, 401 to a bad signature and 400 to what is no task. `refused`
    keeps why. One callback at a time.
    """

    def __init__(self, inbox: Inbox | None = None, *, port: int = 0) -> None:
        super().__init__(self._take, port=port)
        self.inbox = inbox or Inbox()
        self.refused: list[ProtocolError] = []

    @property
    def url(self) -> str:
        """What to give as `callback_url`."""
        return f"{super().url}/callback"

    def _take(self, callback: Arrival) -> int:
        if callback.method != "POST":
            return 405
        if callback.length is None or callback.length > MAX_CALLBACK_BYTES:
            return 411 if callback.length is None else 413
        try:
            self.inbox.receive(callback.headers, callback.body)
        except ProtocolError as error:
            self.refused.append(error)
            return 401 if isinstance(error, SignatureError) else 400
        return 200
