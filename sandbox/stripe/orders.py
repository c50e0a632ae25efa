"""The bodies of control requests."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from sandbox.stripe.failures import Mode
from sandbox.stripe.fields import Given
from sandbox.stripe.payments import Afterwards, Outcome
from sandbox.stripe.prices import PRO
from sandbox.stripe.subscriptions import PauseBehavior, Status
from sandbox.stripe.timeline import Kind


class ClockOrder(Given):
    """How far to go: by seconds, to a moment, or to the next thing of a kind (of a customer, or of any)."""

    advance: int | None = Field(None, ge=0)
    to: int | None = None
    advance_to: Kind | None = None
    customer: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(each is not None for each in (self.advance, self.to, self.advance_to)) != 1:
            raise PydanticCustomError("clock", "Say one of advance, to, advance_to.")
        return self


class PaymentOrder(Given):
    """The outcome of payments from now on: of a customer, or of all."""

    customer: str | None = None
    outcome: Outcome


class DunningOrder(Given):
    """After how many seconds each failed payment is tried again, and what follows the last try."""

    retry_after: list[int] = Field(max_length=20)
    afterwards: Afterwards = Afterwards.CANCEL


class FailureOrder(Given):
    """Which of the next requests fail, how often, and how."""

    path_contains: str = ""
    method: Literal["GET", "POST", "DELETE"] | None = None
    times: int = Field(1, ge=1)
    mode: Mode


class WebhookOrder(Given):
    """Where and how events are delivered; what is left out stays as it is."""

    url: str | None = None
    secrets: list[str] | None = Field(None, min_length=1)
    deliver: bool | None = None
    old_shape: bool | None = None
    retry_after: list[float] | None = None
    timeout: float | None = Field(None, gt=0)


class RedeliveryOrder(Given):
    """Which events to send again: these, in this order, or all, or all that wait; each so many times."""

    events: list[str] | None = None
    type: str | None = None
    pending_only: bool = True
    copies: int = Field(1, ge=1, le=1000)
    at_once: int = Field(1, ge=1, le=100)


class SubscriptionOrder(Given):
    """A subscription to make: in a state, now; or begun long ago, with all that happened since."""

    customer: str
    price: str = PRO.id
    more_prices: list[str] = Field(default_factory=list, max_length=19)
    pause: PauseBehavior | None = None
    status: Status = Status.ACTIVE
    metadata: dict[str, str] = Field(default_factory=dict)
    started_at: int | None = None
