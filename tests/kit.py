"""What tests make and share: an account, requests, pictures, copies of the document, a client and a receiver."""

import asyncio
import itertools
import shutil
import struct
import zlib
from pathlib import Path

import httpx

from mockserver import launch, resources
from mockserver.values import Account

ACCOUNT = Account("test-access-key-0123456789012345", "test-secret-key-0123456789012345", "api-key-kling-test")
PATH = "/v1/videos/multi-image2video"
BODY = {"image_list": [{"image": "https://example.com/a.png"}], "prompt": "a dog"}
START_MS = 1_790_000_000_000


def client(house: launch.House) -> httpx.AsyncClient:
    """An in-process client that is let in by its API key."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(house.app),
        base_url="http://double.test:1234",
        headers={"Authorization": f"Bearer {ACCOUNT.api_key}"},
    )


def png(width: int, height: int, *, end: bool = True) -> bytes:
    """A PNG with a header and, mostly, an end; its pixels are nobody's business."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"x") + (chunk(b"IEND", b"") if end else b"")


def jpeg(width: int, height: int, *, end: bool = True) -> bytes:
    """A JPEG with an EXIF segment that holds a thumbnail's marks, a frame, a scan and, mostly, an end."""
    exif = b"\xff\xe1" + struct.pack(">H", 2 + 8) + b"\xff\xd8\xff\xc0\xff\xd9xx"
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 8, 8, height, width, 0)
    return b"\xff\xd8" + exif + frame + b"\xff\xda\x00\x02scan" + (b"\xff\xd9" if end else b"")


def padding(size: int) -> bytes:
    """An ancillary PNG chunk."""
    return struct.pack(">I", size) + b"teSt" + bytes(size) + b"crc!"


def edited(folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of the document in which one file reads differently."""
    copy = folder / "openapi"
    shutil.copytree(resources.OPENAPI_ROOT.parent, copy)
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1))
    return copy / "openapi.yaml"


def with_toy_product(folder: Path) -> Path:
    """A copy of the document with one more product, made of YAML only."""
    copy = folder / "openapi"
    shutil.copytree(resources.OPENAPI_ROOT.parent, copy)
    page = (copy / "paths/multi-image2video.yaml").read_text()
    toy = page.replace("MultiImageToVideo", "ToyToVideo").replace("multi-image2video", "toy2video")
    toy = toy.replace("kling-v1-6", "toy-1").replace("enum: [std, pro]", "enum: [std, pro, lux]")
    toy = toy.replace('pro: {"5": "3.5", "10": "7"}', 'pro: {"5": "3.5"}\n          lux: {"10": "99"}')
    toy = toy.replace('        pro: {"16:9": [1920', '        lux: {"16:9": [1000, 500]}\n        pro: {"16:9": [1920')
    (copy / "paths/toy.yaml").write_text(toy)
    root = copy / "openapi.yaml"
    lines = root.read_text().replace(
        "  /account/costs:",
        "  /v1/toys/toy2video: {$ref: paths/toy.yaml#/collection}\n"
        "  /v1/toys/toy2video/{id}: {$ref: paths/toy.yaml#/item}\n"
        "  /account/costs:",
    )
    root.write_text(lines)
    return root


class Receiver:
    """A receiver on a real loopback socket that answers what it is told."""

    def __init__(self, *answers: int) -> None:
        self.answers = itertools.chain(answers, itertools.repeat(200))
        self.bodies: list[bytes] = []

    async def __aenter__(self) -> "Receiver":
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        self.bodies.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % next(self.answers))
        await writer.drain()
        writer.close()
