"""Checkout, subscription, invoices, and an event of Stripe."""

from typing import Final

from pydantic import BaseModel

from app.models import Plan
from app.schemas import subscription, webhook
from app.schemas.examples.timestamps import ASKED, MIDNIGHT, NEXT_MONTH
from app.schemas.quota import Quota

_CHECKOUT = "cs_test_a1B2c3D4e5F6"
_PAYMENT_PAGE = f"https://checkout.stripe.com/c/pay/{_CHECKOUT}"

SUBSCRIPTION: Final = subscription.SubscriptionOut(
    plan=Plan.PRO,
    status="active",
    current_period_end=NEXT_MONTH,
    cancel_at_period_end=False,
    grace_until=None,
    pro_until=None,
    usage=Quota(limit=None, used=12, remaining=None, resets_at=MIDNIGHT),
)
STRIPE_EVENT: Final = {
    "id": "evt_1Q2w3E4r5T6y",
    "object": "event",
    "type": "customer.subscription.updated",
    "created": 1769860800,
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "data": {"object": {"id": "sub_1Q2w3E4r5T6y", "object": "subscription", "customer": "cus_TYmFjV9"}},
}

BILLING: Final[tuple[BaseModel, ...]] = (
    subscription.SubscribeIn(success_url="https://app.example.com/thanks"),
    subscription.CheckoutOut(checkout_url=_PAYMENT_PAGE, session_id=_CHECKOUT, expires_at=MIDNIGHT),
    SUBSCRIPTION,
    subscription.PortalOut(url="https://billing.stripe.com/p/session/test_YWJj"),
    subscription.InvoicePage(
        invoices=[
            subscription.InvoiceOut(
                id="in_1Q2w3E4r5T6y",
                number="A1B2C3D4-0001",
                status="paid",
                amount_due=999,
                amount_paid=999,
                currency="usd",
                created_at=ASKED,
                hosted_invoice_url="https://invoice.stripe.com/i/acct_1/test_YWJj",
                invoice_pdf="https://pay.stripe.com/invoice/acct_1/test_YWJj/pdf",
            )
        ],
        next_cursor=None,
    ),
    webhook.WebhookOut(received=True, duplicate=False),
)
