"""SQL about buying: people's customers at Stripe, and their wishes to buy; times are the database's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Interval,
    Select,
    Uuid,
    delete,
    func,
    literal,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Checkout, StripeCustomer, User
from app.models.base import new_id


@dataclass(frozen=True, slots=True)
class CheckoutRepository:
    """Customers and checkouts; what serves a person names them."""

    session: AsyncSession

    async def customer_of(self, user_id: UUID) -> str | None:
        """The person's customer at Stripe, if they ever wished to buy."""
        return await self.session.scalar(
            select(StripeCustomer.customer_id).where(StripeCustomer.user_id == user_id)
        )

    async def keep_customer(self, user_id: UUID, customer_id: str) -> str | None:
        """Note a customer that Stripe made; returns the one that counts, None when the account is gone."""
        columns = ["user_id", "customer_id", "created_at"]
        row = _living(user_id).add_columns(literal(customer_id), func.now())
        await self.session.execute(insert(StripeCustomer).from_select(columns, row).on_conflict_do_nothing())
        return await self.customer_of(user_id)

    async def begin(self, user_id: UUID, *, success_url: str, cancel_url: str) -> Checkout | None:
        """A new wish; None when the person has an open one already, or the account is gone."""
        columns = ["id", "user_id", "success_url", "cancel_url", "created_at"]
        row = _living(user_id).with_only_columns(
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
        """The person's open wish, and how old it is."""
        age = type_coerce(func.now() - Checkout.created_at, Interval)
        found = await self.session.execute(
            select(Checkout, age).where(Checkout.user_id == user_id, Checkout.closed_at.is_(None))
        )
        row = found.one_or_none()
        return (row[0], row[1]) if row else None

    async def get(self, checkout_id: UUID) -> Checkout | None:
        """A wish as it is now."""
        return await self.session.get(Checkout, checkout_id)

    async def of_session(self, checkout_session_id: str, user_id: UUID) -> Checkout | None:
        """The person's wish that this session of Stripe's was opened for."""
        return await self.session.scalar(
            select(Checkout).where(
                Checkout.checkout_session_id == checkout_session_id, Checkout.user_id == user_id
            )
        )

    async def record_session(
        self, checkout_id: UUID, *, checkout_session_id: str, url: str | None, expires_at: datetime
    ) -> bool:
        """Write down Stripe's answer; False when the wish was closed meanwhile."""
        noted = await self.session.scalar(
            update(Checkout)
            .where(Checkout.id == checkout_id, Checkout.closed_at.is_(None))
            .values(checkout_session_id=checkout_session_id, session_url=url, expires_at=expires_at)
            .returning(Checkout.id)
        )
        return noted is not None

    async def close(self, checkout_id: UUID) -> None:
        """Close a wish, once: the next one can begin."""
        await self._close(Checkout.id == checkout_id)

    async def close_of_session(self, checkout_session_id: str) -> None:
        """Close the wish that this session of Stripe's was opened for."""
        await self._close(Checkout.checkout_session_id == checkout_session_id)

    async def forget_customer(self, customer_id: str) -> None:
        """A customer is gone at Stripe: the person gets another one when they next want to buy."""
        person = (
            delete(StripeCustomer)
            .where(StripeCustomer.customer_id == customer_id)
            .returning(StripeCustomer.user_id)
        )
        user_id = await self.session.scalar(person, execution_options={"synchronize_session": False})
        await self._close(Checkout.user_id == user_id)

    async def _close(self, which: ColumnElement[bool]) -> None:
        await self.session.execute(
            update(Checkout).where(which, Checkout.closed_at.is_(None)).values(closed_at=func.now()),
            execution_options={"synchronize_session": False},
        )


def _living(user_id: UUID) -> Select[UUID]:
    """An account that nobody deletes while this transaction lasts."""
    return select(User.id).where(User.id == user_id, User.deleted_at.is_(None)).with_for_update(read=True)
