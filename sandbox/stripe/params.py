"""The parameters each endpoint takes; whatever else is sent is refused by name."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from sandbox.stripe.fields import (
    Boolean,
    Given,
    Listed,
    Metadata,
    Moments,
    Text,
    Unsettable,
    Url,
    Word,
    unset,
)
from sandbox.stripe.subscriptions import PauseBehavior


class Params(Given):
    """What every method takes."""

    expand: Annotated[list[Word], Listed] = Field(default_factory=list)


class Range(Given):
    """A span of time; one moment is a span too."""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None

    def holds(self, moment: int) -> bool:
        return (
            (self.gt is None or moment > self.gt)
            and (self.gte is None or moment >= self.gte)
            and (self.lt is None or moment < self.lt)
            and (self.lte is None or moment <= self.lte)
        )


class Page(Params):
    """What every list takes."""

    limit: int = Field(10, ge=1, le=100)
    starting_after: Word | None = None
    ending_before: Word | None = None
    created: Annotated[Range, Moments] = Range()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.starting_after is not None and self.ending_before is not None:
            raise PydanticCustomError(
                "paging", "You can only page in one direction: starting_after or ending_before."
            )
        return self


class NewCustomer(Params):
    """POST /v1/customers."""

    email: Text | None = None
    name: Text | None = None
    phone: Text | None = None
    description: Text | None = None
    metadata: Unsettable = Field(default_factory=dict)


class ChangedCustomer(NewCustomer):
    """POST /v1/customers/{id}; an empty value unsets."""


class CustomerList(Page):
    """GET /v1/customers."""

    email: Text | None = None


class PriceList(Page):
    """GET /v1/prices."""

    active: Boolean | None = None
    product: Word | None = None
    type: Literal["one_time", "recurring"] | None = None
    currency: Word | None = None
    lookup_keys: Annotated[list[Word], Listed] = Field(default_factory=list)


class LineItem(Given):
    """What is sold, and how much of it."""

    price: Word
    quantity: int = Field(ge=1)


class SubscriptionData(Given):
    """What the subscription of a checkout is born with."""

    metadata: Metadata = Field(default_factory=dict)


class NewSession(Params):
    """POST /v1/checkout/sessions."""

    mode: Literal["subscription"]
    line_items: Annotated[list[LineItem], Listed, Field(min_length=1, max_length=1)]
    success_url: Url
    cancel_url: Url | None = None
    customer: Word | None = None
    customer_email: Word | None = None
    client_reference_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    metadata: Metadata = Field(default_factory=dict)
    subscription_data: SubscriptionData = SubscriptionData()
    expires_at: int | None = None
    allow_promotion_codes: Boolean | None = None
    billing_address_collection: Literal["auto", "required"] | None = None
    locale: Word | None = None
    ui_mode: Literal["hosted_page"] = "hosted_page"

    @model_validator(mode="after")
    def _one_customer(self) -> Self:
        if self.customer is not None and self.customer_email is not None:
            raise PydanticCustomError(
                "customer", "You may only specify one of these parameters: customer, customer_email."
            )
        return self


class SessionList(Page):
    """GET /v1/checkout/sessions."""

    customer: Word | None = None
    subscription: Word | None = None
    status: Literal["open", "complete", "expired"] | None = None


Feedback = Literal[
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
]


class CancellationDetails(Given):
    """The feedback given with a cancellation."""

    comment: Text | None = None
    feedback: Feedback | None = None


class PauseCollection(Given):
    """How collection is paused, and until when."""

    behavior: PauseBehavior
    resumes_at: Annotated[int | None, BeforeValidator(unset)] = None


class ChangedItem(Given):
    """An item that is changed or removed by its id, or added by a price."""

    id: Word | None = None
    price: Word | None = None
    quantity: int | None = Field(None, ge=0)
    deleted: Boolean = False


class ChangedSubscription(Params):
    """POST /v1/subscriptions/{id}."""

    items: Annotated[list[ChangedItem], Listed, Field(max_length=20)] = Field(default_factory=list)
    pause_collection: Annotated[PauseCollection | None, BeforeValidator(unset)] = None
    proration_behavior: Literal["always_invoice", "create_prorations", "none"] | None = None
    cancel_at_period_end: Boolean | None = None
    cancel_at: Annotated[str, Field(pattern=r"\A(\d{0,12}|min_period_end|max_period_end)\z")] | None = None
    metadata: Unsettable = Field(default_factory=dict)
    cancellation_details: CancellationDetails = CancellationDetails()

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.cancel_at_period_end is not None and self.cancel_at is not None:
            raise PydanticCustomError(
                "cancel",
                "Received both cancel_at and cancel_at_period_end parameters. Please pass in only one.",
            )
        return self


class CanceledSubscription(Params):
    """DELETE /v1/subscriptions/{id}."""

    cancellation_details: CancellationDetails = CancellationDetails()
    invoice_now: Boolean | None = None
    prorate: Boolean | None = None


class SubscriptionList(Page):
    """GET /v1/subscriptions."""

    customer: Word | None = None
    price: Word | None = None
    status: (
        Literal[
            "incomplete",
            "incomplete_expired",
            "trialing",
            "active",
            "past_due",
            "unpaid",
            "paused",
            "canceled",
            "ended",
            "all",
        ]
        | None
    ) = None


class NewPortal(Params):
    """POST /v1/billing_portal/sessions."""

    customer: Word
    return_url: Url | None = None
    locale: Word | None = None


class InvoiceList(Page):
    """GET /v1/invoices."""

    customer: Word | None = None
    subscription: Word | None = None
    status: Literal["draft", "open", "paid", "uncollectible", "void"] | None = None


class EventList(Page):
    """GET /v1/events."""

    type: Word | None = None
    types: Annotated[list[Word], Listed, Field(max_length=20)] = Field(default_factory=list)
    delivery_success: Boolean | None = None
