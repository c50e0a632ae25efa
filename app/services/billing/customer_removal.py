"""Removes a customer that Stripe no longer has."""

from app.unit_of_work import Transaction


async def remove_customer(tx: Transaction, customer_id: str) -> None:
    """Delete the customer and close its user's open checkout; the next checkout creates another customer."""
    user_id = await tx.stripe_customers.delete(customer_id)
    if user_id is not None:
        await tx.checkouts.close_open_of(user_id)
