"""Replies of all users, for operators."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from app.dependencies import Cursor, Limit, Reader, Services, SupportOperator
from app.errors import (
    AccountSuspended,
    CursorInvalid,
    ReplyInProgress,
    ReplyNotFound,
    ReplyNotLatest,
    ReplyNotRetryable,
    ValidationFailed,
)
from app.kit.paging import DEFAULT_PAGE
from app.models import MessageStatus
from app.openapi import admin_responses
from app.routing import Route
from app.schemas.admin import ReasonIn
from app.schemas.admin_operations import AdminReply, AdminReplyPage, CancelledReplyOut, RetriedReplyOut

router = APIRouter(prefix="/admin/replies", tags=["replies"], route_class=Route)

ReplyId = Annotated[UUID, Path(description="A reply of any user.")]
Status = Annotated[MessageStatus | None, Query(description="List only replies in this state.")]
Hours = Annotated[
    int, Query(ge=1, le=720, description="List replies that ended, or were stored, at most so long ago.")
]


@router.get(
    "",
    operation_id="list_replies",
    summary="List replies",
    responses=admin_responses(ValidationFailed, CursorInvalid),
)
async def list_replies(
    _actor: Reader,
    services: Services,
    status: Status = None,
    hours: Hours = 24,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> AdminReplyPage:
    """List replies of all users without their texts, newest first."""
    return await services.admin.lists.replies(status=status, hours=hours, cursor=cursor, limit=limit)


@router.get(
    "/{any_reply_id}",
    operation_id="show_reply",
    summary="Show a reply",
    responses=admin_responses(ReplyNotFound),
)
async def show_reply(any_reply_id: ReplyId, _actor: Reader, services: Services) -> AdminReply:
    """Show a reply without its text."""
    return AdminReply.model_validate(await services.admin.replies.get(reply_id=any_reply_id))


@router.post(
    "/{any_reply_id}/retry",
    operation_id="retry_reply",
    summary="Retry a reply",
    responses=admin_responses(
        ReplyNotFound, ReplyInProgress, ReplyNotLatest, ReplyNotRetryable, AccountSuspended, body=True
    ),
)
async def retry_reply(
    any_reply_id: ReplyId, actor: SupportOperator, services: Services, body: ReasonIn | None = None
) -> RetriedReplyOut:
    """Make a waiting reply due now, or replace a failed one by a new one. The user is not charged."""
    retried = await services.admin.replies.retry(
        actor, reply_id=any_reply_id, reason=body.reason if body else None
    )
    return RetriedReplyOut.model_validate(retried)


@router.post(
    "/{any_reply_id}/cancel",
    operation_id="cancel_any_reply",
    summary="Cancel a reply",
    responses=admin_responses(ReplyNotFound, body=True),
)
async def cancel_any_reply(
    any_reply_id: ReplyId, actor: SupportOperator, services: Services, body: ReasonIn | None = None
) -> CancelledReplyOut:
    """Cancel a reply: at once if it waits, otherwise through its worker. One that has ended stays."""
    cancelled = await services.admin.replies.cancel(
        actor, reply_id=any_reply_id, reason=body.reason if body else None
    )
    return CancelledReplyOut.model_validate(cancelled)
