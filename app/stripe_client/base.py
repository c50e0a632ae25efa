"""The protocols of the Stripe client, with their values and errors."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class StripeUnavailableError(Exception):
    """No response from Stripe, or none that tells the result; the call may be repeated."""


class StripeMissingError(Exception):
    """Stripe does not have this object; `param` is the request's parameter that names it, if known."""

    def __init__(self, reason: str, *, param: str | None = None) -> None:
        super().__init__(reason)
        self.param = param


ENDED = frozenset({"canceled", "incomplete_expired"})
"""The final states of a subscription."""


@dataclass(frozen=True, slots=True)
class StripeSubscription:
    """A subscription's current state at Stripe."""

    id: str
    customer_id: str
    user_id: UUID | None
    """From the metadata of its checkout."""
    status: str
    created_at: datetime
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    unpaid_since: datetime | None = None
    """When past due: the start of the first unpaid period. Only `get` sets it."""
    sells_pro: bool | None = False
    """Whether an item has Pro's price, or another price of Pro's product; None if unknown."""
    pro_product: str | None = None
    """Pro's product, if an item has it."""
    products: frozenset[str] = frozenset()
    """The products of all items."""
    is_voiding: bool = False
    """Whether collection is paused, and new invoices are voided."""
    voids_next: bool = False
    """Whether the pause will last until the next period's invoice is created."""
    is_period_voided: bool = False
    """Whether the pause has voided the current period's invoice. Only `get` sets it."""
    installation_id: str | None = None
    """From the metadata of its checkout: the installation that sold it."""

    @property
    def has_ended(self) -> bool:
        """Whether it is in a final state."""
        return self.status in ENDED


class CheckoutState(StrEnum):
    """The states of a checkout session."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A session of Stripe's payment page."""

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
    """An invoice; amounts in the currency's smallest unit."""

    id: str
    sells_pro: bool | None
    """Whether a line has Pro's product; None if unknown."""
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
    """Customers. Every method may raise `StripeUnavailableError`."""

    async def create(self, *, user_id: UUID, installation_id: UUID) -> str:
        """Create the user's customer and return its id; repeated calls return the same customer."""
        ...

    async def exists(self, customer_id: str) -> bool:
        """Whether the customer exists and is not deleted."""
        ...

    async def delete(self, customer_id: str) -> None:
        """Delete a customer, which cancels its subscriptions; no error if it does not exist."""
        ...

    async def portal_url(self, customer_id: str, *, return_url: str) -> str:
        """Return a short-lived URL of Stripe's customer portal.

        Raises:
            StripeMissingError: the customer does not exist.
            StripeNotConfiguredError: the portal is not configured.
        """
        ...

    async def invoices(
        self, customer_id: str, *, limit: int, after: str | None
    ) -> tuple[list[Invoice], bool]:
        """Return invoices of all kinds, newest first, after the id `after`; and whether more follow.

        Raises:
            StripeMissingError: the customer or the invoice does not exist.
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
        """Create a session for Pro; repeated calls with a `checkout_id` return the same session.

        Raises:
            StripeMissingError: the customer does not exist.
            StripeNotConfiguredError: the price cannot be sold.
        """
        ...

    async def get(self, checkout_session_id: str) -> CheckoutSession:
        """Return the session's current state.

        Raises:
            StripeMissingError: it does not exist.
        """
        ...

    async def expire(self, checkout_session_id: str) -> CheckoutSession:
        """Expire an open session; return one that is complete or expired unchanged."""
        ...

    async def expire_all(self, customer_id: str, *, user_id: UUID, installation_id: UUID) -> None:
        """Expire the customer's open sessions of this installation, so that none can be paid any more."""
        ...


class StripeSubscriptions(Protocol):
    """Subscriptions. Every method may raise `StripeUnavailableError`."""

    async def get(self, subscription_id: str) -> StripeSubscription:
        """Return the subscription's current state.

        Raises:
            StripeMissingError: it does not exist.
        """
        ...

    async def set_cancel_at_period_end(self, subscription_id: str, *, cancel: bool) -> StripeSubscription:
        """Cancel at the end of the paid period, or undo that.

        Raises:
            StripeMissingError: it does not exist, or has ended.
        """
        ...

    async def cancel_now(self, subscription_id: str) -> None:
        """Cancel immediately; no error if it has ended."""
        ...

    def all(self) -> AsyncIterator[StripeSubscription]:
        """Iterate over all subscriptions, ended ones too, newest first."""
        ...

    def of_customer(self, customer_id: str) -> AsyncIterator[StripeSubscription]:
        """Iterate over a customer's subscriptions that are not canceled; none if it does not exist."""
        ...


@dataclass(frozen=True, slots=True)
class StripePrice:
    """A price."""

    id: str
    is_recurring: bool
    is_active: bool
    is_live: bool


class StripePrices(Protocol):
    """Prices. Every method may raise `StripeUnavailableError`."""

    async def get(self, price_id: str) -> StripePrice:
        """Return a price.

        Raises:
            StripeMissingError: it does not exist in the mode of the key.
        """
        ...
