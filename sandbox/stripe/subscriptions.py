"""Subscriptions, in today's shape: the period is on the item."""

from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue

from sandbox.stripe.prices import Price
from sandbox.stripe.problems import Json


class Status(StrEnum):
    """The status of a subscription."""

    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"


ENDED = frozenset({Status.CANCELED, Status.INCOMPLETE_EXPIRED})
RENEWED = frozenset({Status.ACTIVE, Status.PAST_DUE, Status.TRIALING})


class PauseBehavior(StrEnum):
    """What becomes of invoices that are made while collection is paused."""

    KEEP_AS_DRAFT = "keep_as_draft"
    MARK_UNCOLLECTIBLE = "mark_uncollectible"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of collection; it leaves the status of the subscription as it is."""

    behavior: PauseBehavior
    resumes_at: int | None = None

    def described(self) -> Json:
        return {"behavior": self.behavior, "resumes_at": self.resumes_at}


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is sold along with the first item, for the same period."""

    id: str
    price: Price
    quantity: int = 1


@dataclass(slots=True)
class Cancellation:
    """Why a subscription ends, if it was said."""

    reason: str | None = None
    comment: str | None = None
    feedback: str | None = None

    def described(self) -> Json:
        return {
            "comment": self.comment,
            "feedback": self.feedback,
            "feedback_option": None,
            "reason": self.reason,
        }


@dataclass(slots=True, kw_only=True)
class Subscription:
    """One customer's month-by-month claim to a product."""

    id: str
    item_id: str
    customer: str
    price: Price
    status: Status
    created: int
    anchor: int
    period_start: int
    period_end: int
    quantity: int = 1
    metadata: dict[str, str] = field(default_factory=dict)
    latest_invoice: str | None = None
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    ended_at: int | None = None
    trial_end: int | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)
    pause: Pause | None = None
    more: list[Item] = field(default_factory=list)

    @property
    def items(self) -> list[Item]:
        """All items; of the first the price counts where a single one does."""
        return [Item(self.item_id, self.price, self.quantity), *self.more]

    @items.setter
    def items(self, items: list[Item]) -> None:
        first, *self.more = items
        self.item_id, self.price, self.quantity = first.id, first.price, first.quantity

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def described(self) -> Json:
        return {
            "id": self.id,
            "object": "subscription",
            "application": None,
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": self.anchor,
            "billing_cycle_anchor_config": None,
            "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
            "billing_schedules": [],
            "billing_thresholds": None,
            "cancel_at": self.cancel_at,
            "cancel_at_period_end": self.cancel_at_period_end,
            "canceled_at": self.canceled_at,
            "cancellation_details": self.cancellation.described(),
            "collection_method": "charge_automatically",
            "created": self.created,
            "currency": self.price.currency,
            "customer": self.customer,
            "customer_account": None,
            "days_until_due": None,
            "default_payment_method": None,
            "default_source": None,
            "default_tax_rates": [],
            "description": None,
            "discounts": [],
            "ended_at": self.ended_at,
            "invoice_settings": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": None,
                "footer": None,
                "issuer": {"type": "self"},
            },
            "items": self._items(),
            "latest_invoice": self.latest_invoice,
            "livemode": False,
            "metadata": {**self.metadata},
            "managed_payments": None,
            "next_pending_invoice_item_invoice": None,
            "on_behalf_of": None,
            "pause_collection": self.pause.described() if self.pause is not None else None,
            "payment_settings": {
                "payment_method_options": None,
                "payment_method_types": None,
                "save_default_payment_method": "off",
            },
            "pending_invoice_item_interval": None,
            "pending_setup_intent": None,
            "pending_update": None,
            "schedule": None,
            "start_date": self.created,
            "status": self.status,
            "test_clock": None,
            "transfer_data": None,
            "trial_end": self.trial_end,
            "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
            "trial_start": self.created if self.trial_end is not None else None,
        }

    def _items(self) -> Json:
        data: list[JsonValue] = [
            {
                "id": item.id,
                "object": "subscription_item",
                "billing_thresholds": None,
                "created": self.created,
                "current_period_end": self.period_end,
                "current_period_start": self.period_start,
                "discounts": [],
                "metadata": {},
                "plan": item.price.described_as_plan(),
                "price": item.price.described(),
                "quantity": item.quantity,
                "subscription": self.id,
                "tax_rates": [],
            }
            for item in self.items
        ]
        return {
            "object": "list",
            "data": data,
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={self.id}",
        }
