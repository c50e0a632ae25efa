"""Chatrooms."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.dependencies import ChatroomId, Cursor, IdempotencyKey, Limit, Services, User
from app.errors import (
    ChatroomLimitReached,
    ChatroomNotFound,
    CursorInvalid,
    IdempotencyKeyReused,
    TooManyExports,
    ValidationFailed,
)
from app.kit.paging import DEFAULT_PAGE
from app.openapi import failures
from app.routers.concurrency import LIMIT_EXPORTS
from app.routers.conditional import NOT_MODIFIED, IfNoneMatch, answer_unless_known
from app.routers.download import answer_download
from app.schemas.chatroom import ChatroomIn, ChatroomOut, ChatroomPage, ChatroomPatch, ChatroomWithMessages
from app.schemas.export import ChatroomExport, ExportFormat

router = APIRouter(prefix="/chatroom", tags=["chatrooms"])

Archived = Annotated[bool, Query(description="List the archived chatrooms instead of the others.")]
Format = Annotated[
    ExportFormat, Query(alias="format", description="`json` for programs, `markdown` to read.")
]


@router.post(
    "",
    operation_id="create_chatroom",
    summary="Create a chatroom",
    status_code=HTTPStatus.CREATED,
    responses=failures(
        ChatroomNotFound, IdempotencyKeyReused, ChatroomLimitReached, body=True, signed_in=True
    ),
)
async def create_chatroom(
    user: User,
    services: Services,
    response: Response,
    body: ChatroomIn | None = None,
    idempotency_key: IdempotencyKey = None,
) -> ChatroomOut:
    """Open a chatroom. No body is needed.

    With an `Idempotency-Key` that has opened a chatroom, this answers with that one as it is now, and with
    404 once it is deleted. Keys never expire. A chatroom and a message may have the same key.
    """
    opened = await services.chatrooms.create(user.id, body or ChatroomIn(), idempotency_key=idempotency_key)
    response.headers.update(opened.headers)
    return opened.room


@router.get(
    "",
    operation_id="list_chatrooms",
    summary="List chatrooms",
    response_model=ChatroomPage,
    responses={**NOT_MODIFIED, **failures(ValidationFailed, CursorInvalid, signed_in=True)},
)
async def list_chatrooms(
    user: User,
    services: Services,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
    archived: Archived = False,  # noqa: FBT002  # a query parameter, never positional
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List the user's chatrooms, newest activity first. The first page is cached (`X-Cache`)."""
    page = await services.chatrooms.listing(user.id, archived=archived, cursor=cursor, limit=limit)
    return answer_unless_known(page.body, if_none_match, page.headers)


@router.get(
    "/{chatroom_id}",
    operation_id="get_chatroom",
    summary="Get a chatroom with its newest messages",
    responses=failures(ChatroomNotFound, signed_in=True),
)
async def get_chatroom(chatroom_id: ChatroomId, user: User, services: Services) -> ChatroomWithMessages:
    """Get a chatroom with its newest 50 messages, oldest first."""
    return await services.chatrooms.get(user.id, chatroom_id)


@router.patch(
    "/{chatroom_id}",
    operation_id="update_chatroom",
    summary="Change a chatroom",
    responses=failures(ChatroomNotFound, body=True, signed_in=True),
)
async def update_chatroom(
    chatroom_id: ChatroomId, body: ChatroomPatch, user: User, services: Services
) -> ChatroomOut:
    """Rename a chatroom, change how it answers, or move it into the archive and back."""
    return await services.chatrooms.change(user.id, chatroom_id, body)


@router.delete(
    "/{chatroom_id}",
    operation_id="delete_chatroom",
    summary="Delete a chatroom",
    status_code=HTTPStatus.NO_CONTENT,
    responses=failures(ChatroomNotFound, signed_in=True),
)
async def delete_chatroom(chatroom_id: ChatroomId, user: User, services: Services) -> None:
    """Delete a chatroom with all its messages. A reply in progress is cancelled first."""
    await services.chatrooms.delete(user.id, chatroom_id)


@router.get(
    "/{chatroom_id}/export",
    operation_id="export_chatroom",
    summary="Export a chatroom",
    response_model=ChatroomExport,
    responses={
        HTTPStatus.OK.value: {"content": {"text/markdown": {"schema": {"type": "string"}}}},
        **failures(ChatroomNotFound, ValidationFailed, TooManyExports, signed_in=True),
    },
    dependencies=[LIMIT_EXPORTS],
)
async def export_chatroom(
    chatroom_id: ChatroomId, user: User, services: Services, document: Format = ExportFormat.JSON
) -> Response:
    """Download a chatroom with all its messages, oldest first. If it breaks off, ask again."""
    return answer_download(await services.room_exports.begin(user.id, chatroom_id, document))
