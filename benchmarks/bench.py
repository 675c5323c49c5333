"""How much of a bare Starlette route's speed the whole double keeps: both on the same server, in turn, within one run.

Starlette: a function route that returns JSONResponse, after `await request.json()` for POST. The double: token verified,
request and reply validated, stored, journaled. The portable figures are the ratios; rates on shared machines swing.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

HERE = Path(__file__).parent
ROUNDS, SECONDS, CONNECTIONS, WARM_UP = 5, 1.5, 32, 0.3
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
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

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
        self._transport = transport
        transport.write(self._request)  # type: ignore[attr-defined]

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
            self._transport.write(self._request)  # type: ignore[attr-defined]


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


def measure(server: Server, method: str) -> tuple[float, float]:
    """Requests a second, and processor microseconds a request."""
    path, body = (PATH, BODY) if method == "POST" else (f"{PATH}/{server.task_id}", b"")
    asked = request(method, path, server.token, body)
    uvloop.run(load(server.port, asked, WARM_UP))
    before = server.cpu_s()
    answered, took = uvloop.run(load(server.port, asked, SECONDS))
    return answered / took, (server.cpu_s() - before) / answered * 1e6


def main() -> None:
    """Run, print the table and write it as JSON."""
    results: dict[str, dict[str, float]] = {}
    for method in ("GET", "POST"):
        rows: dict[str, list[tuple[float, float]]] = {"starlette": [], "double": []}
        for _ in range(ROUNDS):
            for kind, measured in rows.items():
                server = start(kind)
                try:
                    measured.append(measure(server, method))
                finally:
                    server.stop()
        results[method] = summary(rows)
        print(line(method, results[method]), flush=True)
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    if min(min(row["rate_ratio"], row["cpu_ratio"]) for row in results.values()) < 0.8:
        sys.exit("the double keeps less than 0.8 of a bare Starlette route")


def summary(rows: dict[str, list[tuple[float, float]]]) -> dict[str, float]:
    """Medians over the rounds; a ratio above 1 says that the double is the faster one."""
    rate = {kind: statistics.median(each[0] for each in measured) for kind, measured in rows.items()}
    cpu = {kind: statistics.median(each[1] for each in measured) for kind, measured in rows.items()}
    return {
        "starlette_rps": round(rate["starlette"]),
        "double_rps": round(rate["double"]),
        "rate_ratio": round(rate["double"] / rate["starlette"], 3),
        "starlette_cpu_us": round(cpu["starlette"], 1),
        "double_cpu_us": round(cpu["double"], 1),
        "cpu_ratio": round(cpu["starlette"] / cpu["double"], 3),
    }


def line(method: str, row: dict[str, float]) -> str:
    """One line of the table."""
    return (
        f"{method:4}  starlette {row['starlette_rps']:>6}/s {row['starlette_cpu_us']:>6} us   "
        f"double {row['double_rps']:>6}/s {row['double_cpu_us']:>6} us   "
        f"ratio by rate {row['rate_ratio']:.2f}, by processor time {row['cpu_ratio']:.2f}"
    )


if __name__ == "__main__":
    main()
