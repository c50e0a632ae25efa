"""SQL about checkouts; times are the database's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Interval,
    Uuid,
    func,
    literal,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Checkout, User
from app.models.base import new_id
from app.repositories.stripe_customer import live_user


@dataclass(frozen=True, slots=True)
class CheckoutRepository:
    """Checkouts for Pro; a user has at most one that is open."""

    session: AsyncSession

    async def begin(self, user_id: UUID, *, success_url: str, cancel_url: str) -> Checkout | None:
        """Store a checkout; None if the user has an open one, or the account is deleted."""
        columns = ["id", "user_id", "success_url", "cancel_url", "created_at"]
        row = live_user(user_id).with_only_columns(
            literal(new_id(), Uuid),
            User.id,
            literal(success_url),
            literal(cancel_url),
            func.now(),
        )
        return await self.session.scalar(
            insert(Checkout).from_select(columns, row).on_conflict_do_nothing().returning(Checkout)
        )

    async def open_of(self, user_id: UUID) -> tuple[Checkout, timedelta] | None:
        """Return the user's open checkout and its age."""
        age = type_coerce(func.now() - Checkout.created_at, Interval)
        found = await self.session.execute(
            select(Checkout, age).where(Checkout.user_id == user_id, Checkout.closed_at.is_(None))
        )
        row = found.one_or_none()
        return (row[0], row[1]) if row else None

    async def get(self, checkout_id: UUID) -> Checkout | None:
        """Return a checkout."""
        return await self.session.get(Checkout, checkout_id)

    async def of_session(self, checkout_session_id: str, user_id: UUID) -> Checkout | None:
        """Return the user's checkout with this session at Stripe."""
        return await self.session.scalar(
            select(Checkout).where(
                Checkout.checkout_session_id == checkout_session_id, Checkout.user_id == user_id
            )
        )

    async def record_session(
        self, checkout_id: UUID, *, checkout_session_id: str, url: str | None, expires_at: datetime
    ) -> bool:
        """Store the session that Stripe created; False if the checkout was closed concurrently."""
        noted = await self.session.scalar(
            update(Checkout)
            .where(Checkout.id == checkout_id, Checkout.closed_at.is_(None))
            .values(checkout_session_id=checkout_session_id, session_url=url, expires_at=expires_at)
            .returning(Checkout.id)
        )
        return noted is not None

    async def close(self, checkout_id: UUID) -> None:
        """Close a checkout, if it is open."""
        await self._close(Checkout.id == checkout_id)

    async def close_of_session(self, checkout_session_id: str) -> None:
        """Close the checkout with this session at Stripe, if it is open."""
        await self._close(Checkout.checkout_session_id == checkout_session_id)

    async def close_open_of(self, user_id: UUID) -> None:
        """Close the user's open checkout, if any."""
        await self._close(Checkout.user_id == user_id)

    async def _close(self, condition: ColumnElement[bool]) -> None:
        await self.session.execute(
            update(Checkout).where(condition, Checkout.closed_at.is_(None)).values(closed_at=func.now()),
            execution_options={"synchronize_session": False},
        )
