"""How workers take replies: who is due, whose turn it is, and the statements that claim.

They are built once: putting such a statement together takes longer than running it.
"""

from sqlalchemy import (
    ColumnElement,
    Double,
    Executable,
    Integer,
    Uuid,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.orm import aliased

from app.models import Message, MessageStatus, Role, Subscription
from app.models.message import UNFINISHED

_UNCLAIMED_SECONDS = 2.0
UNFINISHED_STATES = (MessageStatus.PENDING, MessageStatus.GENERATING)

_EARLIER = aliased(Message, name="earlier")

IS_DUE = and_(
    Message.role == Role.MODEL,
    or_(
        and_(
            Message.status == MessageStatus.PENDING,
            or_(Message.next_attempt_at.is_(None), Message.next_attempt_at <= func.now()),
        ),
        and_(Message.status == MessageStatus.GENERATING, Message.lease_until < func.now()),
    ),
)
"""Pending and not waiting for a retry, or held by a worker whose lease ran out."""

IS_FIRST_OF_ROOM = ~exists().where(
    _EARLIER.chatroom_id == Message.chatroom_id,
    # Written out like UNFINISHED: a partial index is not used for bound values.
    text("earlier.role = 'model' AND earlier.status IN ('pending', 'generating')"),
    _EARLIER.position < Message.position,
)
"""A room answers in order: no earlier reply of it is unfinished."""

IS_PRO = exists().where(
    Subscription.user_id == Message.user_id,
    or_(
        Subscription.status.in_(("active", "trialing")),
        and_(Subscription.status == "past_due", Subscription.grace_until > func.now()),
    ),
)
"""Whose replies are taken first; the same rule as `Subscription.plan_at`."""


def seconds(number: ColumnElement[float] | float) -> ColumnElement[object]:
    """An interval."""
    return func.make_interval(0, 0, 0, 0, 0, 0, number, type_=INTERVAL)


def _claiming(which: ColumnElement[bool]) -> Executable:
    """Takes replies that are due and whose turn it is; built once, run often."""
    return (
        update(Message)
        .where(which, IS_DUE, IS_FIRST_OF_ROOM)
        .values(
            status=MessageStatus.GENERATING,
            # What was shown of a reply that is only claimed to be cancelled is kept.
            content=case((Message.cancel_requested_at.is_(None), ""), else_=Message.content),
            attempt=Message.attempt + 1,
            losses=Message.losses + case((Message.status == MessageStatus.GENERATING, 1), else_=0),
            lease_token=func.gen_random_uuid(),
            lease_until=func.now() + seconds(bindparam("lease_seconds", type_=Double)),
            next_attempt_at=None,
        )
        .returning(Message)
    )


CLAIM_ONE = _claiming(Message.id == bindparam("reply_id", type_=Uuid))
CLAIM_NEXT_OF_ROOM = _claiming(
    Message.id
    == select(Message.id)
    .where(Message.chatroom_id == bindparam("room", type_=Uuid), UNFINISHED, IS_DUE)
    .order_by(Message.position)
    .limit(1)
    .scalar_subquery()
)
_FORGOTTEN = (
    select(Message.id)
    .where(
        IS_DUE,
        IS_FIRST_OF_ROOM,
        UNFINISHED,
        or_(
            Message.status == MessageStatus.GENERATING,
            Message.created_at < func.now() - seconds(_UNCLAIMED_SECONDS),
        ),
    )
    .order_by(IS_PRO.desc(), Message.created_at)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("forgotten")  # which runs once; a subquery might be run, and lock, for every row
)
CLAIM_FORGOTTEN = _claiming(Message.id.in_(select(_FORGOTTEN.c.id)))
