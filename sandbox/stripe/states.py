"""Subscriptions made directly in a state, as tests need them."""

from collections.abc import Sequence

from sandbox.stripe.account import Account
from sandbox.stripe.customers import Customer
from sandbox.stripe.prices import Price
from sandbox.stripe.subscriptions import Status, Subscription

BORN_AS = {Status.CANCELED: Status.ACTIVE, Status.INCOMPLETE_EXPIRED: Status.INCOMPLETE}
UNPAID = {Status.PAST_DUE, Status.UNPAID, Status.INCOMPLETE}


def begun(
    account: Account, customer: Customer, prices: Sequence[Price], status: Status, metadata: dict[str, str]
) -> Subscription:
    """Begin a subscription and bring it into a state, by the events that lead there."""
    born = BORN_AS.get(status, status)
    price, *more = prices
    subscription = account.billing.create(customer, price, status=born, metadata=metadata, more=more)
    invoice = account.store.invoices.get(subscription.latest_invoice or "")
    if invoice is not None and born in UNPAID:
        retries = account.payments.retry_after if born is Status.PAST_DUE else ()
        invoice.attempts = 1
        invoice.next_attempt = account.clock.now() + retries[0] if retries else None
        account.events.record("invoice.payment_failed", invoice)
    elif invoice is not None:
        account.billing.pay(invoice)
    if status is Status.CANCELED:
        account.billing.cancel(subscription, "cancellation_requested")
    if status is Status.INCOMPLETE_EXPIRED:
        account.billing.expire(subscription)
    return subscription
