"""Messages and the replies to them."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app.dependencies import (
    AcceptHeader,
    ChatroomId,
    Cursor,
    IdempotencyKey,
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
from app.openapi import failures
from app.routers.concurrency import ONE_STREAM_IF_ASKED_FOR
from app.routers.prefer import read_preference
from app.routers.sending import EXCHANGE_RESPONSES, answer_exchange
from app.routers.sse import wants_events
from app.schemas.message import ExchangeOut, MessageIn, MessageOut, MessagePage
from app.services.message import Asked
from app.services.paging import DEFAULT_PAGE

router = APIRouter(prefix="/chatroom/{chatroom_id}/message", tags=["messages"])


@router.post(
    "",
    operation_id="send_message",
    response_model=ExchangeOut,
    status_code=HTTPStatus.CREATED,
    responses={
        **EXCHANGE_RESPONSES,
        **failures(
            ChatroomNotFound,
            IdempotencyKeyReused,
            DailyLimitReached,
            TooManyStreams,
            body=True,
            signed_in=True,
        ),
    },
    dependencies=[ONE_STREAM_IF_ASKED_FOR],
)
async def send_message(
    chatroom_id: ChatroomId,
    body: MessageIn,
    user: User,
    services: Services,
    request: Request,
    request_id: RequestId,
    prefer: PreferHeader = None,
    accept: AcceptHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say something, and get Gemini's reply; 202 when it takes longer than the request wants to wait."""
    preference = read_preference(prefer, default_seconds=request.app.state.settings.reply_wait_seconds)
    as_events = wants_events(accept)
    asked = Asked(user.id, request_id, idempotency_key, 0 if as_events else preference.wait_seconds)
    sent = await services.messages.send(asked, chatroom_id=chatroom_id, content=body.content)
    return answer_exchange(services, sent, preference, as_events=as_events)


@router.get(
    "",
    operation_id="list_messages",
    responses=failures(ChatroomNotFound, ValidationFailed, CursorInvalid, signed_in=True),
)
async def list_messages(
    chatroom_id: ChatroomId,
    user: User,
    services: Services,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> MessagePage:
    """The history, newest first."""
    return await services.chatrooms.history(user.id, chatroom_id, cursor=cursor, limit=limit)


@router.get(
    "/{message_id}",
    operation_id="get_message",
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
    """One message. With `Prefer: wait=n` an unfinished reply is waited for."""
    preference = read_preference(prefer, default_seconds=0)
    preference.tell(response)
    return await services.messages.get(
        user_id=user.id,
        chatroom_id=chatroom_id,
        message_id=message_id,
        wait_seconds=preference.wait_seconds,
    )
