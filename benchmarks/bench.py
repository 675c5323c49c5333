"""How much of a bare Starlette route's speed the whole double keeps: both on the same server, in turn, within one run.

Starlette: a function route that returns JSONResponse, after `await request.json()` for POST. The double: token verified,
request and reply validated, stored, journaled. Speeds of shared machines swing within seconds, so both servers live side by
side and are called by turns for short slices; the portable figure is the median of the ratios of neighbouring slices.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvloop

HERE = Path(__file__).parent
PAIRS, SECONDS, CONNECTIONS, WARM_UP = 40, 0.25, 32, 0.5
PATH = "/v1/videos/multi-image2video"
BODY = json.dumps(
    {
        "model_name": "kling-v1-6",
        "image_list": [{"image": "https://example.com/dog.png"}, {"image": "https://example.com/cloth.png"}],
        "prompt": "A white Bichon Frise wearing a red floral cotton jacket, licking its paw",
        "negative_prompt": "",
        "mode": "pro",
        "duration": "5",
        "aspect_ratio": "16:9",
        "callback_url": "",
        "external_task_id": "",
    }
).encode()


@dataclass(frozen=True)
class Server:
    """A server under load."""

    process: subprocess.Popen[str]
    port: int
    token: str
    task_id: str

    def cpu_s(self) -> float:
        """Processor time used so far, seconds."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def stop(self) -> None:
        """End it by its pid."""
        self.process.terminate()
        self.process.wait(10)


class Caller(asyncio.Protocol):
    """One keep-alive connection that sends the same request again as soon as it is answered."""

    def __init__(self, request: bytes, tally: list[int]) -> None:
        self._request, self._tally = request, tally
        self._left, self._head = 0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._left:
            self._left -= len(data)
        else:
            head, _, rest = (self._head + data).partition(b"\r\n\r\n")
            if b"200 OK" not in head[:20]:
                raise SystemExit(f"unexpected answer: {data[:300]!r}")
            length = int(head.lower().rpartition(b"content-length: ")[2].split(b"\r\n")[0])
            self._left = length - len(rest)
        if self._left == 0:
            self._tally[0] += 1
            self._transport.write(self._request)


async def load(port: int, request: bytes, seconds: float) -> tuple[int, float]:
    """Requests answered and the time it took."""
    loop, tally = asyncio.get_running_loop(), [0]
    started = time.perf_counter()
    made = [await loop.create_connection(lambda: Caller(request, tally), "127.0.0.1", port) for _ in range(CONNECTIONS)]
    await asyncio.sleep(seconds)
    answered, took = tally[0], time.perf_counter() - started
    for transport, _ in made:
        transport.abort()
    return answered, took


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body if body else f"{head}\r\n".encode()


def start(kind: str) -> Server:
    """Start one of the two servers on a free port."""
    process = subprocess.Popen([sys.executable, str(HERE / "servers.py"), kind], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    return Server(process, ready["port"], ready["token"], ready["task_id"])


def measure(server: Server, asked: bytes) -> tuple[float, float]:
    """Requests a second, and processor microseconds a request."""
    before = server.cpu_s()
    answered, took = uvloop.run(load(server.port, asked, SECONDS))
    return answered / took, (server.cpu_s() - before) / answered * 1e6


def compare(method: str) -> dict[str, float]:
    """Both servers by turns; a ratio above 1 says that the double is the faster one."""
    servers = {"starlette": start("starlette"), "double": start("double")}
    measured: dict[str, list[tuple[float, float]]] = {kind: [] for kind in servers}
    try:
        asked = {kind: request(method, *target(method, server)) for kind, server in servers.items()}
        for kind, server in servers.items():
            uvloop.run(load(server.port, asked[kind], WARM_UP))
        for _ in range(PAIRS):
            for kind, server in servers.items():
                measured[kind].append(measure(server, asked[kind]))
    finally:
        for server in servers.values():
            server.stop()
    return summary(measured)


def target(method: str, server: Server) -> tuple[str, str, bytes]:
    """Path, token and body of a request."""
    return (PATH, server.token, BODY) if method == "POST" else (f"{PATH}/{server.task_id}", server.token, b"")


def main() -> None:
    """Run, print the table and write it as JSON."""
    results = {}
    for method in ("GET", "POST"):
        results[method] = compare(method)
        print(line(method, results[method]), flush=True)
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    if min(min(row["rate_ratio"], row["cpu_ratio"]) for row in results.values()) < 0.8:
        sys.exit("the double keeps less than 0.8 of a bare Starlette route")


def summary(measured: dict[str, list[tuple[float, float]]]) -> dict[str, float]:
    """Medians over the slices, and of the ratios of each pair of neighbours."""
    pairs = list(zip(measured["starlette"], measured["double"], strict=True))
    row: dict[str, float] = {"pairs": len(pairs)}
    for kind, slices in measured.items():
        row[f"{kind}_rps"] = round(statistics.median(rate for rate, _ in slices))
        row[f"{kind}_cpu_us"] = round(statistics.median(cpu for _, cpu in slices), 1)
    row["rate_ratio"] = round(statistics.median(double[0] / bare[0] for bare, double in pairs), 3)
    row["cpu_ratio"] = round(statistics.median(bare[1] / double[1] for bare, double in pairs), 3)
    return row


def line(method: str, row: dict[str, float]) -> str:
    """One line of the table."""
    return (
        f"{method:4}  starlette {row['starlette_rps']:>6}/s {row['starlette_cpu_us']:>6} us   "
        f"double {row['double_rps']:>6}/s {row['double_cpu_us']:>6} us   "
        f"ratio by rate {row['rate_ratio']:.2f}, by processor time {row['cpu_ratio']:.2f}"
    )


if __name__ == "__main__":
    main()
