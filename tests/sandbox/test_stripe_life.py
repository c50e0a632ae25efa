"""A subscription's life as the clock is moved: renewals, failed payments, cancellation, the end."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal

import pytest
import stripe

from tests.sandbox.stripe_contract import complaints
from tests.sandbox.stripe_running import DAY, PRICE, Account, period_of

WEEK = 7 * DAY
OTHER = "price_sandbox_other"
KEY = {"Authorization": "Bearer sk_test_x"}


def test_month_passes_and_the_renewal_is_paid(account: Account) -> None:
    subscription = account.subscribed()
    _, first_end = period_of(subscription)
    before = {event.id for event in account.events()}
    moved = account.order("clock", advance_to="period_end").json()
    assert (moved["done"], moved["now"]) == (1, first_end)
    renewed = account.subscription(subscription.id)
    assert renewed.status == "active"
    assert period_of(renewed)[0] == first_end
    invoices = account.client.v1.invoices.list({"subscription": subscription.id}).data
    assert [(each.billing_reason, each.status) for each in invoices] == [
        ("subscription_cycle", "paid"),
        ("subscription_create", "paid"),
    ]
    events = [event for event in account.events() if event.id not in before]
    assert [event.type for event in events] == [
        "customer.subscription.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    assert {event.created for event in events} == {first_end}
    assert set(events[0].data.to_dict()["previous_attributes"]) == {"items", "latest_invoice"}


def test_year_has_twelve_renewals_at_their_right_moments(account: Account) -> None:
    subscription = account.subscribed()
    account.order("clock", advance=366 * DAY)
    invoices = account.client.v1.invoices.list({"subscription": subscription.id, "limit": 100}).data
    assert len(invoices) == 13
    days = [datetime.fromtimestamp(each.created, UTC).day for each in invoices]
    anchor = datetime.fromtimestamp(subscription.billing_cycle_anchor, UTC).day
    assert all(day == min(anchor, 28) or day == anchor or day >= 28 for day in days)
    assert all(earlier.created < later.created for later, earlier in pairwise(invoices))
    created = [event.created for event in account.events()]
    assert created == sorted(created)


def test_failed_renewal_is_past_due_tried_three_times_and_then_canceled(account: Account) -> None:
    subscription = account.subscribed()
    customer = str(subscription.customer)
    _, due = period_of(subscription)
    account.order("stripe/payments", customer=customer, outcome="decline")
    account.order("clock", advance_to="period_end")
    late = account.subscription(subscription.id)
    assert (late.status, period_of(late)[0]) == ("past_due", due)
    assert account.client.v1.customers.retrieve(customer).delinquent is True
    for tried in (1, 2, 3):
        invoice = account.client.v1.invoices.retrieve(str(late.latest_invoice))
        assert (invoice.status, invoice.attempt_count) == ("open", tried)
        assert invoice.next_payment_attempt == due + tried * WEEK
        account.order("clock", advance_to="payment_attempt")
    ended = account.subscription(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", due + 3 * WEEK)
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "payment_failed"
    assert account.types_of_events().count("invoice.payment_failed") == 4
    assert account.types_of_events()[-1] == "customer.subscription.deleted"
    account.order("clock", advance=90 * DAY)
    assert account.types_of_events() == []  # as in the real list, events are kept for 30 days
    assert len(account.client.v1.invoices.list({"subscription": subscription.id}).data) == 2


def test_late_payment_makes_it_active_again(account: Account) -> None:
    subscription = account.subscribed()
    account.order("stripe/payments", outcome="decline")
    account.order("clock", advance_to="period_end")
    assert account.subscription(subscription.id).status == "past_due"
    account.order("stripe/payments", outcome="pay")
    account.order("clock", advance_to="payment_attempt")
    assert account.subscription(subscription.id).status == "active"
    updated = account.events()[-4]
    assert updated.type == "customer.subscription.updated"
    assert updated.data.to_dict()["previous_attributes"] == {"status": "past_due"}


@pytest.mark.parametrize(("afterwards", "status"), [("unpaid", "unpaid"), ("past_due", "past_due")])
def test_what_follows_the_last_try_is_a_setting(account: Account, afterwards: str, status: str) -> None:
    subscription = account.subscribed()
    account.order("stripe/dunning", retry_after=[3600], afterwards=afterwards)
    account.order("stripe/payments", outcome="decline")
    account.order("clock", advance_to="period_end")
    account.order("clock", advance_to="payment_attempt")
    assert account.subscription(subscription.id).status == status


def test_cancelled_at_period_end_it_lives_until_then(account: Account) -> None:
    subscription = account.subscribed()
    _, end = period_of(subscription)
    v1 = account.client.v1
    changed = v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (changed.status, changed.cancel_at_period_end, changed.cancel_at) == ("active", True, end)
    resumed = v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert (resumed.cancel_at_period_end, resumed.cancel_at, resumed.canceled_at) == (False, None, None)
    v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    account.order("clock", advance_to="period_end")
    ended = account.subscription(subscription.id)
    assert (ended.status, ended.ended_at, ended.cancel_at_period_end) == ("canceled", end, True)
    assert account.types_of_events()[-1] == "customer.subscription.deleted"
    assert len(v1.invoices.list({"subscription": subscription.id}).data) == 1


def test_cancelled_at_once_it_ends_now_and_cannot_be_cancelled_again(account: Account) -> None:
    subscription = account.subscribed()
    v1 = account.client.v1
    ended = v1.subscriptions.cancel(subscription.id, {"cancellation_details": {"feedback": "too_expensive"}})
    assert ended.status == "canceled"
    assert ended.ended_at is not None
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.feedback == "too_expensive"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.subscriptions.cancel(subscription.id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError, match="can only update its cancellation_details"):
        v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert v1.subscriptions.list({"customer": str(subscription.customer)}).data == []
    for status in ("all", "canceled", "ended"):
        (listed,) = v1.subscriptions.list({"customer": str(subscription.customer), "status": status}).data
        assert listed.id == subscription.id


def test_deleted_customer_loses_the_subscription_at_once(account: Account) -> None:
    subscription = account.subscribed()
    customer = str(subscription.customer)
    assert account.client.v1.customers.delete(customer).deleted is True
    assert account.subscription(subscription.id).status == "canceled"
    assert account.types_of_events()[-2:] == ["customer.subscription.deleted", "customer.deleted"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        account.checkout(customer)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        "resource_missing",
        "customer",
    )


def test_portal_cancels_by_date_as_the_real_one_does(account: Account) -> None:
    """The real portal leaves `cancel_at_period_end` false and sets `cancel_at` (flexible billing mode)."""
    subscription = account.subscribed()
    v1, end = account.client.v1, period_of(subscription)[1]
    portal = v1.billing_portal.sessions.create(
        {"customer": str(subscription.customer), "return_url": "http://app.test/account"}
    )
    assert 'id="cancel"' in account.http.get(portal.url).text
    assert account.http.post(portal.url, data={"action": "cancel"}).status_code == 303
    changed = account.subscription(subscription.id)
    assert (changed.cancel_at_period_end, changed.cancel_at) == (False, end)
    v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert account.subscription(subscription.id).cancel_at == end
    assert 'id="resume"' in account.http.get(portal.url).text
    account.http.post(portal.url, data={"action": "resume"})
    assert account.subscription(subscription.id).cancel_at is None
    account.http.post(portal.url, data={"action": "cancel"})
    v1.subscriptions.update(subscription.id, {"cancel_at": ""})
    assert account.subscription(subscription.id).cancel_at is None
    back = account.http.post(portal.url, data={"action": "back"})
    assert (back.status_code, back.headers["location"]) == (303, "http://app.test/account")


def test_portal_pays_what_is_open(account: Account) -> None:
    made = account.made(customer=account.customer(), status="past_due")
    portal = account.client.v1.billing_portal.sessions.create({"customer": str(made.customer)})
    account.order("stripe/payments", outcome="decline")
    assert 'id="problem"' in account.http.post(portal.url, data={"action": "pay"}).text
    account.order("stripe/payments", outcome="pay")
    account.http.post(portal.url, data={"action": "pay"})
    assert account.subscription(made.id).status == "active"
    assert 'id="pay"' not in account.http.get(portal.url).text


def test_incomplete_subscription_expires_after_23_hours_and_a_trial_becomes_active(account: Account) -> None:
    incomplete = account.made(customer=account.customer(), status="incomplete")
    trial = account.made(customer=account.customer(), status="trialing")
    account.order("clock", advance_to="first_payment")
    assert account.subscription(incomplete.id).status == "incomplete_expired"
    account.order("clock", advance_to="period_end")
    assert account.subscription(trial.id).status == "active"


def test_subscription_begun_in_the_past_has_lived_since(account: Account) -> None:
    """States that depend on time come about without moving the clock, which the product does not share."""
    customer = account.customer()
    account.order("stripe/payments", customer=customer, outcome="decline")
    made = account.made(customer=customer, started_at=account.now() - 35 * DAY)
    assert made.status == "past_due"
    start, end = period_of(made)
    assert start < account.now() < end
    assert account.http.get("/sandbox/clock").json()["ahead"] == 0


@pytest.mark.parametrize(
    ("behavior", "status", "event"),
    [
        ("void", "void", "invoice.voided"),
        ("mark_uncollectible", "uncollectible", "invoice.marked_uncollectible"),
        ("keep_as_draft", "draft", "invoice.created"),
    ],
)
def test_paused_collection_leaves_the_status_and_sets_invoices_aside(
    account: Account,
    behavior: Literal["void", "mark_uncollectible", "keep_as_draft"],
    status: str,
    event: str,
) -> None:
    subscription = account.subscribed()
    v1 = account.client.v1
    paused = v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": behavior}})
    assert paused.status == "active"
    assert paused.pause_collection is not None
    assert (paused.pause_collection.behavior, paused.pause_collection.resumes_at) == (behavior, None)
    assert account.types_of_events()[-1] == "customer.subscription.updated"
    account.order("clock", advance_to="period_end")
    renewed = account.subscription(subscription.id)
    assert (renewed.status, period_of(renewed)[0]) == ("active", period_of(subscription)[1])
    newest = v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (newest.status, newest.attempt_count, newest.amount_paid) == (status, 0, 0)
    assert complaints(newest) == []
    assert account.types_of_events()[-1] == event
    resumed = v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    assert resumed.pause_collection is None
    assert v1.invoices.retrieve(newest.id).status == status
    account.order("clock", advance_to="period_end")
    assert v1.invoices.list({"subscription": subscription.id}).data[0].status == "paid"


def test_pause_of_collection_ends_when_it_was_said_to(account: Account) -> None:
    subscription = account.subscribed()
    _, end = period_of(subscription)
    pause = {"behavior": "void", "resumes_at": str(end)}
    path = f"/v1/subscriptions/{subscription.id}"
    body = {f"pause_collection[{name}]": value for name, value in pause.items()}
    assert account.http.post(path, data=body, headers=KEY).is_success
    account.order("clock", advance_to="resumption")
    assert account.subscription(subscription.id).pause_collection is None
    account.order("clock", advance_to="period_end")
    newest = account.client.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert newest.status == "paid"
    past = {**body, "pause_collection[resumes_at]": str(account.now() - 1)}
    refused = account.http.post(path, data=past, headers=KEY)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "pause_collection[resumes_at]")
    unknown = account.http.post(path, data={"pause_collection[behavior]": "stop"}, headers=KEY)
    assert unknown.status_code == 400
    assert account.http.post(path, data={"pause_collection[resumes_at]": "1"}, headers=KEY).status_code == 400


def test_items_are_changed_added_and_removed(account: Account) -> None:
    subscription = account.subscribed()
    v1 = account.client.v1
    first = subscription["items"].data[0].id
    moved = v1.subscriptions.update(
        subscription.id, {"items": [{"id": first, "price": OTHER, "quantity": 2}, {"price": PRICE}]}
    )
    items = moved["items"].data
    assert [(item.price.id, item.quantity) for item in items] == [(OTHER, 2), (PRICE, 1)]
    assert complaints(moved) == []
    assert {item.price.id for item in account.subscription(subscription.id)["items"].data} == {OTHER, PRICE}
    listed = [v1.subscriptions.list({"price": price}).data for price in (OTHER, PRICE)]
    assert [len(found) for found in listed] == [1, 1]
    account.order("clock", advance_to="period_end")
    invoice = v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (invoice.amount_due, len(invoice.lines.data)) == (2 * 700 + 2000, 2)
    left = v1.subscriptions.update(subscription.id, {"items": [{"id": first, "deleted": True}]})
    assert [item.price.id for item in left["items"].data] == [PRICE]
    only = left["items"].data[0].id
    for bad in (
        {"items[0][id]": first},
        {"items[0][price]": "price_gone"},
        {"items[0][quantity]": "2"},
        {"items[0][id]": only, "items[0][deleted]": "true"},
    ):
        refused = account.http.post(f"/v1/subscriptions/{subscription.id}", data=bad, headers=KEY)
        assert refused.status_code == 400
