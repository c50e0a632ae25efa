"""Requests and responses of subscriptions and payments."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from app.models import Plan
from app.schemas.base import STORABLE, Moment, Request, Response, open_enum
from app.schemas.quota import Quota

Address = Annotated[str, StringConstraints(min_length=1, max_length=2000), STORABLE]


class SubscribeIn(Request):
    """The addresses to which Stripe returns the user, on `PUBLIC_URL` or `ALLOWED_ORIGINS`.

    The default is two small pages of this service. Stripe replaces `{CHECKOUT_SESSION_ID}` in `success_url`
    by the session's id; without it, `session_id={CHECKOUT_SESSION_ID}` is added to the query.
    """

    success_url: Address | None = None
    cancel_url: Address | None = None


class CheckoutOut(BaseModel):
    """Stripe's payment page. With `session_id`, `GET /subscription/status` refreshes the plan."""

    checkout_url: str
    session_id: str
    expires_at: Moment


class SubscriptionOut(BaseModel):
    """The plan, the subscription as Stripe last reported it (null without one), and the day's usage.

    `pro_until`: when Pro ends unless the user pays or resumes; null if it continues, and on Basic.
    """

    plan: Plan
    status: Annotated[str, open_enum("SubscriptionStatus")] | None
    current_period_end: Moment | None
    cancel_at_period_end: bool
    grace_until: Moment | None
    pro_until: Moment | None
    usage: Quota


class PortalOut(BaseModel):
    """A short-lived URL of Stripe's customer portal."""

    url: str


class InvoiceOut(Response):
    """An invoice; amounts in the currency's smallest unit."""

    id: str
    number: str | None
    status: Annotated[str, open_enum("InvoiceStatus")] | None
    amount_due: int
    amount_paid: int
    currency: str
    created_at: Moment
    hosted_invoice_url: str | None
    invoice_pdf: str | None


class InvoicePage(BaseModel):
    """Invoices, newest first."""

    invoices: list[InvoiceOut]
    next_cursor: str | None
