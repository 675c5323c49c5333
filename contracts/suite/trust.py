"""The certificates that are believed; reading them takes longer than most promises, so it is done once."""

import ssl
from functools import lru_cache


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """What this machine trusts."""
    return ssl.create_default_context()
