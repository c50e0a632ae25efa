"""How a sent message is answered: finished (201), not yet (202), or as events."""

from http import HTTPStatus
from typing import Any

from fastapi import Response

from app.bootstrap.api import ApiServices
from app.routers.prefer import Preference
from app.routers.sse import EVENTS_DOCUMENTED, event_response
from app.schemas.message import ExchangeOut
from app.schemas.sse import MessageEvent
from app.services.message import Sent

EXCHANGE_RESPONSES: dict[int | str, dict[str, Any]] = {
    **EVENTS_DOCUMENTED,
    202: {"model": ExchangeOut, "description": "Stored; the reply is not finished. See `Location`."},
}


def answer_exchange(
    services: ApiServices, sent: Sent, preference: Preference, *, as_events: bool
) -> Response:
    """The answer in the form that the client asked for."""
    headers = sent.headers
    if as_events:
        opening = MessageEvent(message=sent.exchange.message, reply=sent.exchange.reply)
        return event_response(services.streams.begin(opening, is_new=not sent.is_replay), headers)
    if preference.applied is not None:
        headers["Preference-Applied"] = preference.applied
    return Response(
        sent.exchange.model_dump_json(),
        status_code=HTTPStatus.CREATED if sent.is_answered else HTTPStatus.ACCEPTED,
        media_type="application/json",
        headers=headers,
    )
