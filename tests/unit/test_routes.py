"""Routes that plan their dependencies answer like FastAPI's own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request, Response  # noqa: TID251
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from app.errors import ValidationFailed
from app.routing import Route

_ID = "018f0000-0000-7000-8000-000000000000"


class _Body(BaseModel):
    text: str = Field(min_length=2)


class _Out(BaseModel):
    text: str
    note: str | None = None


_ran: list[str] = []
"""What ran, in order."""


async def _caller(request: Request, x_user: Annotated[str | None, Header(max_length=5)] = None) -> str:
    _ran.append("caller")
    if x_user is None:
        raise HTTPException(401)
    return f"{x_user}@{request.url.path}"


async def _lease(_caller: Annotated[str, Depends(_caller)]) -> AsyncIterator[str]:
    _ran.append("lease taken")
    yield "lease"
    _ran.append("lease given back")


async def _option(size: Annotated[int, Query(ge=1)] = 3) -> int:
    _ran.append("option")
    return size


async def _doubled(size: Annotated[int, Depends(_option)]) -> int:
    _ran.append("doubled")
    return size * 2


async def _plain(
    size: Annotated[int, Depends(_option)], twice: Annotated[int, Depends(_doubled)]
) -> list[int]:
    _ran.append("plain")
    return [size, twice]


async def _who(
    item: UUID, user: Annotated[str, Depends(_caller)], *, deep: bool = False
) -> StreamingResponse:
    _ran.append(f"who {item} {user} {deep}")

    async def pieces() -> AsyncIterator[str]:
        _ran.append("streaming")
        yield "piece"

    return StreamingResponse(pieces())


async def _body(
    user: Annotated[str, Depends(_caller)], response: Response, body: _Body, limit: int = 1
) -> _Out:
    response.headers["Location"] = "/there"
    if limit == 2:  # sets another status
        response.status_code = 202
    return _Out(text=f"{body.text} {user}")


async def _optional(body: _Body | None = None) -> _Out:
    return _Out(text=body.text if body else "nothing")


async def _gone() -> None:
    _ran.append("gone")


def _app(route_class: type[APIRoute]) -> FastAPI:
    router = APIRouter(route_class=route_class)
    router.get("/plain")(_plain)
    router.get("/who/{item}", dependencies=[Depends(_lease)])(_who)
    router.post("/body", status_code=201, response_model_exclude_none=True)(_body)
    router.post("/optional")(_optional)
    router.delete("/gone", status_code=204)(_gone)
    app = FastAPI()
    app.router.routes += router.routes

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        found = [(tuple(each["loc"]), each["type"], each["msg"]) for each in error.errors()]
        _ran.append(f"{len(found)} problems")
        return JSONResponse(list(dict.fromkeys(found)), 422)  # FastAPI repeats those of a shared dependency

    @app.exception_handler(ValidationFailed)
    async def _failed(_request: Request, _error: ValidationFailed) -> JSONResponse:
        return JSONResponse({"detail": "There was an error parsing the body"}, 400)

    return app


def _answer(route_class: type[APIRoute], request: httpx.Request) -> tuple[object, ...]:
    _ran.clear()

    async def send() -> tuple[object, ...]:
        transport = httpx.ASGITransport(_app(route_class))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.send(request)
        ran = [entry for entry in _ran if not entry.endswith("problems")]
        return answer.status_code, answer.content, sorted(answer.headers.items()), ran, list(_ran)

    return asyncio.run(send())


_USER = {"X-User": "ann"}
_JSON = {**_USER, "Content-Type": "application/json"}


@pytest.mark.parametrize(
    "request_",
    [
        httpx.Request("GET", "http://test/plain"),
        httpx.Request("GET", "http://test/plain?size=7"),
        httpx.Request("GET", "http://test/plain?size=7&size=8"),
        httpx.Request("GET", "http://test/plain?size="),
        httpx.Request("GET", f"http://test/who/{_ID}", headers=_USER),
        httpx.Request("GET", f"http://test/who/{_ID}?deep=true", headers=_USER),
        httpx.Request("GET", f"http://test/who/{_ID}"),
        httpx.Request("GET", "http://test/who/7?deep=maybe", headers=_USER),
        httpx.Request("GET", "http://test/who/7?deep=maybe"),
        httpx.Request("GET", f"http://test/who/{_ID}", headers={"X-User": "a name too long"}),
        httpx.Request("POST", f"http://test/who/{_ID}", headers=_USER),
        httpx.Request("POST", "http://test/body", headers=_JSON, content=b'{"text": "hello"}'),
        httpx.Request("POST", "http://test/body?limit=2", headers=_JSON, content=b'{"text": "hello"}'),
        httpx.Request("POST", "http://test/body?limit=x", headers=_JSON, content=b'{"text": "h"}'),
        httpx.Request("POST", "http://test/body", headers=_JSON, content=b'{"text": '),
        httpx.Request("POST", "http://test/body", headers=_JSON, content=b"\xff"),
        httpx.Request("POST", "http://test/body", headers=_JSON, content=b"null"),
        httpx.Request("POST", "http://test/body", headers=_JSON),
        httpx.Request("POST", "http://test/body", content=b'{"text": "hello"}', headers=_USER),
        httpx.Request(
            "POST", "http://test/body", content=b"{}", headers={"Content-Type": "application/json"}
        ),
        httpx.Request("POST", "http://test/optional"),
        *(
            httpx.Request(
                "POST", "http://test/optional", headers={"Content-Type": kind}, content=b'{"text": "hey"}'
            )
            for kind in (
                "application/json; charset=utf-8",
                "Application/X+JSON",
                "text/x+json",
                "application/jsonl",
            )
        ),
        httpx.Request("POST", "http://test/optional", headers=_JSON, content=b'{"text": "hello"}'),
        httpx.Request("POST", "http://test/optional", headers=_JSON, content=b'{"text": 1}'),
        httpx.Request("DELETE", "http://test/gone"),
        httpx.Request("GET", "http://test/nowhere"),
    ],
    ids=lambda request: f"{request.method} {request.url.raw_path.decode()} {request.content!r}",
)
def test_a_route_answers_as_fastapi_does(request_: httpx.Request) -> None:
    """What follows a `yield` runs after the response, in the same order. Red without any step of a plan."""
    assert _answer(Route, request_)[:-1] == _answer(APIRoute, request_)[:-1]


def test_problems_of_one_dependency_are_reported_once() -> None:
    status, *_, log = _answer(Route, httpx.Request("GET", "http://test/plain?size=0"))
    assert (status, log) == (422, ["1 problems"])


def test_a_dependency_that_would_run_in_a_thread_is_refused_at_the_start() -> None:
    def blocking() -> int:
        return 1

    router = APIRouter(route_class=Route)
    with pytest.raises(TypeError, match="no coroutine"):

        @router.get("/")
        async def read(value: Annotated[int, Depends(blocking)]) -> int:
            return value
