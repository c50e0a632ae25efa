"""Actions on a reply: stream, cancel, regenerate."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app.dependencies import (
    ChatroomId,
    IdempotencyKey,
    LastEventId,
    PreferHeader,
    ReplyId,
    RequestId,
    Services,
    User,
)
from app.errors import (
    ChatroomNotFound,
    DailyLimitReached,
    IdempotencyKeyReused,
    MessageNotFound,
    NotLatest,
    ReplyInProgress,
    TooManyStreams,
    ValidationFailed,
)
from app.openapi import failures
from app.routers.concurrency import LIMIT_ACCEPTED_STREAMS, LIMIT_STREAMS
from app.routers.prefer import read_preference
from app.routers.sending import ACCEPTED, answer_exchange, stream_exchange
from app.routers.sse import EVENTS_DOCUMENTED, event_response, read_event_id, read_resumption, wants_events
from app.schemas.message import ExchangeOut, MessageOut
from app.services.chat.message import Asked

router = APIRouter(prefix="/chatroom/{chatroom_id}/message/{reply_id}", tags=["replies"])

_FAILURES = failures(
    ChatroomNotFound,
    MessageNotFound,
    NotLatest,
    ReplyInProgress,
    IdempotencyKeyReused,
    DailyLimitReached,
    TooManyStreams,
    ValidationFailed,
    signed_in=True,
)


@router.get(
    "/events",
    operation_id="follow_reply",
    summary="Stream a reply",
    response_class=Response,
    responses={
        **EVENTS_DOCUMENTED,
        204: {"description": "`Last-Event-ID` is the id of `end`: no event follows."},
        **failures(ChatroomNotFound, MessageNotFound, ValidationFailed, TooManyStreams, signed_in=True),
    },
    dependencies=[LIMIT_STREAMS],
)
async def follow_reply(
    chatroom_id: ChatroomId,
    reply_id: ReplyId,
    user: User,
    services: Services,
    last_event_id: LastEventId = None,
) -> Response:
    """Receive a reply's events while it is written, from the start or after `Last-Event-ID`."""
    events = await services.streams.open(
        user_id=user.id,
        chatroom_id=chatroom_id,
        reply_id=reply_id,
        last_event_id=read_event_id(last_event_id),
    )
    return Response(status_code=HTTPStatus.NO_CONTENT) if events is None else event_response(events)


@router.post(
    "/cancel",
    operation_id="cancel_reply",
    summary="Cancel a reply",
    responses=failures(ChatroomNotFound, MessageNotFound, signed_in=True),
)
async def cancel_reply(
    chatroom_id: ChatroomId, reply_id: ReplyId, user: User, services: Services, request_id: RequestId
) -> MessageOut:
    """Cancel a reply that waits or is being written. The text so far is kept."""
    return await services.cancellations.cancel(
        user_id=user.id, chatroom_id=chatroom_id, reply_id=reply_id, request_id=request_id
    )


@router.post(
    "/regenerate",
    operation_id="regenerate_reply",
    summary="Regenerate a reply",
    response_model=ExchangeOut,
    status_code=HTTPStatus.CREATED,
    responses={
        **ACCEPTED,
        **_FAILURES,
    },
    dependencies=[LIMIT_ACCEPTED_STREAMS],
)
async def regenerate_reply(
    chatroom_id: ChatroomId,
    reply_id: ReplyId,
    user: User,
    services: Services,
    request: Request,
    request_id: RequestId,
    prefer: PreferHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Generate a new reply to the room's newest message. Counts like a message.

    With `Accept: text/event-stream` the response is that of `stream_regeneration`: the reply's events.
    """
    if wants_events(request.headers.get("accept")):
        last_event_id = request.headers.get("last-event-id")
        return await stream_regeneration(
            chatroom_id, reply_id, user, services, request_id, idempotency_key, last_event_id
        )
    preference = read_preference(prefer, default_seconds=request.app.state.settings.reply_wait_seconds)
    asked = Asked(user.id, request_id, idempotency_key, preference.wait_seconds)
    sent = await services.messages.regenerate(asked, chatroom_id=chatroom_id, reply_id=reply_id)
    return answer_exchange(sent, preference)


@router.post(
    "/regenerate/stream",
    operation_id="stream_regeneration",
    summary="Regenerate a reply and stream it",
    response_class=Response,
    responses={**EVENTS_DOCUMENTED, **_FAILURES},
    dependencies=[LIMIT_STREAMS],
)
async def stream_regeneration(
    chatroom_id: ChatroomId,
    reply_id: ReplyId,
    user: User,
    services: Services,
    request_id: RequestId,
    idempotency_key: IdempotencyKey = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Generate a new reply to the room's newest message and receive it as events. Counts like a message.

    If the connection breaks, continue as with `stream_message`.
    """
    place = read_resumption(last_event_id, idempotency_key)
    asked = Asked(user.id, request_id, idempotency_key, wait_seconds=0)
    sent = await services.messages.regenerate(asked, chatroom_id=chatroom_id, reply_id=reply_id)
    return await stream_exchange(services, sent, user.id, place)
