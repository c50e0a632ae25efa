"""Users' customers: creates one at Stripe and stores it, removes one that Stripe no longer has."""

from uuid import UUID

from app.errors import AuthenticationRequired
from app.stripe_client import StripeCustomers
from app.unit_of_work import Transaction, UnitOfWork


async def create_customer(
    uow: UnitOfWork, customers: StripeCustomers, *, user_id: UUID, installation_id: UUID
) -> str:
    """Create the user's customer at Stripe and store it; return the id of the stored one.

    Raises:
        AuthenticationRequired: the account was deleted concurrently.
        StripeUnavailableError: Stripe is unavailable.
    """
    created = await customers.create(user_id=user_id, installation_id=installation_id)
    async with uow.begin() as tx:
        stored = await tx.stripe_customers.add(user_id, created)
    if stored is None:
        await customers.delete(created)
        raise AuthenticationRequired
    return stored


async def remove_customer(tx: Transaction, customer_id: str) -> None:
    """Delete the customer and close its user's open checkout; the next checkout creates another customer."""
    user_id = await tx.stripe_customers.delete(customer_id)
    if user_id is not None:
        await tx.checkouts.close_open_of(user_id)
