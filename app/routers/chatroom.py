"""Chatrooms."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from app.dependencies import ChatroomId, Cursor, Limit, Services, User
from app.errors import ChatroomNotFound, CursorInvalid, ValidationFailed
from app.openapi import failures
from app.schemas.chatroom import ChatroomIn, ChatroomOut, ChatroomPage, ChatroomWithMessages
from app.services.chatroom import DEFAULT_PAGE

router = APIRouter(prefix="/chatroom", tags=["chatrooms"])


@router.post(
    "",
    operation_id="create_chatroom",
    status_code=HTTPStatus.CREATED,
    responses=failures(body=True, signed_in=True),
)
async def create_chatroom(
    body: ChatroomIn, user: User, services: Services, response: Response
) -> ChatroomOut:
    """Open a chatroom."""
    room = await services.chatrooms.create(user.id, body)
    response.headers["Location"] = f"/chatroom/{room.id}"
    return room


@router.get(
    "",
    operation_id="list_chatrooms",
    response_model=ChatroomPage,
    responses=failures(ValidationFailed, CursorInvalid, signed_in=True),
)
async def list_chatrooms(
    user: User,
    services: Services,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
    archived: bool = False,  # noqa: FBT001, FBT002  # a query parameter, never positional
) -> Response:
    """The caller's chatrooms, newest activity first. The first page comes from a cache (`X-Cache`)."""
    page = await services.chatrooms.listing(user.id, archived=archived, cursor=cursor, limit=limit)
    return Response(page.body, media_type="application/json", headers=page.headers)


@router.get(
    "/{chatroom_id}", operation_id="get_chatroom", responses=failures(ChatroomNotFound, signed_in=True)
)
async def get_chatroom(chatroom_id: ChatroomId, user: User, services: Services) -> ChatroomWithMessages:
    """A chatroom with its newest messages, oldest first."""
    return await services.chatrooms.get(user.id, chatroom_id)
