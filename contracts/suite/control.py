"""Speaks to a double's control plane, which makes promises about time quick. Nothing else in the suite knows it."""

from typing import Any

import httpx

from contracts.suite.findings import Unreachable
from contracts.suite.trust import trusted


class Control:
    """The routes under `/__kling/` that the suite uses (interfaces, "The control plane")."""

    def __init__(self, root: str, token: str = "") -> None:
        self._root = root.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(timeout=30, trust_env=False, verify=trusted(), headers=headers)

    def sandbox(self, **settings: Any) -> dict[str, str] | None:
        """The keys of a new account with a frozen clock; None where accounts cannot be made."""
        reply = self._ask("POST", "/sandboxes", {"rate": 0, **settings})
        return dict(reply.json()) if reply.status_code == 201 else None

    def forget(self, access_key: str) -> None:
        """Let a sandbox go."""
        self._ask("DELETE", f"/sandboxes/{access_key}")

    def clock(self, access_key: str) -> int:
        """The account's time, Unix milliseconds."""
        return int(self._told(self._ask("GET", f"/clock?sandbox={access_key}"))["now_ms"])

    def advance(self, access_key: str, ms: int) -> int:
        """Move the account's clock; its new time."""
        return int(self._told(self._ask("POST", f"/clock?sandbox={access_key}", {"advance_ms": ms}))["now_ms"])

    def freeze(self, access_key: str) -> None:
        """Stop the account's clock."""
        self._told(self._ask("POST", f"/clock?sandbox={access_key}", {"rate": 0}))

    def end(self, access_key: str, task_id: str, status: str, message: str) -> bool:
        """Give a task an end by hand; whether that could be done."""
        wish = {"status": status, "message": message}
        return self._ask("POST", f"/tasks/{task_id}/status?sandbox={access_key}", wish).status_code == 200

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _ask(self, method: str, path: str, content: Any = None) -> httpx.Response:
        try:
            return self._client.request(method, self._root + path, json=content)
        except httpx.HTTPError as error:
            raise Unreachable(f"the control plane {self._root} does not answer: {error}") from error

    def _told(self, reply: httpx.Response) -> dict[str, Any]:
        if reply.status_code != 200:
            raise Unreachable(f"the control plane {self._root} answered {reply.status_code}: {reply.text[:200]}")
        return dict(reply.json())
