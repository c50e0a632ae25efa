"""SQL about sessions. A session is open until it is ended, expires, or its user is deleted.

It expires `CLOCK_LEEWAY` late, since the clock of the replica that set the expiry may be behind.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import DateTime, Uuid, and_, bindparam, func, or_, select, true, tuple_, update
from sqlalchemy.orm import aliased

from app.database import PooledConnection
from app.models import Plan, Session, Subscription, User
from app.repositories.sql import query
from app.repositories.subscription import current_of
from app.security import CLOCK_LEEWAY


class SessionUse(NamedTuple):
    """The last recorded use of an open session, and the state of its user."""

    last_used_at: datetime
    used_from: str | None
    plan: Plan
    is_banned: bool


class LockedSession(NamedTuple):
    """An open session that this transaction has locked, with its user."""

    session: Session
    user: User
    subscription: Subscription | None


_Current = aliased(
    Subscription, current_of(Session.user_id).correlate(Session).lateral("current_subscription")
)
_IS_OPEN = and_(
    Session.ended_at.is_(None),
    Session.refresh_expires_at > bindparam("now", type_=DateTime(timezone=True)),
)
_OPEN_OF_ITS_USER = and_(
    Session.id == bindparam("session_id", type_=Uuid), User.deleted_at.is_(None), User.id == Session.user_id
)

_FIND_OPEN = query(
    "user_plan",
    "find_open_session",
    session_id="uuid",
    user_id="uuid",
    now="timestamptz",
    open_at="timestamptz",
)
_LOCKED = (
    select(Session, User, _Current)
    .join(User, _OPEN_OF_ITS_USER)
    .outerjoin(_Current, true())
    .where(_IS_OPEN)
    .with_for_update(of=Session)
)


@dataclass(frozen=True, slots=True)
class SessionRepository:
    """Sessions of signed-in devices."""

    connection: PooledConnection

    def add(self, row: Session) -> None:
        """Add a session."""
        self.connection.session.add(row)

    async def find_open(self, *, session_id: UUID, user_id: UUID, now: datetime) -> SessionUse | None:
        """Return this session of this user if it is open."""
        values = {"session_id": session_id, "user_id": user_id, "now": now, "open_at": now - CLOCK_LEEWAY}
        row = await self.connection.fetch_row(_FIND_OPEN, values)
        if row is None:
            return None
        return SessionUse(
            row["last_used_at"], row["used_from"], Plan.of(is_pro=row["is_pro"]), row["is_banned"]
        )

    async def lock_open(self, session_id: UUID, *, now: datetime) -> LockedSession | None:
        """Lock this session if it is open, until the transaction ends."""
        row = (
            await self.connection.session.execute(
                _LOCKED, {"session_id": session_id, "now": now - CLOCK_LEEWAY}
            )
        ).one_or_none()
        return LockedSession(*row) if row else None

    async def record_use(
        self, session_id: UUID, *, now: datetime, ip_address: str | None, if_before: datetime
    ) -> None:
        """Record a use if the last one is older than `if_before` or from another address.

        Skip the row while a concurrent request records one.
        """
        used_from = func.coalesce(Session.last_used_ip, Session.ip_address)
        due = (
            select(Session.id)
            .where(
                Session.id == session_id,
                or_(Session.last_used_at < if_before, used_from.is_distinct_from(ip_address)),
            )
            .with_for_update(skip_locked=True)
        )
        await self.connection.session.execute(
            update(Session)
            .where(Session.id == due.scalar_subquery())
            .values(last_used_at=now, last_used_ip=ip_address),
            execution_options={"synchronize_session": False},
        )

    async def page(
        self, user_id: UUID, *, now: datetime, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[Session]:
        """Return up to `limit` open sessions by newest use, after the session at `before`."""
        query = (
            select(Session)
            .where(Session.user_id == user_id, _IS_OPEN)
            .order_by(Session.last_used_at.desc(), Session.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(tuple_(Session.last_used_at, Session.id) < before)
        return list(await self.connection.session.scalars(query, {"now": now - CLOCK_LEEWAY}))

    async def end(
        self, user_id: UUID, *, now: datetime, only: UUID | None = None, but: UUID | None = None
    ) -> list[UUID]:
        """End the user's open sessions: all, `only` one, or all `but` one; return their ids."""
        ending = (
            update(Session)
            .where(Session.user_id == user_id, _IS_OPEN)
            .values(ended_at=now)
            .returning(Session.id)
        )
        if only is not None:
            ending = ending.where(Session.id == only)
        if but is not None:
            ending = ending.where(Session.id != but)
        return list(
            await self.connection.session.scalars(
                ending, {"now": now - CLOCK_LEEWAY}, execution_options={"synchronize_session": False}
            )
        )
