"""Chatrooms: create, list, read, change, delete, export."""

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
from app.openapi import error_responses
from app.routers.concurrency import LIMIT_EXPORTS
from app.routers.conditional import NOT_MODIFIED, IfNoneMatch, conditional_json
from app.routers.download import download_response
from app.routers.json_response import json_response
from app.routing import Route
from app.schemas.chatroom import ChatroomIn, ChatroomOut, ChatroomPage, ChatroomPatch, ChatroomWithMessages
from app.schemas.export import ChatroomExport, ExportFormat

router = APIRouter(prefix="/chatroom", tags=["chatrooms"], route_class=Route)

Archived = Annotated[bool, Query(description="List archived chatrooms instead of active ones.")]
Format = Annotated[
    ExportFormat, Query(alias="format", description="`json` for programs, `markdown` for reading.")
]


@router.post(
    "",
    operation_id="create_chatroom",
    summary="Create a chatroom",
    status_code=HTTPStatus.CREATED,
    responses=error_responses(
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
    """Create a chatroom. The body is optional.

    If the `Idempotency-Key` has created a chatroom before, the response is that chatroom in its current
    state, or 404 if it is deleted. Keys never expire. A chatroom and a message may use the same key.
    """
    opened = await services.chatrooms.create(user.id, body or ChatroomIn(), idempotency_key=idempotency_key)
    response.headers["Location"] = f"/chatroom/{opened.room.id}"
    if opened.is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    return opened.room


@router.get(
    "",
    operation_id="list_chatrooms",
    summary="List chatrooms",
    response_model=ChatroomPage,
    responses={**NOT_MODIFIED, **error_responses(ValidationFailed, CursorInvalid, signed_in=True)},
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
    x_cache = {} if page.is_cached is None else {"X-Cache": "HIT" if page.is_cached else "MISS"}
    return conditional_json(page.body, if_none_match, x_cache)


@router.get(
    "/{chatroom_id}",
    operation_id="get_chatroom",
    summary="Get a chatroom with its newest messages",
    response_model=ChatroomWithMessages,
    responses=error_responses(ChatroomNotFound, signed_in=True),
)
async def get_chatroom(chatroom_id: ChatroomId, user: User, services: Services) -> Response:
    """Get a chatroom with its newest 50 messages, oldest first."""
    return json_response(await services.chatrooms.get(user.id, chatroom_id))


@router.patch(
    "/{chatroom_id}",
    operation_id="update_chatroom",
    summary="Change a chatroom",
    responses=error_responses(ChatroomNotFound, body=True, signed_in=True),
)
async def update_chatroom(
    chatroom_id: ChatroomId, body: ChatroomPatch, user: User, services: Services
) -> ChatroomOut:
    """Change a chatroom's title, description, instruction or model, or archive and unarchive it."""
    return await services.chatrooms.change(user.id, chatroom_id, body)


@router.delete(
    "/{chatroom_id}",
    operation_id="delete_chatroom",
    summary="Delete a chatroom",
    status_code=HTTPStatus.NO_CONTENT,
    responses=error_responses(ChatroomNotFound, signed_in=True),
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
        **error_responses(ChatroomNotFound, ValidationFailed, TooManyExports, signed_in=True),
    },
    dependencies=[LIMIT_EXPORTS],
)
async def export_chatroom(
    chatroom_id: ChatroomId, user: User, services: Services, document: Format = ExportFormat.JSON
) -> Response:
    """Download a chatroom with all its messages, oldest first. If the download breaks off, retry."""
    return download_response(await services.room_exports.begin(user.id, chatroom_id, document))
