"""Everything that exists in this Stripe account, in memory, oldest first."""

from dataclasses import dataclass, field

from sandbox.stripe.customers import Customer
from sandbox.stripe.invoices import Invoice, InvoiceStatus
from sandbox.stripe.prices import PRICES
from sandbox.stripe.problems import Json, no_such
from sandbox.stripe.sessions import CheckoutSession, PortalSession
from sandbox.stripe.subscriptions import Subscription


@dataclass(slots=True)
class Store:
    """The objects by id."""

    customers: dict[str, Customer] = field(default_factory=dict)
    sessions: dict[str, CheckoutSession] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    invoices: dict[str, Invoice] = field(default_factory=dict)
    portals: dict[str, PortalSession] = field(default_factory=dict)

    def clear(self) -> None:
        for kind in (self.customers, self.sessions, self.subscriptions, self.invoices, self.portals):
            kind.clear()

    def customer(self, id_: str, *, param: str = "customer") -> Customer:
        """Find a customer, a deleted one too."""
        if id_ not in self.customers:
            raise no_such("customer", id_, param=param)
        return self.customers[id_]

    def living_customer(self, id_: str, *, param: str = "customer") -> Customer:
        """Find a customer that was not deleted."""
        customer = self.customer(id_, param=param)
        if customer.deleted:
            raise no_such("customer", id_, param=param)
        return customer

    def session(self, id_: str) -> CheckoutSession:
        if id_ not in self.sessions:
            raise no_such("checkout.session", id_)
        return self.sessions[id_]

    def subscription(self, id_: str, *, param: str = "id") -> Subscription:
        if id_ not in self.subscriptions:
            raise no_such("subscription", id_, param=param)
        return self.subscriptions[id_]

    def invoice(self, id_: str) -> Invoice:
        if id_ not in self.invoices:
            raise no_such("invoice", id_)
        return self.invoices[id_]

    def open_invoice(self, subscription: Subscription) -> Invoice | None:
        """Find the newest invoice of a subscription that still wants to be paid."""
        return next(
            (
                invoice
                for invoice in reversed(self.invoices.values())
                if invoice.subscription == subscription.id and invoice.status is InvoiceStatus.OPEN
            ),
            None,
        )

    def of_customer(self, customer: Customer) -> list[Subscription]:
        """List a customer's subscriptions that have not ended, newest first."""
        return [
            each
            for each in reversed(self.subscriptions.values())
            if each.customer == customer.id and not each.ended
        ]

    def described(self, id_: str) -> Json | None:
        """Describe whatever has this id, for a client that wants it expanded."""
        for kind in (self.customers, self.sessions, self.subscriptions, self.invoices):
            if id_ in kind:
                return kind[id_].described()
        if id_ in PRICES:
            return PRICES[id_].described()
        products = {price.product.id: price.product for price in PRICES.values()}
        return products[id_].described() if id_ in products else None
