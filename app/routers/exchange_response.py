"""How a sent message is answered: finished (201), not yet (202), or as events."""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from fastapi import Response

from app.bootstrap.api import ApiServices
from app.routers.prefer import Preference
from app.routers.sse import EVENT_STREAM, event_response
from app.schemas.message import ExchangeOut
from app.schemas.sse import ReplyMessageEvent
from app.services.chat.message import SendResult

ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": ExchangeOut, "description": "Stored; the reply is not finished. See `Location`."},
}


def exchange_response(result: SendResult, preference: Preference) -> Response:
    """Answer with the exchange, finished or not."""
    headers = result.headers
    if preference.applied is not None:
        headers["Preference-Applied"] = preference.applied
    return Response(
        result.exchange.model_dump_json(),
        status_code=HTTPStatus.CREATED if result.is_answered else HTTPStatus.ACCEPTED,
        media_type="application/json",
        headers=headers,
    )


async def stream_exchange(
    services: ApiServices, result: SendResult, user_id: UUID, last_event_id: int | None
) -> Response:
    """Answer with the reply's events, after `last_event_id` if this repeats an earlier request."""
    message, reply = result.exchange.message, result.exchange.reply
    if last_event_id is None or not result.is_replay:
        opening = ReplyMessageEvent(message=message, reply=reply)
        return event_response(services.streams.begin(opening, is_new=not result.is_replay), result.headers)
    rest = await services.streams.open(
        user_id=user_id, chatroom_id=reply.chatroom_id, reply_id=reply.id, last_event_id=last_event_id
    )
    if rest is None:  # the end was received; a 204 beside events would make generators type both
        return Response(media_type=EVENT_STREAM, headers=result.headers)
    return event_response(rest, result.headers)
