"""Everything that can go wrong between a client and the service, as one tree.

    KlingError
    ├── AuthenticationError     1000–1004   the token or the key
    ├── AccountError            1100–1103   arrears, no units left, no permission
    ├── ParametersError         1200–1203   the request
    │   └── NotFoundError                   no task has this id
    ├── PolicyError             1300 1301 1304  content or address turned away
    ├── RateError               1302 1303   too fast, too many at once    · retry
    ├── ServerError             5000–5002   and any other HTTP 5xx        · retry
    ├── TransportError                      no whole answer arrived       · retry
    ├── ProtocolError                       an answer that breaks the document
    │   ├── UnreadableError                 … so that not even its code can be read
    │   └── SignatureError                  a callback whose signature does not hold
    ├── LinkExpiredError                    a result file that is no longer there
    └── TaskError
        ├── TaskFailed                      the task ended as `failed`
        └── TaskUnfinished                  the task had not ended at the deadline

The upper half mirrors the error table ("Error Code"). An HTTP 200 is no success by itself: a code other than 0 in it is
a ProtocolError, and a failed task is TaskFailed although its answer is HTTP 200 with code 0.
"""

from typing import ClassVar

from contracts import words
from contracts.values import Reply, Task

NO_CODES: frozenset[int] = frozenset()


class KlingError(Exception):
    """The root; catch it to catch all that this client says of the service.

    try:
        task = client.create(images=[...], prompt="...")
    except KlingError as error:
        print(error.code, error.message, error.request_id, error.retry)
    """

    codes: ClassVar[frozenset[int]] = NO_CODES
    """The rows of the error table that become this class."""
    retry: ClassVar[bool] = False
    """Whether the same request may sensibly be made again later."""

    external_task_id: str | None = None
    """The id under which a create was sent that ended so. Its task may exist: ask for it before anything else."""

    def __init__(
        self, message: str, *, code: int | None = None, request_id: str | None = None, reply: Reply | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        """The service's own words where it had any, else ours."""
        self.code = code
        """The code in the envelope, None when there was none to read."""
        self.request_id = request_id
        self.reply = reply
        """The answer as it came, None when no whole one did."""

    @property
    def status(self) -> int | None:
        """The HTTP status, None when no whole answer came."""
        return self.reply.status if self.reply else None

    @property
    def retry_after_s(self) -> int:
        """The seconds the service asked to be left alone, 0 when it did not."""
        return (self.reply.head.number("retry-after") or 0) if self.reply else 0

    def __str__(self) -> str:
        known = {"HTTP": self.status, "code": self.code, "request": self.request_id, "sent as": self.external_task_id}
        facts = ", ".join(f"{name} {value}" for name, value in known.items() if value is not None)
        return f"{self.message} ({facts})" if facts else self.message


class AuthenticationError(KlingError):
    """The service does not accept who we say we are."""

    codes = words.AUTHENTICATION


class AccountError(KlingError):
    """The account may not, or can no longer pay."""

    codes = words.ACCOUNT


class ParametersError(KlingError):
    """The request is wrong; the message says where."""

    codes = words.PARAMETERS


class NotFoundError(ParametersError):
    """No task has this id, neither as `task_id` nor as `external_task_id`."""

    codes = NO_CODES


class PolicyError(KlingError):
    """The content, or the address it comes from, is against a policy."""

    codes = words.POLICY


class RateError(KlingError):
    """Too many requests, or too many tasks at once; nothing was accepted."""

    codes = words.RATE
    retry = True


class ServerError(KlingError):
    """The service failed; whether it had done the work is not known."""

    codes = words.SERVER
    retry = True


class TransportError(KlingError):
    """No whole answer arrived: refused, cut off, too late. Whether the work was done is not known."""

    retry = True


class ProtocolError(KlingError):
    """An answer arrived that the document does not allow."""


class UnreadableError(ProtocolError):
    """The answer is no envelope at all: HTML, broken JSON, no code."""


class SignatureError(ProtocolError):
    """A callback is not signed with our secret, or not recently."""


class LinkExpiredError(KlingError):
    """The file host no longer has the file; links live for 30 days ("Query Task (Single)", `url`)."""


class TaskError(KlingError):
    """The service answered well, but there is no video."""

    def __init__(self, message: str, task: Task) -> None:
        super().__init__(message)
        self.task = task
        """The task as it was last seen."""

    def __reduce__(self) -> tuple[type["TaskError"], tuple[str, Task]]:
        return type(self), (self.message, self.task)


class TaskFailed(TaskError):
    """The task ended as `failed`; `message` is its `task_status_msg`."""


class TaskUnfinished(TaskError):
    """The task had not ended at the deadline. It goes on: wait for it again."""


FAMILIES: dict[int, type[KlingError]] = {
    code: family
    for family in (AuthenticationError, AccountError, ParametersError, PolicyError, RateError, ServerError)
    for code in family.codes
}
"""The error table: code to class."""
