"""Every object the sandbox returns is held against the fields and kinds of the SDK's own types."""

import stripe

from tests.sandbox.stripe_contract import complaints, required
from tests.sandbox.stripe_running import PRICE, Account

EXPANDED = ["customer", "subscription.latest_invoice.customer", "invoice"]


def test_every_object_has_what_the_sdk_requires_and_nothing_it_does_not_know(account: Account) -> None:
    """Red when a field was left out of an object, when one was misspelt, and when a number was text."""
    v1 = account.client.v1
    customer = account.customer()
    open_session = account.checkout(customer)
    subscription = account.subscribed(customer)
    expired = v1.checkout.sessions.expire(account.checkout(customer).id)
    account.order("stripe/payments", outcome="decline")
    account.order("clock", advance_to="period_end")
    v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    (paid,) = v1.checkout.sessions.list({"subscription": subscription.id}).data
    found: list[stripe.StripeObject] = [
        open_session,
        expired,
        v1.checkout.sessions.retrieve(paid.id, {"expand": EXPANDED}),
        v1.checkout.sessions.list(),
        v1.customers.retrieve(customer),
        v1.customers.list(),
        v1.prices.retrieve(PRICE, {"expand": ["product"]}),
        v1.prices.list({"lookup_keys": ["pro_monthly"]}),
        v1.subscriptions.retrieve(subscription.id),
        v1.subscriptions.list({"expand": ["data.latest_invoice"]}),
        v1.subscriptions.cancel(subscription.id),
        v1.invoices.list({"customer": customer}),
        v1.billing_portal.sessions.create({"customer": customer, "return_url": "http://app.test"}),
        v1.events.list({"limit": 100}),
    ]
    assert [complaint for each in found for complaint in complaints(each)] == []
    gone = {"id": customer, "object": "customer", "deleted": True}
    assert v1.customers.delete(customer).to_dict() == gone
    assert v1.customers.retrieve(customer).to_dict() == gone


def test_subscription_in_every_state_keeps_the_contract(account: Account) -> None:
    customer = account.customer()
    states = [
        "incomplete",
        "incomplete_expired",
        "trialing",
        "active",
        "past_due",
        "unpaid",
        "paused",
        "canceled",
    ]
    for state in states:
        made = account.made(customer=customer, status=state)
        assert made.status == state
        assert complaints(made) == []


def test_required_fields_are_read_from_the_annotations() -> None:
    """The contract test would be empty if the SDK's annotations were no longer found."""
    assert {"current_period_end", "current_period_start", "plan", "price"} <= required(
        stripe.SubscriptionItem
    )
    assert {"items", "status", "billing_schedules"} <= required(stripe.Subscription)
    assert "current_period_end" not in stripe.Subscription.__annotations__
    broken = stripe.Subscription.construct_from({"object": "subscription", "id": 1, "colour": "red"}, "k")
    said = complaints(broken)
    assert "Subscription.status is missing" in said
    assert "Subscription.colour is unknown to the SDK" in said
    assert any(each.startswith("Subscription.id is 1") for each in said)
