"""How a sent message is answered: finished (201), not yet (202), or as events."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import Response

from app.bootstrap.api import ApiServices
from app.routers.prefer import Preference
from app.routers.sse import event_response
from app.schemas.message import ExchangeOut
from app.schemas.sse import ReplyMessageEvent
from app.services.message import Sent

ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": ExchangeOut, "description": "Stored; the reply is not finished. See `Location`."},
}


def answer_exchange(services: ApiServices, sent: Sent, preference: Preference | None) -> Response:
    """The exchange with what was preferred; without a preference, the reply's events."""
    headers = sent.headers
    if preference is None:
        opening = ReplyMessageEvent(message=sent.exchange.message, reply=sent.exchange.reply)
        return event_response(services.streams.begin(opening, is_new=not sent.is_replay), headers)
    if preference.applied is not None:
        headers["Preference-Applied"] = preference.applied
    return Response(
        sent.exchange.model_dump_json(),
        status_code=HTTPStatus.CREATED if sent.is_answered else HTTPStatus.ACCEPTED,
        media_type="application/json",
        headers=headers,
    )
