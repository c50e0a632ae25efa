"""Messages and the replies to them."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from starlette.convertors import StringConvertor, register_url_convertor

from app.dependencies import (
    ChatroomId,
    Cursor,
    Limit,
    MessageId,
    PreferHeader,
    Services,
    User,
)
from app.errors import (
    ChatroomNotFound,
    CursorInvalid,
    DailyLimitReached,
    IdempotencyKeyReused,
    MessageNotFound,
    TooManyStreams,
    ValidationFailed,
)
from app.kit.paging import DEFAULT_PAGE
from app.openapi import error_responses
from app.routers.concurrency import LIMIT_ACCEPTED_STREAMS, LIMIT_STREAMS
from app.routers.exchange_response import ACCEPTED, exchange_response, stream_exchange
from app.routers.json_response import json_response
from app.routers.prefer import read_preference
from app.routers.send_options import ReplyPreference, ReturnedReply, StreamedIfAccepted, StreamedReply
from app.routers.sse import EVENTS_DOCUMENTED
from app.routing import Route
from app.schemas.message import ExchangeOut, MessageIn, MessageOut, MessagePage

router = APIRouter(prefix="/chatroom/{chatroom_id}/message", tags=["messages"], route_class=Route)


class _NotStream(StringConvertor):
    """Matches any path segment but `stream`, which is a route of its own."""

    regex = r"(?!stream$)[^/]+"


register_url_convertor("not_stream", _NotStream())

_FAILURES = error_responses(
    ChatroomNotFound,
    IdempotencyKeyReused,
    DailyLimitReached,
    TooManyStreams,
    body=True,
    signed_in=True,
)


@router.post(
    "",
    operation_id="send_message",
    summary="Send a message and get the reply",
    response_model=ExchangeOut,
    status_code=HTTPStatus.CREATED,
    responses={
        **ACCEPTED,
        **_FAILURES,
    },
    dependencies=[LIMIT_ACCEPTED_STREAMS],
)
async def send_message(
    chatroom_id: ChatroomId,
    body: MessageIn,
    services: Services,
    preference: ReplyPreference,
    options: ReturnedReply,
    stream: StreamedIfAccepted,
) -> Response:
    """Send a message and return the reply, or 202 if it is not finished in time.

    With `Accept: text/event-stream` the response is that of `stream_message`: 200 and the reply's events.
    """
    if stream is not None:
        return await stream_message(chatroom_id, body, services, stream)
    result = await services.messages.send(options, chatroom_id=chatroom_id, content=body.content)
    return exchange_response(result, preference)


@router.post(
    "/stream",
    operation_id="stream_message",
    summary="Send a message and stream the reply",
    response_class=Response,
    responses={**EVENTS_DOCUMENTED, **_FAILURES},
    dependencies=[LIMIT_STREAMS],
)
async def stream_message(
    chatroom_id: ChatroomId, body: MessageIn, services: Services, stream: StreamedReply
) -> Response:
    """Send a message and stream the reply as events, regardless of `Accept`.

    If the connection breaks, continue with `follow_reply` and `Last-Event-ID`, or repeat the request with
    the same `Idempotency-Key`, with or without `Last-Event-ID`: nothing is charged twice. Some libraries
    repeat it automatically; `Last-Event-ID` without a key is rejected, so that they send no second message.
    """
    last_event_id = stream.resume_after()
    result = await services.messages.send(stream.send, chatroom_id=chatroom_id, content=body.content)
    return await stream_exchange(services, result, stream.send.user_id, last_event_id)


@router.get(
    "",
    operation_id="list_messages",
    summary="List a chatroom's messages",
    response_model=MessagePage,
    responses=error_responses(ChatroomNotFound, ValidationFailed, CursorInvalid, signed_in=True),
)
async def list_messages(
    chatroom_id: ChatroomId,
    user: User,
    services: Services,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """List the messages of a chatroom, newest first."""
    page = await services.chatrooms.history(user.id, chatroom_id, cursor=cursor, limit=limit)
    return json_response(page)


@router.get(
    "/{message_id:not_stream}",
    operation_id="get_message",
    summary="Get a message",
    responses=error_responses(ChatroomNotFound, MessageNotFound, ValidationFailed, signed_in=True),
)
async def get_message(
    chatroom_id: ChatroomId,
    message_id: MessageId,
    user: User,
    services: Services,
    response: Response,
    prefer: PreferHeader = None,
) -> MessageOut:
    """Get a message. With `Prefer: wait=n` the request waits up to n seconds for a reply to end."""
    preference = read_preference(prefer, default_seconds=0)
    preference.apply_to(response)
    return await services.messages.get(
        user_id=user.id,
        chatroom_id=chatroom_id,
        message_id=message_id,
        wait_seconds=preference.wait_seconds,
    )
