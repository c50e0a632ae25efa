"""SQL about the customers at Stripe of this service's users; times are the database's."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import StripeCustomer, User


def live_user(user_id: UUID) -> Select[UUID]:
    """Select the user's id unless the account is deleted, and lock the row against a deletion."""
    return select(User.id).where(User.id == user_id, User.deleted_at.is_(None)).with_for_update(read=True)


@dataclass(frozen=True, slots=True)
class StripeCustomerRepository:
    """The one customer of each user who has begun a checkout."""

    session: AsyncSession

    async def customer_id_of(self, user_id: UUID) -> str | None:
        """Return the id of the user's customer; None before the first checkout."""
        return await self.session.scalar(
            select(StripeCustomer.customer_id).where(StripeCustomer.user_id == user_id)
        )

    async def user_id_of(self, customer_id: str) -> UUID | None:
        """Return the user of this customer; None if this database did not create it."""
        return await self.session.scalar(
            select(StripeCustomer.user_id).where(StripeCustomer.customer_id == customer_id)
        )

    async def user_ids_of(self, customer_ids: Collection[str]) -> dict[str, UUID]:
        """Map the customers that this database created to their users."""
        rows = await self.session.execute(
            select(StripeCustomer.customer_id, StripeCustomer.user_id).where(
                StripeCustomer.customer_id.in_(customer_ids)
            )
        )
        return {row[0]: row[1] for row in rows}

    async def add(self, user_id: UUID, customer_id: str) -> str | None:
        """Store the user's customer unless there is one; return the stored id, None without an account."""
        columns = ["user_id", "customer_id", "created_at"]
        row = live_user(user_id).add_columns(literal(customer_id), func.now())
        await self.session.execute(insert(StripeCustomer).from_select(columns, row).on_conflict_do_nothing())
        return await self.customer_id_of(user_id)

    async def delete(self, customer_id: str) -> UUID | None:
        """Delete a customer and return its user; None if it is not stored."""
        return await self.session.scalar(
            delete(StripeCustomer)
            .where(StripeCustomer.customer_id == customer_id)
            .returning(StripeCustomer.user_id),
            execution_options={"synchronize_session": False},
        )
