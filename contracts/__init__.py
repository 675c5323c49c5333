"""A reference client of the Kling AI video API, and a kit that proves any server or client keeps the API's promises.

It meets the service over HTTP and nowhere else; of the double beside it, it knows nothing.
"""

from contracts.client import AsyncClient, Client
from contracts.errors import (
    AccountError,
    AuthenticationError,
    KlingError,
    LinkExpiredError,
    NotFoundError,
    ParametersError,
    PolicyError,
    ProtocolError,
    RateError,
    ServerError,
    SignatureError,
    TaskError,
    TaskFailed,
    TaskUnfinished,
    TransportError,
    UnreadableError,
)
from contracts.inbox import Inbox, Receiver
from contracts.retries import Patience
from contracts.values import Progress, ResourcePack, Task, Video

__all__ = [
    "AccountError",
    "AsyncClient",
    "AuthenticationError",
    "Client",
    "Inbox",
    "KlingError",
    "LinkExpiredError",
    "NotFoundError",
    "ParametersError",
    "Patience",
    "PolicyError",
    "Progress",
    "ProtocolError",
    "RateError",
    "Receiver",
    "ResourcePack",
    "ServerError",
    "SignatureError",
    "Task",
    "TaskError",
    "TaskFailed",
    "TaskUnfinished",
    "TransportError",
    "UnreadableError",
    "Video",
]
