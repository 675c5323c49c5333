"""The plainest client there is, one connection a call, and the stage on which it plays a story: a sandbox of its own."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

TASKS = "/v1/videos/multi-image2video"
COSTS = "/account/costs?start_time=1&end_time=2"
PATIENCE_S = 10.0
SHORT_S = 0.3
"""How long silence must last to be one."""

DROPPED = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
"""What a dropped connection is to a client; `RemoteDisconnected` is a ConnectionResetError."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON, whatever its type says."""
        return json.loads(self.body)

    @property
    def brief(self) -> tuple[int, int]:
        """HTTP status and code of an envelope."""
        return self.status, self.json["code"]

    @property
    def data(self) -> Any:
        """The data of a success."""
        assert self.brief == (200, 0), self.body
        return self.json["data"]

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0]


def call(
    method: str, url: str, headers: Mapping[str, str], body: Any = None, *, timeout_s: float = PATIENCE_S
) -> Answer:
    """One call on a connection of its own. Raises what `http.client` raises."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    sent = None if body is None else json.dumps(body).encode()
    with closing(http.client.HTTPConnection(parts.netloc, timeout=timeout_s)) as connection:
        connection.request(method, path, sent, {"Content-Type": "application/json", **headers})
        with connection.getresponse() as reply:
            return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())


def is_refused(reply: Answer, status: int, code: int, says: str = "") -> bool:
    """Whether this is an error of the API: these three keys, this status, this code, these words."""
    assert (reply.brief, reply.media_type) == ((status, code), "application/json")
    assert sorted(reply.json) == ["code", "message", "request_id"]
    return says in reply.json["message"] and reply.json["message"] != ""


class Stage:
    """A sandbox that plays one story, its clock standing still; `word` is added to every prompt."""

    def __init__(self, server: Mapping[str, Any], story: str, *, word: str = "") -> None:
        self._url, self._word = server["url"], word
        made = call("POST", f"{self._url}/__kling/sandboxes", {}, {"scenario": story, "rate": 0})
        assert made.status == 201, made.body
        self.keys = made.json
        self.auth = f"Bearer {self.keys['api_key']}"

    # the API

    def api(self, method: str, path: str, body: Any = None, *, auth: str = "", timeout_s: float = PATIENCE_S) -> Answer:
        """A call of the API."""
        return call(method, self._url + path, {"Authorization": auth or self.auth}, body, timeout_s=timeout_s)

    def create(self, *, timeout_s: float = PATIENCE_S, **changes: Any) -> Answer:
        """A create call with a good body and these changes."""
        body = {"image_list": [{"image": "https://example.test/dog.png"}], "prompt": "a dog", **changes}
        body["prompt"] += self._word
        return self.api("POST", TASKS, body, timeout_s=timeout_s)

    def query(self, task_id: str, *, timeout_s: float = PATIENCE_S) -> Answer:
        """A query by either id."""
        return self.api("GET", f"{TASKS}/{quote(task_id, safe='')}", timeout_s=timeout_s)

    def listed(self) -> Answer:
        """A list call."""
        return self.api("GET", TASKS)

    def costs(self) -> Answer:
        """A question for the account's packs."""
        return self.api("GET", COSTS)

    def fetch(self, url: str, *, timeout_s: float = PATIENCE_S, **headers: str) -> Answer:
        """A plain GET of a result file, without a token."""
        return call("GET", url, headers, timeout_s=timeout_s)

    def accepted(self, **changes: Any) -> str:
        """The id of a new task."""
        return str(self.create(**changes).data["task_id"])

    def status(self, task_id: str) -> str:
        """What a query shows."""
        return str(self.query(task_id).data["task_status"])

    def ended(self, **changes: Any) -> str:
        """The id of a new task that has had time to end."""
        task_id = self.accepted(**changes)
        self.advance(10_000)
        return task_id

    @cached_property
    def video(self) -> str:
        """The link of a finished task's video."""
        return str(self.query(self.ended()).data["task_result"]["videos"][0]["url"])

    # the control plane

    def control(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """What the control plane says of this sandbox."""
        said = call(method, f"{self._url}/__kling/{path}?sandbox={self.keys['access_key']}", {}, body)
        assert said.status == 200, said.body
        return said.json

    def advance(self, ms: int) -> None:
        """Let so much sandbox time pass; callbacks that fall due are made meanwhile."""
        self.control("clock", "POST", {"advance_ms": ms})

    def tasks(self) -> list[dict[str, Any]]:
        """Every task there is."""
        return list(self.control("tasks")["tasks"])

    def units(self) -> str:
        """What it would have cost."""
        return str(self.control("ledger")["units"])

    def disrupted(self) -> list[str | None]:
        """What happened to each call on the wire, as the journal has it."""
        return [each["disrupted"] for each in self.control("calls")["calls"]]

    def inbox_url(self, name: str = "hook") -> str:
        """A callback_url whose deliveries can be read."""
        return f"{self._url}/__kling/inbox/{name}?sandbox={self.keys['access_key']}"

    def received(self, name: str = "hook") -> list[dict[str, Any]]:
        """What an inbox got, once everything that is due now was made."""
        self.advance(0)
        return list(self.control(f"inbox/{name}")["received"])

    def told(self, name: str = "hook") -> list[tuple[str, str]]:
        """The id and the status of each callback that has them."""
        return [(each["body"]["task_id"], each["body"]["task_status"]) for each in self.received(name)]


Play = Callable[[Stage], None]
"""A story's calls, with assertions on what came over the wire."""


class Plays(dict[str, Play]):
    """Plays by their story's name."""

    def of(self, name: str) -> Callable[[Play], Play]:
        """Make a function the play of this story."""

        def named(play: Play) -> Play:
            assert name not in self
            self[name] = play
            return play

        return named


@contextmanager
def receiver(during: Callable[[Any], object]) -> Iterator[str]:
    """The address of a tiny server that hands each callback to `during` and then answers 200."""

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            during(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Desk) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()
