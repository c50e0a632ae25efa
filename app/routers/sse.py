"""Responses of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Response
from starlette.types import Receive, Scope, Send

from app.errors import ValidationFailed
from app.kit.event_id import UNKNOWN_EVENT, EventId
from app.openapi import REPLY_EVENT_REFERENCE
from app.schemas.sse import ReplyDeltaEvent, write_events
from app.services.generation.reply_stream import ReplyStream
from app.services.usage.concurrency import ConcurrencyLease

EVENT_STREAM = "text/event-stream"
_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}

EVENTS_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "The reply's events: `message`, `start`, `delta`…, sometimes `restart`, and exactly one `end`. "
            "The schema describes the JSON in each event's `data`; its `type` is the event's name. Every "
            "event has an id: send the last one as `Last-Event-ID` to `…/events` to continue after it."
        ),
        "content": {
            EVENT_STREAM: {
                "schema": REPLY_EVENT_REFERENCE,
                "example": ReplyDeltaEvent(text="The tide").model_dump(),
            }
        },
    },
}


def wants_events(accept: str | None) -> bool:
    """Return whether an `Accept` header names events rather than one JSON response."""
    kinds = (kind.partition(";")[0].strip().lower() for kind in (accept or "").split(","))
    return EVENT_STREAM in kinds


def read_event_id(header: str | None) -> EventId | None:
    """Return the position in `Last-Event-ID`, or None without one; an id that no event has is unknown."""
    return (EventId.parse(header) or UNKNOWN_EVENT) if header else None


_KEY_MISSING = {
    "pointer": "/header/idempotency-key",
    "code": "missing",
    "message": "Last-Event-ID continues the stream of an earlier request only with its Idempotency-Key",
}


def read_resumption(last_event_id: str | None, idempotency_key: str | None) -> EventId | None:
    """Return the position after which a repeated POST continues its stream; None for a first request.

    Some libraries repeat a POST when its connection breaks, and add `Last-Event-ID`.

    Raises:
        ValidationFailed: without a key, the request would store and charge a second message.
    """
    position = read_event_id(last_event_id)
    if position is not None and idempotency_key is None:
        raise ValidationFailed(members={"errors": [_KEY_MISSING]})
    return position


class EventStreamResponse(Response):
    """Begins an event stream. `StreamMiddleware` runs it, when all layers inside of it have returned.

    It takes over the request's lease of a stream.
    """

    def __init__(self, stream: ReplyStream, headers: Mapping[str, str] | None = None) -> None:
        self.status_code = HTTPStatus.OK
        self.media_type = EVENT_STREAM
        self.background = None
        self._stream = stream
        self.init_headers({**_HEADERS, **(headers or {})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Send the head."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        state = scope["state"]
        state["stream"] = _OpenStream(self._stream, state.pop("lease")).run


class _OpenStream:
    """A stream that a client receives. While it waits, this is all that a listener costs."""

    __slots__ = ("_lease", "_send", "_stream")

    def __init__(self, stream: ReplyStream, lease: ConcurrencyLease) -> None:
        self._stream = stream
        self._lease = lease

    async def run(self, receive: Receive, send: Send) -> None:
        """Send the events until the stream is over or the client has left; then release the lease."""
        self._send = send
        leaving = asyncio.ensure_future(self._wait_until_left(receive))
        try:
            with self._stream:
                await write_events(self._stream, self._write)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()
            await self._lease.release()

    async def _write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def _wait_until_left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stream.stop()
