"""What a client may be told when it is made, and how it is looked up in the environment."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypedDict

from contracts.desk import Desk
from contracts.pictures import check_names
from contracts.retries import POLLS, RETRIES, Patience
from contracts.surroundings import AROUND, Surroundings
from contracts.tokens import ApiKey, Credentials, KeyPair, Signer


class Settings(TypedDict, total=False):
    """What a client may be told when it is made; all of it has a default but the credentials."""

    access_key: str
    secret_key: str
    """With `access_key`: requests carry tokens minted from the pair."""
    api_key: str
    """Instead of the pair: a static key."""
    timeout_s: float
    """The longest that one request may take; 30."""
    patience: Patience
    """How often and after which waits a request is repeated."""
    polling: Patience
    """The waits between two looks at a task; its `tries` is not used."""
    now: Callable[[], float]
    """Unix seconds, for tokens."""
    monotonic: Callable[[], float]
    """Seconds, for deadlines."""
    random: Callable[[], float]
    """In [0, 1), for jitter."""
    new_id: Callable[[], str]
    """A fresh external id."""


class Place(Settings):
    """Settings, and where they apply."""

    base_url: str


def desk_at(base_url: str, settings: Settings) -> Desk:
    """A desk at the service that lies at `base_url`.

    Raises:
        TypeError: a setting is misspelt.
        ValueError: the address is none, or the credentials are not exactly one pair or one key.
    """
    check_names(settings, Settings)
    if not base_url.startswith(("http://", "https://")):
        raise ValueError(f"base_url should be an http(s) address such as http://127.0.0.1:5546, not {base_url!r}")
    own: dict[str, Any] = {name: value for name, value in settings.items() if name in Surroundings.__slots__}
    around = replace(AROUND, **own)
    return Desk(
        base_url=base_url.rstrip("/"),
        signer=Signer(_credentials(settings), around.now),
        around=around,
        patience=settings.get("patience", RETRIES),
        polling=settings.get("polling", POLLS),
        timeout_s=settings.get("timeout_s", 30.0),
    )


def from_environment(environ: Mapping[str, str], settings: Settings) -> Place:
    """`KLING_BASE_URL`, and `KLING_ACCESS_KEY` with `KLING_SECRET_KEY` or else `KLING_API_KEY`, beside the settings.

    Raises:
        ValueError: one of them is missing. No address is assumed: the double costs nothing, the real service does.
    """
    if not (base_url := environ.get("KLING_BASE_URL")):
        raise ValueError("KLING_BASE_URL is not set; the double's is http://127.0.0.1:5546")
    access, secret, key = (environ.get(f"KLING_{name}_KEY") for name in ("ACCESS", "SECRET", "API"))
    if access and secret:
        return {**settings, "base_url": base_url, "access_key": access, "secret_key": secret}
    if key:
        return {**settings, "base_url": base_url, "api_key": key}
    raise ValueError("KLING_ACCESS_KEY with KLING_SECRET_KEY, or KLING_API_KEY, should be set")


def _credentials(settings: Settings) -> Credentials:
    access, secret, key = settings.get("access_key"), settings.get("secret_key"), settings.get("api_key")
    if access and secret and not key:
        return KeyPair(access, secret)
    if key and not (access or secret):
        return ApiKey(key)
    raise ValueError("a client needs access_key and secret_key, or api_key instead")
