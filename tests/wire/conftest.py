"""The double as a stranger meets it: a process on a loopback socket. Nothing here reads the YAML or imports code."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

CREATE = "/v1/videos/multi-image2video"
START = [sys.executable, "-c", "from mockserver.cli import main; main()"]
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TEN_MB = 10_485_760
PATIENCE_S = 10.0


def wall_s() -> int:
    """Tokens are judged by the wall's clock, so they are made by it."""
    return int(time.time())  # noqa: TID251


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────────


def segment(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(secret: str, claims: object, *, header: dict[str, Any] | None = None, digest: str = "sha256") -> str:
    """A JSON web token, made without a library; `claims` may be raw bytes."""
    text = f"{segment(header or {'alg': 'HS256', 'typ': 'JWT'})}.{segment(claims)}"
    return f"{text}.{segment(hmac.digest(secret.encode(), text.encode(), digest))}"


# ── pictures ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Pictures:
    """Image files written byte by byte."""

    IEND = b"\0\0\0\0IEND\xaeB`\x82"

    @staticmethod
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def png(self, width: int = 300, height: int = 300, *, size: int = 0, real: tuple[int, int] | None = None) -> bytes:
        """A grey picture; `size` pads it to so many bytes, `real` is what the pixels show if the header lies."""
        columns, rows = real or (width, height)
        head = b"\x89PNG\r\n\x1a\n" + self.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        tail = self.chunk(b"IDAT", zlib.compress((b"\0" + b"\x80" * columns) * rows)) + self.IEND
        missing = size - len(head) - len(tail) - 12
        return head + (self.chunk(b"prVt", b"\x2a" * missing) if size else b"") + tail

    @staticmethod
    def jpeg(width: int = 300, height: int = 300, *, before: bytes = b"", sof: int = 0xC0) -> bytes:
        """A grey baseline JPEG with the smallest tables there are: every block is the two bits 00."""
        app0 = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
        dqt = b"\xff\xdb\0\x43\0" + b"\1" * 64
        frame = bytes([0xFF, sof]) + struct.pack(">HBHHB3B", 11, 8, height, width, 1, 1, 0x11, 0)
        dht = b"".join(b"\xff\xc4\0\x14" + bytes([kind]) + b"\1" + b"\0" * 15 + b"\0" for kind in (0x00, 0x10))
        scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\0" * (-(-width // 8) * -(-height // 8) // 4 + 1)
        return b"\xff\xd8" + app0 + before + dqt + frame + dht + scan + b"\xff\xd9"

    def jpeg_with_thumbnail(self) -> bytes:
        """300×300, whose Exif segment holds a whole JPEG of 160×120."""
        inner = b"Exif\0\0" + self.jpeg(160, 120)
        return self.jpeg(before=b"\xff\xe1" + struct.pack(">H", len(inner) + 2) + inner)

    @staticmethod
    def gif() -> bytes:
        return (
            b"GIF89a"
            + struct.pack("<HHBBB", 300, 300, 0x80, 0, 0)
            + b"\0\0\0\xff\xff\xff,\0\0\0\0\x2c\1\x2c\1\0\2\2D\1\0;"
        )

    @staticmethod
    def webp() -> bytes:
        data = b"VP8L" + struct.pack("<I", 10) + b"\x2f" + struct.pack("<I", 299 | 299 << 14) + b"\0" * 5
        return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WEBP" + data

    @staticmethod
    def bmp() -> bytes:
        return (
            b"BM"
            + struct.pack("<IHHI", 54 + 270000, 0, 0, 54)
            + struct.pack("<IiiHH", 40, 300, 300, 1, 24)
            + b"\0" * 24
        )

    @staticmethod
    def base64(image: bytes) -> str:
        return base64.b64encode(image).decode()


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    return Pictures()


# ── the double ────────────────────────────────────────────────────────────────────────────────────────────────────


class Double:
    """A running `klingmock serve` and the words to talk to it; time stands still in it until `advance`."""

    CREATE = CREATE
    TEN_MB = TEN_MB

    def __init__(self, process: subprocess.Popen[str], port_file: Path, lines: list[str]) -> None:
        self.process, self.port_file, self.lines = process, port_file, lines
        self.ready = json.loads(port_file.read_text())
        self.url, self.api_key = self.ready["url"], self.ready["api_key"]
        self.host = self.url.removeprefix("http://")
        self.http = httpx.Client(base_url=self.url, timeout=20, trust_env=False)

    # calls

    def token(
        self, *, header: dict[str, Any] | None = None, digest: str = "sha256", secret: str = "", **claims: Any
    ) -> str:
        """A good token; a claim given as `...` is left out, a number of `exp` and `nbf` counts from now."""
        full = {"iss": self.ready["access_key"], "exp": 1800, "nbf": -5} | claims
        now = {name: wall_s() if name in ("exp", "nbf") and type(v) in (int, float) else 0 for name, v in full.items()}
        kept = {name: value + now[name] if now[name] else value for name, value in full.items() if value is not ...}
        return sign(secret or self.ready["secret_key"], kept, header=header, digest=digest)

    def signed(self, claims: object) -> str:
        return sign(self.ready["secret_key"], claims)

    def call(
        self, method: str, path: str, *, auth: str | None = "", headers: Any = (), **options: Any
    ) -> httpx.Response:
        """`auth` is the whole header; the account's API key unless given; `None` sends none."""
        who = {} if auth is None else {"Authorization": auth or f"Bearer {self.api_key}"}
        return self.http.request(method, path, headers=who | dict(headers), **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def page(self, query: str = "", **options: Any) -> httpx.Response:
        return self.call("GET", CREATE + (f"?{query}" if query else ""), **options)

    def body(self, **changes: Any) -> dict[str, Any]:
        """A good create body; `...` takes a field out."""
        full = {"image_list": [{"image": "https://example.test/dog.png"}], "prompt": "a dog"} | changes
        return {name: value for name, value in full.items() if value is not ...}

    def submit(self, **changes: Any) -> httpx.Response:
        """The answer to a create call."""
        return self.call("POST", CREATE, json=self.body(**changes))

    def send(self, content: Any, **headers: str) -> httpx.Response:
        """The answer to a create call with this very body."""
        return self.call("POST", CREATE, content=content, headers={"Content-Type": "application/json"} | headers)

    def submit_image(self, image: bytes | str) -> httpx.Response:
        text = image if isinstance(image, str) else Pictures.base64(image)
        return self.submit(image_list=[{"image": text}])

    def create(self, **changes: Any) -> dict[str, Any]:
        """A new task's data."""
        return self.granted(self.submit(**changes))

    def query(self, task_id: str) -> dict[str, Any]:
        return self.granted(self.get(f"{CREATE}/{quote(task_id, safe='')}"))

    def finished(self, **changes: Any) -> dict[str, Any]:
        """A task that has succeeded."""
        task_id = self.create(**changes)["task_id"]
        self.advance(10_000)
        return self.query(task_id)

    def newest(self) -> str:
        """The newest task's id: what a refused call must not change."""
        tasks = self.granted(self.page("pageSize=1"))
        return tasks[0]["task_id"] if tasks else ""

    # judgements

    @staticmethod
    def granted(reply: httpx.Response) -> Any:
        """The data of a success, whose envelope is checked."""
        body = reply.json()
        assert (reply.status_code, body.get("code")) == (200, 0), reply.text[:500]
        assert list(body) == ["code", "message", "request_id", "data"]
        assert body["message"] == "SUCCEED"
        assert UUID4.fullmatch(body["request_id"])
        assert reply.headers["content-type"].split(";")[0] == "application/json"
        return body["data"]

    @staticmethod
    def refusal(reply: httpx.Response) -> tuple[int, int, str]:
        """Status, code and message of an error, whose body is checked."""
        assert reply.headers["content-type"].split(";")[0] == "application/json", reply.text[:500]
        body = reply.json()
        assert sorted(body) == ["code", "message", "request_id"]
        assert type(body["code"]) is int
        assert isinstance(body["message"], str)
        assert body["message"]
        assert UUID4.fullmatch(body["request_id"])
        return reply.status_code, body["code"], body["message"]

    # the control plane

    def control(self, path: str, method: str = "GET", **options: Any) -> Any:
        reply = self.call(method, f"/__kling/{path}", **options)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def advance(self, ms: int) -> dict[str, Any]:
        return self.control("clock", "POST", json={"advance_ms": ms})

    def now_ms(self) -> int:
        return self.control("clock")["now_ms"]

    def deliveries(self, task_id: str) -> list[dict[str, Any]]:
        return [each for each in self.control("callbacks")["callbacks"] if each["task_id"] == task_id]

    def moments(self, task_id: str) -> list[tuple[str, int]]:
        """When which status begins."""
        axis = self.control(f"tasks/{task_id}")["timeline"]
        return [(mark["status"], mark["at_ms"]) for mark in axis if mark["kind"] == "status"]

    # the bare socket

    @contextmanager
    def connect(self) -> Iterator[socket.socket]:
        address = urlsplit(self.url)
        with socket.create_connection((address.hostname, address.port), timeout=PATIENCE_S) as bare:
            yield bare

    def raw(self, sent: bytes, *, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """One reply to these very bytes."""
        with self.connect() as bare:
            bare.sendall(sent)
            return self.reply(bare, method)

    @staticmethod
    def reply(bare: socket.socket, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        with http.client.HTTPResponse(bare, method=method) as reply:
            reply.begin()
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()

    def head(self, method: str, path: str, *extra: str) -> bytes:
        """A request's head with a good credential, for `raw`."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", f"Authorization: Bearer {self.api_key}", *extra]
        return "\r\n".join([*lines, "", ""]).encode()

    def pour(self, head: bytes, chunk: bytes, times: int) -> tuple[int, dict[str, str], bytes]:
        """Send piece by piece until there is an answer; an early one may close the line."""
        with self.connect() as bare:
            with suppress(ConnectionError):
                for piece in [head, *[chunk] * times]:
                    bare.sendall(piece)
                    if select.select([bare], [], [], 0)[0]:
                        break
            return self.reply(bare)

    # the end

    def stop(self, sent: int = signal.SIGTERM) -> int:
        """End the process and return its exit status."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(sent)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def start(where: Path, *flags: str, **environment: str) -> Double:
    """A new double on a free port, once it says that it is ready."""
    port_file = where / "ready.json"
    command = [*START, "serve", "--port", "0", "--port-file", str(port_file), *flags]
    env = os.environ | environment
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, cwd=where)
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith("listening on "):
            break
    else:
        process.wait(PATIENCE_S)
        pytest.fail("the double did not start:\n" + "\n".join(lines))
    threading.Thread(target=_drain, args=(process, lines), daemon=True).start()
    return Double(process, port_file, lines)


def _drain(process: subprocess.Popen[str], lines: list[str]) -> None:
    """A full pipe would hold up the double."""
    assert process.stdout
    with suppress(ValueError), process.stdout:
        lines.extend(line.rstrip("\n") for line in process.stdout)


@pytest.fixture(scope="session")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Double]]:
    """Starts doubles that live as long as the session."""
    kept: list[Double] = []

    def keep(*flags: str) -> Double:
        kept.append(start(tmp_path_factory.mktemp("double"), "--speed", "0", *flags))
        return kept[-1]

    yield keep
    for each in kept:
        each.stop()


@pytest.fixture(scope="session")
def double(keeper: Callable[..., Double]) -> Double:
    """The double most checks talk to: no slots to run out of, time stands still."""
    return keeper("--concurrency", "100000")


@pytest.fixture(scope="session")
def slots(keeper: Callable[..., Double]) -> Double:
    """A double with the documented concurrency and paces as they come; emptied before each use."""
    return keeper()


@pytest.fixture(scope="session")
def purse(keeper: Callable[..., Double]) -> Double:
    """A double whose account holds 10 units, and a single slot."""
    return keeper("--balance", "10", "--concurrency", "3")


SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="


@pytest.fixture(scope="session")
def switched(keeper: Callable[..., Double]) -> Double:
    """A double that signs, reports ends only, tries again, and builds its links from a public address."""
    choices = ["--choose", "callback_statuses=terminal", "--choose", "callback_retries=five_tries"]
    return keeper("--webhook-secret", SECRET, "--public-url", "https://media.kling.test:8443", *choices)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Double]]:
    """Starts doubles that one test looks at, alive or dying."""
    started: list[Double] = []

    def run_one(*flags: str, **environment: str) -> Double:
        started.append(start(tmp_path, *flags, **environment))
        return started[-1]

    yield run_one
    for each in started:
        each.stop()


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a `klingmock` command to its end."""

    def run_command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*START, *words], capture_output=True, text=True, timeout=PATIENCE_S, cwd=tmp_path, check=False
        )

    return run_command


# ── a receiver of callbacks ───────────────────────────────────────────────────────────────────────────────────────


class Receiver:
    """A tiny HTTP server that keeps what is posted to it and answers as told."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.headers: dict[str, str] = {}
        self.during: Callable[[], object] = lambda: None
        self.news = threading.Condition()
        outer = self

        class Desk(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.take(self)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def take(self, desk: BaseHTTPRequestHandler) -> None:
        raw = desk.rfile.read(int(desk.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in desk.headers.items()}
        with self.news:
            self.got.append({"path": desk.path, "method": desk.command, "headers": headers, "raw": raw})
            status = self.answers.pop(0) if self.answers else 200
            self.news.notify_all()
        self.during()
        desk.send_response(status)
        for name, value in ({"Content-Length": "0"} | self.headers).items():
            desk.send_header(name, value)
        desk.end_headers()

    def wait(self, count: int) -> list[dict[str, Any]]:
        """What was posted, once there are so many."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.got) >= count, PATIENCE_S), f"{len(self.got)} of {count} came"
            return list(self.got)

    def tasks(self, count: int) -> list[dict[str, Any]]:
        return [json.loads(each["raw"]) for each in self.wait(count)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    desk = Receiver()
    yield desk
    desk.server.shutdown()
    desk.server.server_close()


@pytest.fixture(scope="session")
def webhook_signature() -> Callable[[dict[str, str], bytes], str]:
    """What the Standard Webhooks say the signature of such a delivery is."""

    def signature(headers: dict[str, str], raw: bytes) -> str:
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
        return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()

    return signature
