"""The OpenAPI document is built beside other requests, once."""

import asyncio
import threading

import httpx
from fastapi import FastAPI

from app.openapi.serving import add_document_route
from tests.support.user import Json


async def _get(app: FastAPI, *, root_path: str = "") -> Json:
    transport = httpx.ASGITransport(app, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as anyone:
        found: Json = (await anyone.get(f"{root_path}/openapi.json")).raise_for_status().json()
        return found


def test_the_loop_runs_while_the_document_is_built() -> None:
    """Red when it is built on the loop, which then cannot set the event."""
    may_end = threading.Event()
    builds: list[bool] = []

    def build() -> Json:
        builds.append(may_end.wait(10))
        return {"openapi": "3.1.0", "servers": [{"url": "/"}]}

    async def ask() -> tuple[Json, Json]:
        app = FastAPI(openapi_url=None)
        add_document_route(app, "/openapi.json", build)
        asyncio.get_running_loop().call_later(0.1, may_end.set)
        first, second = await asyncio.gather(_get(app), _get(app))
        return first, second

    first, second = asyncio.run(ask())
    assert builds == [True]
    assert first == second == {"openapi": "3.1.0", "servers": [{"url": "/"}]}


def test_servers_begin_with_the_root_path_of_a_proxy() -> None:
    app = FastAPI(openapi_url=None)
    add_document_route(app, "/openapi.json", app.openapi)
    assert asyncio.run(_get(app, root_path="/chat"))["servers"] == [{"url": "/chat"}]
