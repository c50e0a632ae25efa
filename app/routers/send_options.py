"""Dependencies of the routes that send a message or regenerate a reply, and return or stream the reply."""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request

from app.dependencies import IdempotencyKey, LastEventId, PreferHeader, RequestId, Services, User
from app.kit.event_id import EventId
from app.routers.prefer import Preference, read_preference
from app.routers.sse import read_resumption, wants_events
from app.services.chat.message import SendOptions


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """Options of a request whose reply is streamed."""

    send: SendOptions
    last_event_id: str | None

    def resume_after(self) -> EventId | None:
        """Return the id of the event after which the stream continues; None for a first request.

        Raises:
            ValidationFailed: `Last-Event-ID` came without an idempotency key.
        """
        return read_resumption(self.last_event_id, self.send.idempotency_key)


async def _reply_preference(services: Services, prefer: PreferHeader = None) -> Preference:
    return read_preference(prefer, default_seconds=services.messages.reply_wait_seconds)


ReplyPreference = Annotated[Preference, Depends(_reply_preference)]
"""How long the request waits for the reply."""


async def _returned_reply(
    user: User, request_id: RequestId, preference: ReplyPreference, idempotency_key: IdempotencyKey = None
) -> SendOptions:
    return SendOptions(user.id, request_id, idempotency_key, preference.wait_seconds)


ReturnedReply = Annotated[SendOptions, Depends(_returned_reply)]
"""Options of a request that waits for the reply and returns it."""


async def _streamed_reply(
    user: User,
    request_id: RequestId,
    idempotency_key: IdempotencyKey = None,
    last_event_id: LastEventId = None,
) -> StreamOptions:
    return StreamOptions(SendOptions(user.id, request_id, idempotency_key, wait_seconds=0), last_event_id)


StreamedReply = Annotated[StreamOptions, Depends(_streamed_reply)]
"""Options of a request that streams the reply."""


async def _streamed_if_accepted(request: Request, returned: ReturnedReply) -> StreamOptions | None:
    if not wants_events(request.headers.get("accept")):
        return None
    return StreamOptions(replace(returned, wait_seconds=0), request.headers.get("last-event-id"))


StreamedIfAccepted = Annotated[StreamOptions | None, Depends(_streamed_if_accepted)]
"""The same if `Accept` asks for events, else None."""
