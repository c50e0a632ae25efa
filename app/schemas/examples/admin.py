"""Requests and responses of the admin API."""

from typing import Final
from uuid import UUID

from pydantic import BaseModel

from app.models import MessageStatus, Plan
from app.schemas import admin, admin_operations
from app.schemas.examples.chat import QUESTION, REPLY
from app.schemas.examples.identity import QUOTA, USER
from app.schemas.examples.timestamps import ANSWERED, ASKED, NEXT_MONTH, SIGNED_UP

_REASON: Final = "Ticket 4711"

_EVENT: Final = "evt_1SvRzQ"

REPLY_STATE: Final = admin_operations.AdminReply(
    id=REPLY.id,
    user_id=USER.id,
    chatroom_id=REPLY.chatroom_id,
    message_id=QUESTION.id,
    status=MessageStatus.FAILED,
    error_code="upstream_unavailable",
    last_error="503 UNAVAILABLE",
    model=REPLY.model,
    is_superseded=False,
    is_latest=True,
    attempt=4,
    retries=3,
    worker_losses=0,
    created_at=ASKED,
    completed_at=ANSWERED,
    next_attempt_at=None,
    cancel_requested_at=None,
)

ADMIN: Final[tuple[BaseModel, ...]] = (
    admin.ReasonIn(reason=_REASON),
    admin.GrantIn(until="2027-01-31T00:00:00Z", reason=_REASON),
    admin.LimitIn(messages_per_day=20, reason=_REASON),
    admin.AdminUser(
        id=USER.id,
        mobile_number="+•••••••0123",
        full_name=USER.full_name,
        created_at=SIGNED_UP,
        verified_at=SIGNED_UP,
        last_login_at=ASKED,
        banned_at=None,
        plan=Plan.PRO,
        plan_sources=[admin.PlanSource.GRANT],
        subscription_status=None,
        granted_until=NEXT_MONTH,
        messages_per_day=None,
        usage=QUOTA.model_copy(update={"limit": None, "remaining": None}),
        open_sessions=1,
        chatrooms=3,
        messages=48,
    ),
    admin.SessionsEnded(ended=2),
    admin.MessageText(
        id=QUESTION.id,
        chatroom_id=QUESTION.chatroom_id,
        user_id=USER.id,
        role=QUESTION.role,
        status=QUESTION.status,
        content=QUESTION.content,
        created_at=QUESTION.created_at,
    ),
    admin.AuditPage(
        entries=[
            admin.AuditEntryOut(
                id=UUID("019c1b2d-5e6f-7a80-9b1c-2d3e4f506172"),
                at=ASKED,
                actor="key:support",
                action="user.banned",
                subject_type="user",
                subject_id=str(USER.id),
                user_id=USER.id,
                reason=_REASON,
                details={"cancelled_replies": 1},
                request_id="4f9d8a52",
            )
        ],
        next_cursor=None,
    ),
    REPLY_STATE,
    admin_operations.AdminReplyPage(replies=[REPLY_STATE], next_cursor=None),
    admin_operations.RetriedReplyOut(retried_id=REPLY.id, reply_id=QUESTION.id, outcome="regenerated"),
    admin_operations.CancelledReplyOut(reply_id=REPLY.id, outcome="cancelled"),
    admin_operations.AdminEventPage(
        events=[
            admin_operations.AdminEvent(
                id=_EVENT,
                type="customer.subscription.updated",
                subscription_id="sub_1SvRz",
                customer_id="cus_TqKn",
                created_at=ASKED,
                received_at=ASKED,
                processed_at=None,
                outcome=None,
                attempts=3,
                next_attempt_at=ASKED,
            )
        ],
        next_cursor=None,
    ),
    admin_operations.ReplayedEventOut(event_id=_EVENT, was_processed=False),
    admin_operations.ReconciliationOut(job="stripe_reconciliation"),
)
