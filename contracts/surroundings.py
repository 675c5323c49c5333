"""What the machine lends the client: the time, a nap, chance, names. The only room that takes them from it.

Every other room is given them, so that a test can give its own.
"""

import asyncio
import os
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

ENVIRONMENT = os.environ
"""Where `from_env` looks."""

nap = time.sleep  # noqa: TID251  the sync client really waits between polls; tests inject their own sleep
nap_async = asyncio.sleep


def fresh_name() -> str:
    """A name nobody else has: the external id of a create that was given none."""
    return str(uuid.uuid4())  # noqa: TID251  a client is no sandbox; its ids must differ between processes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The machine as a conversation sees it."""

    now: Callable[[], float] = time.time  # noqa: TID251  tokens are judged by the wall clock of the service
    """Unix seconds."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds that never go back; deadlines are measured with it."""
    random: Callable[[], float] = random.random  # noqa: TID251  jitter must differ between clients
    """A number in [0, 1)."""
    new_id: Callable[[], str] = fresh_name


AROUND = Surroundings()
"""The machine as it is."""
