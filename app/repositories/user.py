"""SQL about users. Queries take a number in all forms that an account may be stored in, the best first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    DateTime,
    Table,
    Text,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import INET, insert

from app.database import PooledConnection
from app.models import Plan, Session, User
from app.models.base import new_id
from app.repositories.sql import query
from app.repositories.subscription import is_pro

_TABLE = cast("Table", User.__table__)
_FORMS = bindparam("forms", type_=ARRAY(Text))
_HAS_NUMBER = User.mobile_number == func.any(_FORMS)
_BEST_FORM_FIRST = func.array_position(_FORMS, User.mobile_number)
_NETWORK = bindparam("network", type_=Text).cast(Text).cast(INET)
_SIGNED_IN_FROM_NETWORK = and_(
    Session.user_id == User.id, Session.ip_address.cast(INET).op("<<=", is_comparison=True)(_NETWORK)
)


class NumberStatus(NamedTuple):
    """The state of a number for which a code is requested."""

    has_account: bool
    signed_in_before: bool
    """From the requesting network, by a session whose row is kept."""


_STATUS = select(exists().where(_HAS_NUMBER), exists().where(_HAS_NUMBER, _SIGNED_IN_FROM_NETWORK))


_GET_ACCOUNT = query("user_plan", "get_account", user_id="uuid", now="timestamptz")


@dataclass(frozen=True, slots=True)
class Account:
    """A user's account with its plan."""

    id: UUID
    mobile_number: str
    full_name: str | None
    has_password: bool
    created_at: datetime
    last_login_at: datetime | None
    plan: Plan


@dataclass(frozen=True, slots=True)
class UserRepository:
    """Users, found by id or number."""

    connection: PooledConnection

    async def get(self, user_id: UUID) -> User | None:
        """Return the user with this id, unless the account is deleted."""
        return await self.connection.session.scalar(
            select(User).where(User.id == user_id, User.deleted_at.is_(None))
        )

    async def account(self, user_id: UUID, *, now: datetime) -> Account | None:
        """Return the user's account with the plan at `now`; None if it is deleted."""
        row = await self.connection.fetch_row(_GET_ACCOUNT, {"user_id": user_id, "now": now})
        if row is None:
            return None
        return Account(
            id=row["id"],
            mobile_number=row["mobile_number"],
            full_name=row["full_name"],
            has_password=row["has_password"],
            created_at=row["created_at"],
            last_login_at=row["last_login_at"],
            plan=Plan.of(is_pro=row["is_pro"]),
        )

    async def number_status(self, forms: Sequence[str], *, network: str | None) -> NumberStatus:
        """Tell whether a number has an account, and whether this network signed it in, by one statement.

        Args:
            forms: the number as it may be stored.
            network: an address or a network; None if the caller has none.
        """
        found = await self.connection.session.execute(_STATUS, {"forms": list(forms), "network": network})
        return NumberStatus(*found.one())

    async def lock_plan(self, user_id: UUID, *, now: datetime) -> bool | None:
        """Lock the user and tell whether they are on Pro; None without an account.

        A second caller waits for this transaction. Inserted messages, which refer to the user, do not.
        """
        at = literal(now, DateTime(timezone=True))
        locked = (
            select(or_(is_pro(_TABLE.c.id, at), func.coalesce(_TABLE.c.pro_until > at, false())))
            .select_from(_TABLE)
            .where(_TABLE.c.id == user_id, _TABLE.c.deleted_at.is_(None))
            .with_for_update(key_share=True, of=_TABLE)
        )
        row = (await self.connection.session.execute(locked)).one_or_none()
        return None if row is None else bool(row[0])

    async def add_unverified(
        self, *, mobile_number: str, forms: Sequence[str], full_name: str | None, now: datetime
    ) -> User | None:
        """Add an unverified account; None if the number is verified.

        For an unverified number the newest sign-up replaces name and time: it is purged a week after the
        last one. A new account is stored as `mobile_number`; one that is stored in another of the forms is
        kept.
        """
        if len(forms) > 1:
            existing = await self.connection.session.scalar(
                select(User).where(_HAS_NUMBER).order_by(_BEST_FORM_FIRST).limit(1).with_for_update(),
                {"forms": list(forms)},
            )
            if existing is not None:
                if existing.verified_at is not None:
                    return None
                existing.full_name, existing.created_at = full_name, now
                return existing
        signup = insert(User).values(
            id=new_id(), mobile_number=mobile_number, full_name=full_name, created_at=now
        )
        return await self.connection.session.scalar(
            signup.on_conflict_do_update(
                index_elements=[User.mobile_number],
                set_={
                    "full_name": signup.excluded.full_name,
                    "created_at": signup.excluded.created_at,
                },
                where=User.verified_at.is_(None),
            ).returning(User),
            execution_options={"populate_existing": True},
        )

    async def rename(self, user_id: UUID, full_name: str | None) -> User | None:
        """Change or remove the user's name; None if the account is deleted."""
        return await self.connection.session.scalar(
            update(User)
            .where(User.id == user_id, User.deleted_at.is_(None))
            .values(full_name=full_name)
            .returning(User)
        )

    async def record_login(self, forms: Sequence[str], now: datetime) -> User | None:
        """Record a sign-in and verify the number; None without an account."""
        best = select(User.id).where(_HAS_NUMBER).order_by(_BEST_FORM_FIRST).limit(1)
        return await self.connection.session.scalar(
            update(User)
            .where(User.id == best.scalar_subquery())
            .values(last_login_at=now, verified_at=func.coalesce(User.verified_at, now))
            .returning(User),
            {"forms": list(forms)},
            execution_options={"synchronize_session": False, "populate_existing": True},
        )
