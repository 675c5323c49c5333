"""Every sandbox of a server, found by what a call's credential claims to be.

A call that names a known account goes there, even if its token then fails; every other call belongs to the default
sandbox. With lenient authentication an unknown name makes a new world, up to a number, the least recently used given up.
"""

import logging
import secrets
from collections import OrderedDict
from collections.abc import Iterator

from mockserver.clock import Clock
from mockserver.sandbox import Sandbox
from mockserver.values import Account, Credential, Task

_MAX_LENIENT = 1000
_log = logging.getLogger("klingmock.worlds")


class Worlds:
    """The default sandbox and all others."""

    def __init__(self, default: Sandbox) -> None:
        self.default = default
        self._by_name: dict[str, Sandbox] = {}
        self._lenient: OrderedDict[str, Sandbox] = OrderedDict()
        self._lenient_allowed = default.settings.auth == "lenient"
        self._know(default)

    def __iter__(self) -> Iterator[Sandbox]:
        """Every sandbox once, the default one first."""
        return iter(dict.fromkeys([*self._by_name.values(), *self._lenient.values()]))

    def whose(self, credential: Credential) -> Sandbox:
        """The sandbox a call belongs to."""
        name = credential.name
        if name is None:
            return self.default
        known = self._by_name.get(name)
        if known is not None:
            return known
        return self._lenient_world(name) if self._lenient_allowed else self.default

    def named(self, access_key: str) -> Sandbox | None:
        """The sandbox with this access key."""
        return self._by_name.get(access_key) or self._lenient.get(access_key)

    def with_file_key(self, file_key: str) -> tuple[Sandbox, Task] | None:
        """The sandbox and the task whose links carry this key."""
        for box in self:
            task = box.facts.with_file_key(file_key)
            if task is not None:
                return box, task
        return None

    def taken(self, account: Account) -> bool:
        """Whether a world has one of these names already."""
        return any(self.named(name) is not None for name in (account.access_key, account.api_key))

    def add(self, box: Sandbox) -> None:
        """Make a world reachable."""
        self._know(box)

    def remove(self, access_key: str) -> Sandbox | None:
        """Forget a world; the default one stays."""
        box = self.named(access_key)
        if box is None or box is self.default:
            return None
        self._by_name = {name: known for name, known in self._by_name.items() if known is not box}
        self._lenient.pop(access_key, None)
        return box

    def _know(self, box: Sandbox) -> None:
        self._by_name[box.account.access_key] = self._by_name[box.account.api_key] = box

    def _lenient_world(self, name: str) -> Sandbox:
        box = self._lenient.pop(name, None)
        if box is None:
            box = self._like_default(Account(access_key=name, secret_key=secrets.token_hex(16), api_key=name))
        self._lenient[name] = box
        if len(self._lenient) > _MAX_LENIENT:
            dropped, _ = self._lenient.popitem(last=False)
            _log.warning("sandbox-dropped reason=too-many kept=%d name-chars=%d", _MAX_LENIENT, len(dropped))
        return box

    def _like_default(self, account: Account) -> Sandbox:
        model = self.default
        return Sandbox(account, model.document, Clock(model.clock.rate), model.settings, model.library, model.scenario)


def new_seed() -> str:
    """A seed for a world that was given none."""
    return str(secrets.randbelow(2**32))


def new_account() -> Account:
    """Fresh credentials of the real service's shape (kling-facts 2.1, 2.2)."""
    return Account(secrets.token_hex(16), secrets.token_hex(16), f"api-key-kling-{secrets.token_hex(22)[:43]}")
