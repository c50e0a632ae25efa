"""Actions on a reply: stream, cancel, regenerate."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from app.dependencies import (
    ChatroomId,
    LastEventId,
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
    ReplyInProgress,
    ReplyNotLatest,
    TooManyStreams,
    ValidationFailed,
)
from app.openapi import error_responses
from app.routers.concurrency import LIMIT_ACCEPTED_STREAMS, LIMIT_STREAMS
from app.routers.exchange_response import ACCEPTED, exchange_response, stream_exchange
from app.routers.send_options import ReplyPreference, ReturnedReply, StreamedIfAccepted, StreamedReply
from app.routers.sse import EVENTS_DOCUMENTED, EventStreamResponse, read_event_id
from app.routing import Route
from app.schemas.message import ExchangeOut, MessageOut

router = APIRouter(prefix="/chatroom/{chatroom_id}/message/{reply_id}", tags=["replies"], route_class=Route)

_FAILURES = error_responses(
    ChatroomNotFound,
    MessageNotFound,
    ReplyNotLatest,
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
        **error_responses(
            ChatroomNotFound, MessageNotFound, ValidationFailed, TooManyStreams, signed_in=True
        ),
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
    """Stream a reply's events, from the start or after `Last-Event-ID`."""
    events = await services.streams.open(
        user_id=user.id,
        chatroom_id=chatroom_id,
        reply_id=reply_id,
        last_event_id=read_event_id(last_event_id),
    )
    return Response(status_code=HTTPStatus.NO_CONTENT) if events is None else EventStreamResponse(events)


@router.post(
    "/cancel",
    operation_id="cancel_reply",
    summary="Cancel a reply",
    responses=error_responses(ChatroomNotFound, MessageNotFound, signed_in=True),
)
async def cancel_reply(
    chatroom_id: ChatroomId, reply_id: ReplyId, user: User, services: Services, request_id: RequestId
) -> MessageOut:
    """Cancel a reply that is queued or being generated. The text so far is kept."""
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
    services: Services,
    preference: ReplyPreference,
    options: ReturnedReply,
    stream: StreamedIfAccepted,
) -> Response:
    """Generate a new reply to the room's newest message. Counts like a message.

    With `Accept: text/event-stream` the response is that of `stream_regeneration`: the reply's events.
    """
    if stream is not None:
        return await stream_regeneration(chatroom_id, reply_id, services, stream)
    result = await services.messages.regenerate(options, chatroom_id=chatroom_id, reply_id=reply_id)
    return exchange_response(result, preference)


@router.post(
    "/regenerate/stream",
    operation_id="stream_regeneration",
    summary="Regenerate a reply and stream it",
    response_class=Response,
    responses={**EVENTS_DOCUMENTED, **_FAILURES},
    dependencies=[LIMIT_STREAMS],
)
async def stream_regeneration(
    chatroom_id: ChatroomId, reply_id: ReplyId, services: Services, stream: StreamedReply
) -> Response:
    """Generate a new reply to the room's newest message and receive it as events. Counts like a message.

    If the connection breaks, continue as with `stream_message`.
    """
    last_event_id = stream.resume_after()
    result = await services.messages.regenerate(stream.send, chatroom_id=chatroom_id, reply_id=reply_id)
    return await stream_exchange(services, result, stream.send.user_id, last_event_id)
