"""Responses of the routes that send a message: finished (201), not finished (202), or as events."""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from fastapi import Response

from app.bootstrap.api import ApiServices
from app.kit.event_id import EventId
from app.kit.rate_limit import daily_limit, rate_limit_headers
from app.routers.prefer import Preference
from app.routers.sse import EVENT_STREAM, EventStreamResponse
from app.schemas.message import ExchangeOut
from app.schemas.sse import ReplyMessageEvent
from app.services.chat.message import SendResult

ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": ExchangeOut, "description": "Stored; the reply is not finished. See `Location`."},
}


def exchange_response(result: SendResult, preference: Preference) -> Response:
    """Return the exchange, with 202 if its reply has not ended."""
    response = Response(
        result.exchange.model_dump_json(),
        status_code=HTTPStatus.CREATED if result.is_answered else HTTPStatus.ACCEPTED,
        media_type="application/json",
        headers=_headers(result),
    )
    preference.apply_to(response)
    return response


async def stream_exchange(
    services: ApiServices, result: SendResult, user_id: UUID, last_event_id: EventId | None
) -> Response:
    """Return the reply's events, after `last_event_id` if this request repeats an earlier one."""
    headers, reply = _headers(result), result.exchange.reply
    if last_event_id is None or not result.is_replay:
        opening = ReplyMessageEvent(message=result.exchange.message, reply=reply)
        return EventStreamResponse(services.streams.begin(opening, is_new=not result.is_replay), headers)
    rest = await services.streams.open(
        user_id=user_id, chatroom_id=reply.chatroom_id, reply_id=reply.id, last_event_id=last_event_id
    )
    if rest is None:  # the end was received; a 204 beside events would make generators type both
        return Response(media_type=EVENT_STREAM, headers=headers)
    return EventStreamResponse(rest, headers)


def _headers(result: SendResult) -> dict[str, str]:
    """Return the headers about the reply's address, a replay, and the day's limit."""
    reply, quota = result.exchange.reply, result.exchange.quota
    headers = {"Location": f"/chatroom/{reply.chatroom_id}/message/{reply.id}"}
    if result.is_replay:
        headers["Idempotent-Replayed"] = "true"
    if quota.limit is not None:
        seconds = max(int((quota.resets_at - result.now).total_seconds()), 0)
        headers |= rate_limit_headers([daily_limit(quota.limit, quota.remaining or 0, reset_seconds=seconds)])
    return headers
