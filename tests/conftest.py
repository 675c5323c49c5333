"""What several test files share: the document, loaded once, and a double of our own process to call directly."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from hypothesis import settings
from kit import ACCOUNT

from mockserver import clock, document, doubles, launch, resources
from mockserver.api import Document

settings.register_profile("house", deadline=None)  # machines are shared; nothing here is timed
settings.load_profile("house")


@pytest.fixture(scope="session")
def loaded() -> Document:
    """The document."""
    return document.load(resources.OPENAPI_ROOT)


@pytest.fixture(scope="session")
def double() -> Iterator[dict[str, Any]]:
    """A double in a process of its own, every task done at once."""
    with doubles.running(["--pace", "instant", "--concurrency", "100000"]) as started:
        yield started


@pytest.fixture
def bearer() -> Callable[..., dict[str, str]]:
    """Headers with a token of the test account; claims can be changed or left out (None)."""

    def made(**changes: Any) -> dict[str, str]:
        now = clock.wall_s()
        claims = {"iss": ACCOUNT.access_key, "exp": now + 1800, "nbf": now - 5, **changes}
        token = jwt.encode({name: claim for name, claim in claims.items() if claim is not None}, ACCOUNT.secret_key)
        return {"Authorization": f"Bearer {token}"}

    return made


@pytest.fixture
def build() -> Iterator[Callable[..., launch.House]]:
    """A house without a socket, its clock frozen unless told otherwise; what it holds is let go after the test."""
    houses: list[launch.House] = []

    def made(**options: Any) -> launch.House:
        houses.append(launch.build(launch.Options(**{"account": ACCOUNT, "seed": "test", "speed": 0, **options})))
        return houses[-1]

    yield made
    for house in houses:
        asyncio.run(house.close())
