"""Which replies a worker may take, as conditions on `Message`."""

from sqlalchemy import ColumnElement, and_, exists, func, or_
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.orm import aliased

from app.models import Message, MessageStatus, Role, Subscription

UNFINISHED_STATES = (MessageStatus.PENDING, MessageStatus.GENERATING)


def seconds(number: float) -> ColumnElement[object]:
    """An interval."""
    return func.make_interval(0, 0, 0, 0, 0, 0, number, type_=INTERVAL)


def is_due() -> ColumnElement[bool]:
    """Pending and not waiting for a retry, or held by a worker whose lease ran out."""
    pending = and_(
        Message.status == MessageStatus.PENDING,
        or_(Message.next_attempt_at.is_(None), Message.next_attempt_at <= func.now()),
    )
    abandoned = and_(Message.status == MessageStatus.GENERATING, Message.lease_until < func.now())
    return and_(Message.role == Role.MODEL, or_(pending, abandoned))


def is_first_of_room() -> ColumnElement[bool]:
    """A room answers in order: no earlier reply of it is unfinished."""
    earlier = aliased(Message)
    return ~exists().where(
        earlier.chatroom_id == Message.chatroom_id,
        earlier.role == Role.MODEL,
        earlier.status.in_(UNFINISHED_STATES),
        earlier.position < Message.position,
    )


def is_pro() -> ColumnElement[bool]:
    """Whose replies are taken first; the same rule as `Subscription.plan_at`."""
    return exists().where(
        Subscription.user_id == Message.user_id,
        or_(
            Subscription.status.in_(("active", "trialing")),
            and_(Subscription.status == "past_due", Subscription.grace_until > func.now()),
        ),
    )
