"""Streams run outside of the layers that have opened them."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from app.middleware import StreamMiddleware


async def _receive() -> Message:
    return {"type": "http.disconnect"}


class _Request:
    """A request to a route that opens a stream; `steps` is what happened, in order."""

    def __init__(self, *, crashes: bool = False) -> None:
        self.scope: Scope = {"type": "http", "state": {}}
        self.steps: list[str] = []
        self._crashes = crashes

    def run(self) -> None:
        asyncio.run(StreamMiddleware(self._route)(self.scope, _receive, self._send))

    async def _send(self, message: Message) -> None:
        self.steps.append(str(message["body"]))

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        scope["route"] = "/events"
        scope["large"] = object()
        scope["state"]["stream"] = self._stream
        self.steps.append("route returned")

    async def _stream(self, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.body", "body": "an event"})
        if self._crashes:
            raise ZeroDivisionError


def test_a_stream_runs_after_its_route_has_returned() -> None:
    """Red when the route runs it: an idle client keeps the frames of all layers, 30 KiB."""
    request = _Request()
    request.run()
    assert request.steps == ["route returned", "an event"]
    assert request.scope == {"type": "http", "state": {}, "route": "/events"}


def test_a_crash_of_a_stream_is_logged_and_aborts_the_response() -> None:
    """Red when it is swallowed: the client takes a stream that broke off for one that ended."""
    request = _Request(crashes=True)
    with capture_logs() as logs, pytest.raises(ZeroDivisionError):
        request.run()
    assert [line["event"] for line in logs] == ["request_crashed"]
