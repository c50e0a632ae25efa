"""The API's methods for subscriptions: look, change, cancel."""

from dataclasses import dataclass

from sandbox.stripe.account import Account
from sandbox.stripe.billing import UPDATED
from sandbox.stripe.listing import listed
from sandbox.stripe.params import (
    CanceledSubscription,
    CancellationDetails,
    ChangedSubscription,
    Params,
    SubscriptionList,
)
from sandbox.stripe.prices import PRICES
from sandbox.stripe.problems import Json, StripeError, no_such
from sandbox.stripe.selling import merged
from sandbox.stripe.subscriptions import ENDED, Status, Subscription


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """/v1/subscriptions."""

    account: Account

    def retrieve(self, _: Params, id_: str) -> Json:
        return self.account.store.subscription(id_).described()

    def change(self, params: ChangedSubscription, id_: str) -> Json:
        subscription = self.account.store.subscription(id_)
        ends = params.cancel_at_period_end is not None or params.cancel_at is not None
        if subscription.ended and ends:
            raise StripeError(
                400, "A canceled subscription can only update its cancellation_details and metadata."
            )
        with self.account.events.changing(UPDATED, subscription):
            subscription.metadata = merged(subscription.metadata, params.metadata)
            _explain(subscription, params.cancellation_details)
            if params.cancel_at_period_end is not None:
                end_with_period(subscription, self.account.clock.now(), ends=params.cancel_at_period_end)
            if params.cancel_at is not None:
                end_at(subscription, self.account.clock.now(), self._moment(params.cancel_at, subscription))
        return subscription.described()

    def cancel(self, params: CanceledSubscription, id_: str) -> Json:
        subscription = self.account.store.subscription(id_)
        if subscription.ended:
            raise no_such("subscription", id_)
        _explain(subscription, params.cancellation_details)
        self.account.billing.cancel(subscription, "cancellation_requested")
        return subscription.described()

    def list(self, params: SubscriptionList, _: str) -> Json:
        if params.customer is not None:
            self.account.store.customer(params.customer)
        if params.price is not None and params.price not in PRICES:
            raise no_such("price", params.price, param="price")

        def wanted(subscription: Subscription) -> bool:
            return (
                params.customer in {None, subscription.customer}
                and params.price in {None, subscription.price.id}
                and _has_status(subscription, params.status)
            )

        subscriptions = self.account.store.subscriptions.values()
        return listed(subscriptions, params, url="/v1/subscriptions", noun="subscription", wanted=wanted)

    def _moment(self, written: str, subscription: Subscription) -> int | None:
        if written == "":
            return None
        if not written.isdigit():
            return subscription.period_end
        if int(written) <= self.account.clock.now():
            raise StripeError(400, "`cancel_at` must be a timestamp in the future.", param="cancel_at")
        return int(written)


def end_with_period(subscription: Subscription, now: int, *, ends: bool) -> None:
    """Say by the flag that it ends with its period, or take that back; a date set otherwise stands."""
    if ends:
        end_at(subscription, now, subscription.period_end)
        subscription.cancel_at_period_end = True
    elif subscription.cancel_at_period_end:
        end_at(subscription, now, None)


def end_at(subscription: Subscription, now: int, moment: int | None) -> None:
    """Say by a date that it ends, as the portal does, or take back any end that was said."""
    subscription.cancel_at, subscription.cancel_at_period_end = moment, False
    subscription.canceled_at = now if moment is not None else None
    subscription.cancellation.reason = "cancellation_requested" if moment is not None else None


def _explain(subscription: Subscription, details: CancellationDetails) -> None:
    subscription.cancellation.comment = details.comment or subscription.cancellation.comment
    subscription.cancellation.feedback = details.feedback or subscription.cancellation.feedback


def _has_status(subscription: Subscription, wanted: str | None) -> bool:
    match wanted:
        case None:
            return subscription.status is not Status.CANCELED
        case "all":
            return True
        case "ended":
            return subscription.status in ENDED
        case _:
            return subscription.status == wanted
