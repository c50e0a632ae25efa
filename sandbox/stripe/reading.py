"""The API's methods that only read: prices, products, invoices, events."""

from dataclasses import dataclass

from sandbox.stripe.account import Account
from sandbox.stripe.events import KEPT_SECONDS, Event
from sandbox.stripe.invoices import Invoice
from sandbox.stripe.listing import listed
from sandbox.stripe.params import EventList, InvoiceList, Params, PriceList
from sandbox.stripe.prices import PRICES, Price
from sandbox.stripe.problems import Json, StripeError, no_such


@dataclass(frozen=True, slots=True)
class Catalogue:
    """/v1/prices and /v1/products."""

    def price(self, _: Params, id_: str) -> Json:
        if id_ not in PRICES:
            raise no_such("price", id_)
        return PRICES[id_].described()

    def product(self, _: Params, id_: str) -> Json:
        for price in PRICES.values():
            if price.product.id == id_:
                return price.product.described()
        raise no_such("product", id_)

    def list(self, params: PriceList, _: str) -> Json:
        def wanted(price: Price) -> bool:
            return (
                params.active is not False
                and params.type in {None, "recurring"}
                and params.product in {None, price.product.id}
                and params.currency in {None, price.currency}
                and (not params.lookup_keys or price.lookup_key in params.lookup_keys)
            )

        return listed(PRICES.values(), params, url="/v1/prices", noun="price", wanted=wanted)


@dataclass(frozen=True, slots=True)
class Invoices:
    """/v1/invoices."""

    account: Account

    def retrieve(self, _: Params, id_: str) -> Json:
        return self.account.store.invoice(id_).described()

    def list(self, params: InvoiceList, _: str) -> Json:
        store = self.account.store
        if params.customer is not None:
            store.customer(params.customer)
        if params.subscription is not None:
            store.subscription(params.subscription, param="subscription")

        def wanted(invoice: Invoice) -> bool:
            return (
                params.customer in {None, invoice.customer}
                and params.subscription in {None, invoice.subscription}
                and params.status in {None, invoice.status}
            )

        return listed(store.invoices.values(), params, url="/v1/invoices", noun="invoice", wanted=wanted)


@dataclass(frozen=True, slots=True)
class EventLog:
    """/v1/events: those of the last 30 days."""

    account: Account

    def retrieve(self, _: Params, id_: str) -> Json:
        event = self.account.events.by_id.get(id_)
        if event is None or not self._kept(event):
            raise no_such("event", id_)
        return event.described()

    def list(self, params: EventList, _: str) -> Json:
        if params.type is not None and params.types:
            raise StripeError(400, "You may only specify one of these parameters: type, types.")

        def wanted(event: Event) -> bool:
            return (
                self._kept(event)
                and (params.type is None or _fits(event.type, params.type))
                and (not params.types or event.type in params.types)
                and params.delivery_success in {None, event.pending_webhooks == 0}
            )

        events = self.account.events.by_id.values()
        return listed(events, params, url="/v1/events", noun="event", wanted=wanted)

    def _kept(self, event: Event) -> bool:
        return event.created >= self.account.clock.now() - KEPT_SECONDS


def _fits(name: str, wanted: str) -> bool:
    """Say whether a type is the wanted one, or of the wanted group, as `customer.*`."""
    return name.startswith(wanted[:-1]) if wanted.endswith(".*") else name == wanted
