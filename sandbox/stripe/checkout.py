"""What can happen to an open checkout: it is paid, declined, or expires."""

from dataclasses import dataclass

from sandbox.stripe.billing import Billing
from sandbox.stripe.customers import Customer
from sandbox.stripe.events import Events
from sandbox.stripe.ids import new_id
from sandbox.stripe.problems import StripeError
from sandbox.stripe.sessions import CheckoutSession, SessionStatus
from sandbox.stripe.store import Store
from sandbox.stripe.subscriptions import Status


@dataclass(frozen=True, slots=True)
class Checkout:
    """The payment page's deeds."""

    store: Store
    events: Events
    billing: Billing

    def pay(self, session: CheckoutSession) -> bool:
        """Take the money and only then make the subscription; a declined try leaves nothing behind."""
        self._must_be_open(session)
        if not self.billing.payments.succeed(session.customer):
            return False
        customer = self._customer(session)
        subscription = self.billing.create(
            customer,
            session.price,
            status=Status.ACTIVE,
            quantity=session.quantity,
            metadata=session.subscription_metadata,
        )
        invoice = self.store.invoices[subscription.latest_invoice or ""]
        self.billing.pay(invoice)
        session.status = SessionStatus.COMPLETE
        session.subscription, session.invoice = subscription.id, invoice.id
        self.events.record("checkout.session.completed", session)
        return True

    def expire(self, session: CheckoutSession) -> None:
        """Close it for good."""
        self._must_be_open(session)
        session.status = SessionStatus.EXPIRED
        self.events.record("checkout.session.expired", session)

    def _customer(self, session: CheckoutSession) -> Customer:
        if session.customer is not None:
            return self.store.living_customer(session.customer)
        customer = Customer(
            id=new_id("cus", 14), created=self.billing.clock.now(), email=session.customer_email
        )
        self.store.customers[customer.id] = customer
        self.events.record("customer.created", customer)
        session.customer = customer.id
        return customer

    def _must_be_open(self, session: CheckoutSession) -> None:
        if session.status is not SessionStatus.OPEN:
            raise StripeError(
                400,
                'Only Checkout Sessions with a status in ["open"] can be expired. '
                f"This Checkout Session has a status of {session.status}.",
            )
