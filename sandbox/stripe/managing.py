"""The API's methods for subscriptions: read, change, cancel."""

from dataclasses import dataclass

from sandbox.stripe.account import Account
from sandbox.stripe.billing import UPDATED
from sandbox.stripe.ids import new_id
from sandbox.stripe.listing import listed
from sandbox.stripe.params import (
    CanceledSubscription,
    CancellationDetails,
    ChangedItem,
    ChangedSubscription,
    Params,
    SubscriptionList,
)
from sandbox.stripe.prices import PRICES
from sandbox.stripe.problems import Json, StripeError, no_such
from sandbox.stripe.selling import merged
from sandbox.stripe.subscriptions import ENDED, Item, Pause, Status, Subscription


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """/v1/subscriptions."""

    account: Account

    def retrieve(self, _: Params, id_: str) -> Json:
        return self.account.store.subscription(id_).described()

    def change(self, params: ChangedSubscription, id_: str) -> Json:
        subscription = self.account.store.subscription(id_)
        given = {"cancel_at_period_end", "cancel_at", "items", "pause_collection", "proration_behavior"}
        if subscription.ended and params.model_fields_set & given:
            raise StripeError(
                400, "A canceled subscription can only update its cancellation_details and metadata."
            )
        items = changed_items(params.items, subscription)
        pause = self._pause(params, subscription)
        with self.account.events.changing(UPDATED, subscription):
            subscription.items, subscription.pause = items, pause
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
                and (params.price is None or params.price in {item.price.id for item in subscription.items})
                and _has_status(subscription, params.status)
            )

        subscriptions = self.account.store.subscriptions.values()
        return listed(subscriptions, params, url="/v1/subscriptions", noun="subscription", wanted=wanted)

    def _pause(self, params: ChangedSubscription, subscription: Subscription) -> Pause | None:
        if "pause_collection" not in params.model_fields_set:
            return subscription.pause
        given = params.pause_collection
        if given is None:
            return None
        if given.resumes_at is not None and given.resumes_at <= self.account.clock.now():
            message = "`pause_collection[resumes_at]` must be a timestamp in the future."
            raise StripeError(400, message, param="pause_collection[resumes_at]")
        return Pause(given.behavior, given.resumes_at)

    def _moment(self, written: str, subscription: Subscription) -> int | None:
        if written == "":
            return None
        if not written.isdigit():
            return subscription.period_end
        if int(written) <= self.account.clock.now():
            raise StripeError(400, "`cancel_at` must be a timestamp in the future.", param="cancel_at")
        return int(written)


def changed_items(changes: list[ChangedItem], subscription: Subscription) -> list[Item]:
    """Change, add and remove items as Stripe does: what has an id is changed, the rest is new."""
    items = {item.id: item for item in subscription.items}
    for number, change in enumerate(changes):
        name = f"items[{number}]"
        if change.price is not None and change.price not in PRICES:
            raise no_such("price", change.price, param=f"{name}[price]")
        if change.id is None and change.price is None:
            raise StripeError(400, f"Missing required param: {name}[price].", param=f"{name}[price]")
        if change.id is not None and change.id not in items:
            raise no_such("subscription_item", change.id, param=f"{name}[id]")
        if change.id is not None and change.deleted:
            del items[change.id]
            continue
        before = items.get(change.id or "")
        id_ = before.id if before is not None else new_id("si", 14)
        price = PRICES[change.price] if change.price is not None else items[id_].price
        quantity = before.quantity if before is not None and change.quantity is None else change.quantity
        items[id_] = Item(id_, price, 1 if quantity is None else quantity)
    if not items:
        raise StripeError(400, "A subscription must have at least one active plan.", param="items")
    return list(items.values())


def end_with_period(subscription: Subscription, now: int, *, ends: bool) -> None:
    """Set or clear the flag that ends it with its period; a date set otherwise stays."""
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
