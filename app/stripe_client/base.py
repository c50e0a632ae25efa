"""What the product asks of Stripe."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class StripeUnavailableError(Exception):
    """Stripe did not answer, or not in a way that tells what happened; the same call may be made again."""


class StripeMissingError(Exception):
    """Stripe does not know this object (any more); `param` is the parameter that names it, if any."""

    def __init__(self, reason: str, *, param: str | None = None) -> None:
        super().__init__(reason)
        self.param = param


ENDED = frozenset({"canceled", "incomplete_expired"})
"""The states that a subscription never leaves."""


@dataclass(frozen=True, slots=True)
class StripeSubscription:
    """A subscription as it is at Stripe now."""

    id: str
    customer_id: str
    user_id: UUID | None
    """From the metadata that checkout gave it."""
    status: str
    created_at: datetime
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    unpaid_since: datetime | None = None
    """When past due: the start of the first period that is not paid; only `get` says it."""
    sells_pro: bool | None = False
    """Whether an item is of Pro's price, or of another price of its product; None if that is not known."""
    pro_product: str | None = None
    """Pro's product, if an item is of it."""
    products: frozenset[str] = frozenset()
    """The products of all items."""
    is_voiding: bool = False
    """Whether collection is paused so that the invoices made meanwhile are voided."""
    voids_next: bool = False
    """Whether the pause still lasts when the invoice of the next period is made."""
    is_period_voided: bool = False
    """Whether the pause has voided the invoice of the current period; only `get` says it."""
    installation_id: str | None = None
    """From the metadata that checkout gave it: the installation that it was bought from."""

    @property
    def has_ended(self) -> bool:
        """Whether it is over for good."""
        return self.status in ENDED


class CheckoutState(StrEnum):
    """How far a checkout session has come."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A visit to Stripe's payment page."""

    id: str
    url: str | None
    state: CheckoutState
    expires_at: datetime
    customer_id: str | None = None
    subscription_id: str | None = None
    user_id: UUID | None = None
    installation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """A bill; amounts in the currency's smallest unit."""

    id: str
    sells_pro: bool | None
    """Whether a line is of Pro's product; None if that is not known."""
    subscription_id: str | None
    installation_id: str | None
    """From the metadata of its subscription."""
    number: str | None
    status: str | None
    amount_due: int
    amount_paid: int
    currency: str
    created_at: datetime
    hosted_invoice_url: str | None
    invoice_pdf: str | None


class StripeCustomers(Protocol):
    """People as customers. Every method may raise `StripeUnavailableError`."""

    async def create(self, *, user_id: UUID, installation_id: UUID) -> str:
        """The person's customer, made once however often this is called; returns its id."""
        ...

    async def exists(self, customer_id: str) -> bool:
        """Whether there is this customer, and it is not deleted."""
        ...

    async def delete(self, customer_id: str) -> None:
        """Remove a customer and end their subscriptions; one that is gone already is fine."""
        ...

    async def portal_url(self, customer_id: str, *, return_url: str) -> str:
        """Return an address of Stripe's customer portal, valid for a short time.

        Raises:
            StripeMissingError: there is no such customer.
            StripeNotConfiguredError: the portal is not set up.
        """
        ...

    async def invoices(
        self, customer_id: str, *, limit: int, after: str | None
    ) -> tuple[list[Invoice], bool]:
        """Bills of all kinds, newest first, behind the one with the id `after`; and whether there are more.

        Raises:
            StripeMissingError: there is no such customer, or no such bill.
        """
        ...


class StripeCheckouts(Protocol):
    """Payment pages. Every method may raise `StripeUnavailableError`."""

    async def open(
        self,
        *,
        checkout_id: UUID,
        user_id: UUID,
        installation_id: UUID,
        customer_id: str,
        success_url: str,
        cancel_url: str,
    ) -> CheckoutSession:
        """A session for Pro, made once for a `checkout_id` however often this is called.

        Raises:
            StripeMissingError: there is no such customer.
            StripeNotConfiguredError: the price cannot be sold.
        """
        ...

    async def get(self, checkout_session_id: str) -> CheckoutSession:
        """The session as it is now.

        Raises:
            StripeMissingError: there is none.
        """
        ...

    async def expire(self, checkout_session_id: str) -> CheckoutSession:
        """Close an open session; one that is paid or closed already is returned as it is."""
        ...

    async def expire_all(self, customer_id: str, *, user_id: UUID, installation_id: UUID) -> None:
        """Close every open session of ours of a customer, so that Pro cannot be bought there any more."""
        ...


class StripeSubscriptions(Protocol):
    """Subscriptions. Every method may raise `StripeUnavailableError`."""

    async def get(self, subscription_id: str) -> StripeSubscription:
        """The subscription as it is now.

        Raises:
            StripeMissingError: there is none.
        """
        ...

    async def set_cancel_at_period_end(self, subscription_id: str, *, cancel: bool) -> StripeSubscription:
        """Let it end with the paid period, or undo that.

        Raises:
            StripeMissingError: there is none, or it has ended.
        """
        ...

    async def cancel_now(self, subscription_id: str) -> None:
        """End it at once; one that has ended already is fine."""
        ...

    def all(self) -> AsyncIterator[StripeSubscription]:
        """Every subscription, ended ones too, newest first."""
        ...

    def of_customer(self, customer_id: str) -> AsyncIterator[StripeSubscription]:
        """Every subscription of a customer that is not canceled; none if there is no such customer."""
        ...
