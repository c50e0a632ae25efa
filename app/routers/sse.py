"""Server-sent events, pre-encoded (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi.responses import StreamingResponse

from app.openapi import REPLY_EVENT_REFERENCE
from app.schemas.examples.chat import STREAM
from app.schemas.sse import SseEvent

EVENT_STREAM = "text/event-stream"
_RETRY = b"retry: 2000\n\n"
_SIGN_OF_LIFE = b": still here\n\n"
_GO_ON_ELSEWHERE = b"retry: 500\n\n"
_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}

EVENTS_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "The reply's events: `message`, `start`, `delta`…, at times `restart`, and exactly one `end`. "
            "Every event has an id; send the last one as `Last-Event-ID` to go on behind it."
        ),
        "content": {
            EVENT_STREAM: {
                "schema": {
                    "type": "string",
                    "contentMediaType": EVENT_STREAM,
                    "contentSchema": {"type": "array", "items": REPLY_EVENT_REFERENCE},
                },
                "example": STREAM,
            }
        },
    }
}


def wants_events(accept: str | None) -> bool:
    """Whether a client asks for events rather than for one answer."""
    kinds = (kind.partition(";")[0].strip().lower() for kind in (accept or "").split(","))
    return EVENT_STREAM in kinds


def read_event_id(header: str | None) -> int | None:
    """The place that `Last-Event-ID` names; an id that is none of ours counts as unknown."""
    if header is None or header == "":
        return None
    return int(header) if header.isascii() and header.isdecimal() else _UNKNOWN


_UNKNOWN = 10**18 - 1


def event_response(
    events: AsyncGenerator[SseEvent | None, None], headers: dict[str, str] | None = None
) -> StreamingResponse:
    """The stream on the wire."""
    return StreamingResponse(
        _encode(events), media_type=EVENT_STREAM, headers={**_HEADERS, **(headers or {})}
    )


async def _encode(events: AsyncGenerator[SseEvent | None, None]) -> AsyncIterator[bytes]:
    last = None
    async with aclosing(events):
        yield _RETRY
        async for event in events:
            yield _SIGN_OF_LIFE if event is None else event.encoded
            last = event or last
    if last is None or not last.is_end:
        yield _GO_ON_ELSEWHERE  # this process is about to end; the client comes back to another one
