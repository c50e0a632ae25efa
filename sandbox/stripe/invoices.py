"""Invoices of subscriptions, in today's shape: the subscription is in the parent."""

from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.stripe.prices import Price
from sandbox.stripe.problems import Json


class InvoiceStatus(StrEnum):
    """Whether it is paid."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A thing that an invoice asks money for: a subscription's item for a period."""

    id: str
    subscription: str
    subscription_item: str
    subscription_metadata: dict[str, str]
    price: Price
    quantity: int
    period_start: int
    period_end: int

    @property
    def amount(self) -> int:
        return self.price.amount * self.quantity

    def described(self, invoice: str) -> Json:
        return {
            "id": self.id,
            "object": "line_item",
            "amount": self.amount,
            "currency": self.price.currency,
            "description": f"{self.quantity} of {self.price.product.name} (at {self.price.shown} / month)",
            "discount_amounts": [],
            "discountable": True,
            "discounts": [],
            "invoice": invoice,
            "livemode": False,
            "metadata": {**self.subscription_metadata},
            "parent": {
                "invoice_item_details": None,
                "subscription_item_details": {
                    "invoice_item": None,
                    "proration": False,
                    "proration_details": {"credited_items": None},
                    "subscription": self.subscription,
                    "subscription_item": self.subscription_item,
                },
                "type": "subscription_item_details",
            },
            "period": {"end": self.period_end, "start": self.period_start},
            "pretax_credit_amounts": [],
            "pricing": {
                "price_details": {"price": self.price.id, "product": self.price.product.id},
                "type": "price_details",
                "unit_amount_decimal": str(self.price.amount),
            },
            "quantity": self.quantity,
            "quantity_decimal": str(self.quantity),
            "subscription": self.subscription,
            "subtotal": self.amount,
            "taxes": [],
        }


@dataclass(slots=True, kw_only=True)
class Invoice:
    """One period's bill; it is final from the moment it exists, unless collection is paused."""

    id: str
    number: str
    customer: str
    customer_email: str | None
    customer_name: str | None
    billing_reason: str
    created: int
    period_start: int
    period_end: int
    line: Line
    page: str
    status: InvoiceStatus = InvoiceStatus.OPEN
    attempts: int = 0
    next_attempt: int | None = None
    paid_at: int | None = None
    voided_at: int | None = None
    uncollectible_at: int | None = None
    more: list[Line] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def subscription(self) -> str:
        return self.line.subscription

    @property
    def lines(self) -> list[Line]:
        return [self.line, *self.more]

    @property
    def amount(self) -> int:
        return sum(line.amount for line in self.lines)

    def described(self) -> Json:
        paid = self.amount if self.status is InvoiceStatus.PAID else 0
        is_final = self.status is not InvoiceStatus.DRAFT
        return {
            "id": self.id,
            "object": "invoice",
            "account_country": "US",
            "account_name": "Sandbox",
            "account_tax_ids": None,
            "amount_due": self.amount,
            "amount_overpaid": 0,
            "amount_paid": paid,
            "amount_remaining": self.amount - paid,
            "amount_shipping": 0,
            "application": None,
            "attempt_count": self.attempts,
            "attempted": self.attempts > 0,
            "auto_advance": self.next_attempt is not None,
            "automatic_tax": {
                "disabled_reason": None,
                "enabled": False,
                "liability": None,
                "provider": None,
                "status": None,
            },
            "automatically_finalizes_at": None,
            "billing_reason": self.billing_reason,
            "collection_method": "charge_automatically",
            "created": self.created,
            "currency": self.line.price.currency,
            "custom_fields": None,
            "customer": self.customer,
            "customer_account": None,
            "customer_address": None,
            "customer_email": self.customer_email,
            "customer_name": self.customer_name,
            "customer_phone": None,
            "customer_shipping": None,
            "customer_tax_exempt": "none",
            "customer_tax_ids": [],
            "default_payment_method": None,
            "default_source": None,
            "default_tax_rates": [],
            "description": None,
            "discounts": [],
            "due_date": None,
            "effective_at": self.created if is_final else None,
            "ending_balance": 0,
            "footer": None,
            "from_invoice": None,
            "hosted_invoice_url": self.page if is_final else None,
            "invoice_pdf": None,
            "issuer": {"type": "self"},
            "last_finalization_error": None,
            "latest_revision": None,
            "lines": {
                "object": "list",
                "data": [line.described(self.id) for line in self.lines],
                "has_more": False,
                "url": f"/v1/invoices/{self.id}/lines",
            },
            "livemode": False,
            "metadata": {**self.metadata},
            "next_payment_attempt": self.next_attempt,
            "number": self.number if is_final else None,
            "on_behalf_of": None,
            "parent": {
                "quote_details": None,
                "subscription_details": {
                    "metadata": {**self.line.subscription_metadata},
                    "subscription": self.subscription,
                },
                "type": "subscription_details",
            },
            "payment_settings": {
                "default_mandate": None,
                "payment_method_options": None,
                "payment_method_types": None,
            },
            "period_end": self.period_end,
            "period_start": self.period_start,
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
            "receipt_number": None,
            "rendering": None,
            "shipping_cost": None,
            "shipping_details": None,
            "starting_balance": 0,
            "statement_descriptor": None,
            "status": self.status,
            "status_transitions": {
                "finalized_at": self.created if is_final else None,
                "marked_uncollectible_at": self.uncollectible_at,
                "paid_at": self.paid_at,
                "voided_at": self.voided_at,
            },
            "subtotal": self.amount,
            "subtotal_excluding_tax": self.amount,
            "test_clock": None,
            "total": self.amount,
            "total_discount_amounts": [],
            "total_excluding_tax": self.amount,
            "total_pretax_credit_amounts": [],
            "total_taxes": [],
            "webhooks_delivered_at": None,
        }
