"""The two servers the benchmark compares, each on klingmock's own server stack: `starlette` or `double`."""

import json
import sys
import time

import httpx
import jwt
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mockserver import launch
from mockserver.server import Server, listen
from mockserver.values import Account

ACCOUNT = Account("benchaccesskey00000000000000000000", "benchsecretkey00000000000000000000", "api-key-kling-bench")
PATH = "/v1/videos/multi-image2video"
SAMPLE = {
    "code": 0,
    "message": "SUCCEED",
    "request_id": "3d67a2e2-cec7-4571-ba0d-556668ff7e82",
    "data": {
        "task_id": "866889456698785798",
        "task_status": "submitted",
        "task_status_msg": "",
        "task_info": {},
        "watermark_info": {"enabled": False},
        "created_at": 1774711071284,
        "updated_at": 1774711071284,
    },
}


async def bare_get(_: Request) -> JSONResponse:
    """A constant reply."""
    return JSONResponse(SAMPLE)


async def bare_post(request: Request) -> JSONResponse:
    """A constant reply to a body that is parsed."""
    await request.json()
    return JSONResponse(SAMPLE)


def starlette_app() -> Starlette:
    """What Starlette's own documentation would have one write."""
    routes = [Route(f"{PATH}/{{id}}", bare_get), Route(PATH, bare_post, methods=["POST"])]
    return Starlette(routes=routes)


async def main(kind: str) -> None:
    """Serve until ended."""
    house = launch.build(launch.Options(account=ACCOUNT, seed="bench", pace="instant", speed=1, concurrency=10**9))
    claims = {"iss": ACCOUNT.access_key, "exp": int(time.time()) + 1800, "nbf": int(time.time()) - 5}  # noqa: TID251  a client
    token = jwt.encode(claims, ACCOUNT.secret_key, algorithm="HS256")
    task_id = "866889456698785798"
    if kind == "double":
        task_id = await first_task(house, token)
    listener = listen("127.0.0.1", 0)
    listener.listen()
    print(json.dumps({"port": listener.getsockname()[1], "token": token, "task_id": task_id}), flush=True)
    await Server(house.app if kind == "double" else starlette_app()).serve(sockets=[listener])


async def first_task(house: launch.House, token: str) -> str:
    """A task to ask for, made through the application itself."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url="http://127.0.0.1") as client:
        body = {"image_list": [{"image": "https://example.com/a.png"}], "prompt": "bench"}
        reply = await client.post(PATH, json=body, headers={"Authorization": f"Bearer {token}"})
    return str(reply.json()["data"]["task_id"])


if __name__ == "__main__":
    launch._tune_garbage_collector()  # noqa: SLF001  the same start as the command line's
    uvloop.run(main(sys.argv[1]))
