"""The life of a subscription: it starts, renews, falls due, is paid, ends; every step leaves its events."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.stripe.clock import Clock, next_period_end
from sandbox.stripe.customers import Customer
from sandbox.stripe.events import Events
from sandbox.stripe.ids import new_id
from sandbox.stripe.invoices import Invoice, InvoiceStatus, Line
from sandbox.stripe.payments import Afterwards, Payments
from sandbox.stripe.prices import Price
from sandbox.stripe.problems import Json
from sandbox.stripe.store import Store
from sandbox.stripe.subscriptions import Item, PauseBehavior, Status, Subscription

UPDATED = "customer.subscription.updated"
DELETED = "customer.subscription.deleted"


@dataclass(slots=True)
class Site:
    """The address of the pages: given at the start, or learned from requests."""

    url: str
    is_fixed: bool

    def seen(self, base_url: str) -> None:
        if not self.is_fixed:
            self.url = base_url.rstrip("/")


@dataclass(frozen=True, slots=True)
class Billing:
    """What changes subscriptions and invoices."""

    store: Store
    clock: Clock
    events: Events
    payments: Payments
    site: Site

    def create(
        self,
        customer: Customer,
        price: Price,
        *,
        status: Status,
        quantity: int = 1,
        metadata: dict[str, str],
        more: Sequence[Price] = (),
    ) -> Subscription:
        """Create a subscription with a first period from now; unless it is a trial, with an invoice."""
        now = self.clock.now()
        end = next_period_end(now, now)
        subscription = Subscription(
            id=new_id("sub"),
            item_id=new_id("si", 14),
            customer=customer.id,
            price=price,
            status=status,
            created=now,
            anchor=now,
            period_start=now,
            period_end=end,
            quantity=quantity,
            metadata=dict(metadata),
            trial_end=end if status is Status.TRIALING else None,
            more=[Item(new_id("si", 14), each) for each in more],
        )
        self.store.subscriptions[subscription.id] = subscription
        if status is Status.TRIALING:
            self.events.record("customer.subscription.created", subscription)
            return subscription
        invoice = self._invoice(subscription, "subscription_create", now, now)
        self.events.record("customer.subscription.created", subscription)
        self._announce(invoice)
        return subscription

    def pay(self, invoice: Invoice) -> None:
        """Take the money of an invoice, for certain; a subscription that waited for it is active again."""
        now = self.clock.now()
        invoice.status, invoice.paid_at, invoice.next_attempt = InvoiceStatus.PAID, now, None
        invoice.attempts += 1
        subscription = self.store.subscriptions[invoice.subscription]
        waiting = {Status.PAST_DUE, Status.UNPAID, Status.INCOMPLETE}
        with self.events.changing(UPDATED, subscription):
            if subscription.status in waiting and self.store.open_invoice(subscription) is None:
                subscription.status = Status.ACTIVE
        self._delinquent(subscription, late=False)
        self.events.record("invoice.paid", invoice)
        self.events.record("invoice.payment_succeeded", invoice)

    def attempt(self, invoice: Invoice) -> bool:
        """Try to take the money of an invoice."""
        if self.payments.succeed(invoice.customer):
            self.pay(invoice)
            return True
        invoice.attempts += 1
        retries = self.payments.retry_after
        last = invoice.attempts > len(retries)
        invoice.next_attempt = None if last else self.clock.now() + retries[invoice.attempts - 1]
        self.events.record("invoice.payment_failed", invoice)
        subscription = self.store.subscriptions[invoice.subscription]
        if last and self.payments.afterwards is Afterwards.CANCEL:
            self.cancel(subscription, "payment_failed")
            return False
        with self.events.changing(UPDATED, subscription):
            unpaid = last and self.payments.afterwards is Afterwards.UNPAID
            subscription.status = Status.UNPAID if unpaid else Status.PAST_DUE
        self._delinquent(subscription, late=True)
        return False

    def renew(self, subscription: Subscription) -> None:
        """Begin the next period and ask the money for it."""
        ended = (subscription.period_start, subscription.period_end)
        with self.events.changing(UPDATED, subscription):
            if subscription.status is Status.TRIALING:
                subscription.anchor = subscription.period_end
                subscription.status = Status.ACTIVE
            subscription.period_start = subscription.period_end
            subscription.period_end = next_period_end(subscription.anchor, subscription.period_start)
            invoice = self._invoice(subscription, "subscription_cycle", *ended)
        if subscription.pause is not None:
            self._set_aside(invoice, subscription.pause.behavior)
            return
        self._announce(invoice)
        self.attempt(invoice)

    def resume(self, subscription: Subscription) -> None:
        """End a pause of collection; the invoices that were made meanwhile stay as they are."""
        with self.events.changing(UPDATED, subscription):
            subscription.pause = None

    def cancel(self, subscription: Subscription, reason: str) -> None:
        """End a subscription now; open invoices are no longer collected."""
        now = self.clock.now()
        subscription.status, subscription.ended_at = Status.CANCELED, now
        subscription.canceled_at = subscription.canceled_at or now
        subscription.cancellation.reason = subscription.cancellation.reason or reason
        for invoice in self.store.invoices.values():
            if invoice.subscription == subscription.id:
                invoice.next_attempt = None
        self.events.record(DELETED, subscription)

    def expire(self, subscription: Subscription) -> None:
        """Expire a subscription without a first payment."""
        with self.events.changing(UPDATED, subscription):
            subscription.status, subscription.ended_at = Status.INCOMPLETE_EXPIRED, self.clock.now()
        invoice = self.store.open_invoice(subscription)
        if invoice is not None:
            invoice.status, invoice.voided_at, invoice.next_attempt = (
                InvoiceStatus.VOID,
                self.clock.now(),
                None,
            )
            self.events.record("invoice.voided", invoice)

    def delete(self, customer: Customer) -> None:
        """Delete a customer, and end the subscriptions at once."""
        for subscription in self.store.of_customer(customer):
            self.cancel(subscription, "cancellation_requested")
        before = customer.described()
        customer.deleted = True
        self.events.record("customer.deleted", Gone(before))

    def _invoice(self, subscription: Subscription, reason: str, start: int, end: int) -> Invoice:
        customer = self.store.customers[subscription.customer]
        id_ = new_id("in")
        line, *more = (
            Line(
                id=new_id("il"),
                subscription=subscription.id,
                subscription_item=item.id,
                subscription_metadata=dict(subscription.metadata),
                price=item.price,
                quantity=item.quantity,
                period_start=subscription.period_start,
                period_end=subscription.period_end,
            )
            for item in subscription.items
        )
        invoice = Invoice(
            id=id_,
            number=customer.next_invoice_number(),
            customer=customer.id,
            customer_email=customer.email,
            customer_name=customer.name,
            billing_reason=reason,
            created=self.clock.now(),
            period_start=start,
            period_end=end,
            page=f"{self.site.url}/invoice/{id_}",
            line=line,
            more=more,
        )
        self.store.invoices[id_] = invoice
        subscription.latest_invoice = id_
        return invoice

    def _set_aside(self, invoice: Invoice, behavior: PauseBehavior) -> None:
        """Do with an invoice what a pause of collection says, instead of asking for the money."""
        now = self.clock.now()
        match behavior:
            case PauseBehavior.KEEP_AS_DRAFT:
                invoice.status = InvoiceStatus.DRAFT
                self.events.record("invoice.created", invoice)
            case PauseBehavior.MARK_UNCOLLECTIBLE:
                invoice.status, invoice.uncollectible_at = InvoiceStatus.UNCOLLECTIBLE, now
                self._announce(invoice)
                self.events.record("invoice.marked_uncollectible", invoice)
            case PauseBehavior.VOID:
                invoice.status, invoice.voided_at = InvoiceStatus.VOID, now
                self._announce(invoice)
                self.events.record("invoice.voided", invoice)

    def _announce(self, invoice: Invoice) -> None:
        self.events.record("invoice.created", invoice)
        self.events.record("invoice.finalized", invoice)

    def _delinquent(self, subscription: Subscription, *, late: bool) -> None:
        customer = self.store.customers[subscription.customer]
        with self.events.changing("customer.updated", customer):
            customer.delinquent = late


@dataclass(frozen=True, slots=True)
class Gone:
    """An object as it was before it was deleted, which is what its last event shows."""

    last: Json

    def described(self) -> Json:
        return self.last
