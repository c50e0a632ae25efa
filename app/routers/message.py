"""Messages and the replies to them."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor

from app.dependencies import (
    ChatroomId,
    Cursor,
    IdempotencyKey,
    LastEventId,
    Limit,
    MessageId,
    PreferHeader,
    RequestId,
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
from app.openapi import failures
from app.routers.concurrency import LIMIT_ACCEPTED_STREAMS, LIMIT_STREAMS
from app.routers.prefer import read_preference
from app.routers.sending import ACCEPTED, answer_exchange, stream_exchange
from app.routers.sse import EVENTS_DOCUMENTED, read_resumption, wants_events
from app.schemas.message import ExchangeOut, MessageIn, MessageOut, MessagePage
from app.services.chat.message import Asked

router = APIRouter(prefix="/chatroom/{chatroom_id}/message", tags=["messages"])


class _NotStream(StringConvertor):
    """Takes a path segment for a message's id unless it is `stream`, which other methods have."""

    regex = r"(?!stream$)[^/]+"


register_url_convertor("not_stream", _NotStream())

_FAILURES = failures(
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
    user: User,
    services: Services,
    request: Request,
    request_id: RequestId,
    prefer: PreferHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Send a message and wait for Gemini's reply; 202 if the reply takes longer than the request may wait.

    With `Accept: text/event-stream` this answers like `stream_message`: 200 and the reply's events.
    """
    if wants_events(request.headers.get("accept")):
        last_event_id = request.headers.get("last-event-id")
        return await stream_message(
            chatroom_id, body, user, services, request_id, idempotency_key, last_event_id
        )
    preference = read_preference(prefer, default_seconds=request.app.state.settings.reply_wait_seconds)
    asked = Asked(user.id, request_id, idempotency_key, preference.wait_seconds)
    sent = await services.messages.send(asked, chatroom_id=chatroom_id, content=body.content)
    return answer_exchange(sent, preference)


@router.post(
    "/stream",
    operation_id="stream_message",
    summary="Send a message and stream the reply",
    response_class=Response,
    responses={**EVENTS_DOCUMENTED, **_FAILURES},
    dependencies=[LIMIT_STREAMS],
)
async def stream_message(
    chatroom_id: ChatroomId,
    body: MessageIn,
    user: User,
    services: Services,
    request_id: RequestId,
    idempotency_key: IdempotencyKey = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Send a message and receive Gemini's reply as events while it is written, whatever `Accept` says.

    If the connection breaks, continue with `follow_reply` and `Last-Event-ID`, or repeat the request with
    the same `Idempotency-Key`, with or without `Last-Event-ID`: nothing is charged twice. Some libraries
    repeat it by themselves; `Last-Event-ID` without a key is refused, so that they send no second message.
    """
    place = read_resumption(last_event_id, idempotency_key)
    asked = Asked(user.id, request_id, idempotency_key, wait_seconds=0)
    sent = await services.messages.send(asked, chatroom_id=chatroom_id, content=body.content)
    return await stream_exchange(services, sent, user.id, place)


@router.get(
    "",
    operation_id="list_messages",
    summary="List a chatroom's messages",
    responses=failures(ChatroomNotFound, ValidationFailed, CursorInvalid, signed_in=True),
)
async def list_messages(
    chatroom_id: ChatroomId,
    user: User,
    services: Services,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> MessagePage:
    """List the messages of a chatroom, newest first."""
    return await services.chatrooms.history(user.id, chatroom_id, cursor=cursor, limit=limit)


@router.get(
    "/{message_id:not_stream}",
    operation_id="get_message",
    summary="Get a message",
    responses=failures(ChatroomNotFound, MessageNotFound, ValidationFailed, signed_in=True),
)
async def get_message(
    chatroom_id: ChatroomId,
    message_id: MessageId,
    user: User,
    services: Services,
    response: Response,
    prefer: PreferHeader = None,
) -> MessageOut:
    """Get a message. With `Prefer: wait=n` the request waits until a reply has ended."""
    preference = read_preference(prefer, default_seconds=0)
    preference.tell(response)
    return await services.messages.get(
        user_id=user.id,
        chatroom_id=chatroom_id,
        message_id=message_id,
        wait_seconds=preference.wait_seconds,
    )
