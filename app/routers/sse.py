"""Responses of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from collections.abc import AsyncGenerator
from typing import Any

from fastapi.responses import StreamingResponse

from app.errors import ValidationFailed
from app.kit.event_id import UNKNOWN_EVENT, EventId
from app.openapi import REPLY_EVENT_REFERENCE
from app.schemas.sse import ReplyDeltaEvent, SseEvent, on_the_wire

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


def event_response(
    events: AsyncGenerator[SseEvent | None, None], headers: dict[str, str] | None = None
) -> StreamingResponse:
    """Return a response that streams encoded events."""
    return StreamingResponse(
        on_the_wire(events), media_type=EVENT_STREAM, headers={**_HEADERS, **(headers or {})}
    )
