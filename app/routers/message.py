"""Messages and the replies to them."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app.dependencies import (
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
    ValidationFailed,
)
from app.openapi import failures
from app.routers.prefer import read_preference
from app.schemas.message import ExchangeOut, MessageIn, MessageOut, MessagePage
from app.services.chatroom import DEFAULT_PAGE

router = APIRouter(prefix="/chatroom/{chatroom_id}/message", tags=["messages"])


@router.post(
    "",
    operation_id="send_message",
    status_code=HTTPStatus.CREATED,
    responses={
        202: {"model": ExchangeOut, "description": "Stored; the reply is not finished. See `Location`."},
        **failures(ChatroomNotFound, IdempotencyKeyReused, DailyLimitReached, body=True, signed_in=True),
    },
)
async def send_message(
    chatroom_id: ChatroomId,
    body: MessageIn,
    user: User,
    services: Services,
    request: Request,
    response: Response,
    request_id: RequestId,
    prefer: PreferHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> ExchangeOut:
    """Say something, and get Gemini's reply; 202 when it takes longer than the request wants to wait."""
    preference = read_preference(prefer, default_seconds=request.app.state.settings.reply_wait_seconds)
    sent = await services.messages.send(
        user_id=user.id,
        chatroom_id=chatroom_id,
        content=body.content,
        idempotency_key=idempotency_key,
        request_id=request_id,
        wait_seconds=preference.wait_seconds,
    )
    preference.tell(response)
    response.status_code = HTTPStatus.CREATED if sent.is_answered else HTTPStatus.ACCEPTED
    response.headers.update(sent.headers)
    return sent.exchange


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
