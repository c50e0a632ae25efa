"""The API's methods for customers, checkout and the portal."""

from dataclasses import dataclass
from typing import TypeVar

from sandbox.stripe.account import Account
from sandbox.stripe.customers import Customer
from sandbox.stripe.ids import new_id
from sandbox.stripe.listing import listed
from sandbox.stripe.params import (
    ChangedCustomer,
    CustomerList,
    NewCustomer,
    NewPortal,
    NewSession,
    Params,
    SessionList,
)
from sandbox.stripe.prices import PRICES, Price
from sandbox.stripe.problems import Json, StripeError, no_such
from sandbox.stripe.sessions import CheckoutSession, PortalSession

# Prices that cannot be sold, by agreement: of the other mode, and without a period.
LIVE_ONLY = "price_live_"
ONE_TIME = "price_once_"
SHORTEST = 30 * 60
LONGEST = 24 * 3600
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Customers:
    """/v1/customers."""

    account: Account

    def create(self, params: NewCustomer, _: str) -> Json:
        customer = Customer(
            id=new_id("cus", 14),
            created=self.account.clock.now(),
            email=params.email or None,
            name=params.name or None,
            phone=params.phone or None,
            description=params.description or None,
            metadata=merged({}, params.metadata),
        )
        self.account.store.customers[customer.id] = customer
        self.account.events.record("customer.created", customer)
        return customer.described()

    def change(self, params: ChangedCustomer, id_: str) -> Json:
        customer = self.account.store.living_customer(id_, param="id")
        with self.account.events.changing("customer.updated", customer):
            for name in params.model_fields_set & {"email", "name", "phone", "description"}:
                setattr(customer, name, getattr(params, name) or None)
            customer.metadata = merged(customer.metadata, params.metadata)
        return customer.described()

    def retrieve(self, _: Params, id_: str) -> Json:
        return self.account.store.customer(id_, param="id").described()

    def delete(self, _: Params, id_: str) -> Json:
        customer = self.account.store.living_customer(id_, param="id")
        self.account.billing.delete(customer)
        return customer.described()

    def list(self, params: CustomerList, _: str) -> Json:
        def wanted(customer: Customer) -> bool:
            return not customer.deleted and params.email in {None, customer.email}

        customers = self.account.store.customers.values()
        return listed(customers, params, url="/v1/customers", noun="customer", wanted=wanted)


@dataclass(frozen=True, slots=True)
class Sessions:
    """/v1/checkout/sessions."""

    account: Account

    def create(self, params: NewSession, _: str) -> Json:
        now, store = self.account.clock.now(), self.account.store
        customer = store.living_customer(params.customer) if params.customer is not None else None
        item = params.line_items[0]
        id_ = new_id("cs_test", 58)
        session = CheckoutSession(
            id=id_,
            created=now,
            expires_at=_expiry(params.expires_at, now),
            page=f"{self.account.site.url}/checkout/{id_}",
            price=_price(item.price),
            quantity=item.quantity,
            success_url=params.success_url,
            cancel_url=params.cancel_url,
            customer=params.customer,
            customer_email=params.customer_email,
            known_email=customer.email if customer is not None else params.customer_email,
            makes_customer=customer is None,
            client_reference_id=params.client_reference_id,
            metadata=merged({}, params.metadata),
            subscription_metadata=merged({}, params.subscription_data.metadata),
            allow_promotion_codes=params.allow_promotion_codes,
            billing_address_collection=params.billing_address_collection,
            locale=params.locale,
        )
        store.sessions[id_] = session
        return session.described()

    def retrieve(self, _: Params, id_: str) -> Json:
        return self.account.store.session(id_).described()

    def expire(self, _: Params, id_: str) -> Json:
        session = self.account.store.session(id_)
        self.account.checkout.expire(session)
        return session.described()

    def list(self, params: SessionList, _: str) -> Json:
        if params.customer is not None:
            self.account.store.customer(params.customer)

        def wanted(session: CheckoutSession) -> bool:
            return (
                params.customer in {None, session.customer}
                and params.subscription in {None, session.subscription}
                and params.status in {None, session.status}
            )

        sessions = self.account.store.sessions.values()
        return listed(sessions, params, url="/v1/checkout/sessions", noun="checkout.session", wanted=wanted)


@dataclass(frozen=True, slots=True)
class Portals:
    """/v1/billing_portal/sessions."""

    account: Account

    def create(self, params: NewPortal, _: str) -> Json:
        self.account.store.living_customer(params.customer)
        id_ = new_id("bps")
        portal = PortalSession(
            id=id_,
            created=self.account.clock.now(),
            customer=params.customer,
            return_url=params.return_url,
            page=f"{self.account.site.url}/portal/{id_}",
            locale=params.locale,
        )
        self.account.store.portals[id_] = portal
        return portal.described()


def merged(metadata: dict[str, str], given: dict[str, str] | None) -> dict[str, str]:
    """Merge metadata as Stripe does: an empty value removes its key, None removes all."""
    if given is None:
        return {}
    return {key: value for key, value in {**metadata, **given}.items() if value}


def _price(id_: str) -> Price:
    if id_.startswith(ONE_TIME):
        raise StripeError(
            400, "You must provide at least one recurring price in `subscription` mode when using prices."
        )
    if id_ not in PRICES:
        raise no_such("price", id_, param="line_items[0][price]", in_live_mode=id_.startswith(LIVE_ONLY))
    return PRICES[id_]


def _expiry(asked: int | None, now: int) -> int:
    if asked is None:
        return now + LONGEST
    if asked < now + SHORTEST:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise StripeError(400, message, param="expires_at")
    if asked > now + LONGEST:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise StripeError(400, message, param="expires_at")
    return asked
