"""From an open checkout to a subscription, on the payment page as a browser walks it."""

import concurrent.futures
import re

import httpx
import pytest
import stripe

from tests.sandbox.stripe_running import CANCEL, DAY, PRICE, SUCCESS, Account, period_of


def test_payment_page_says_what_is_bought_and_that_it_is_a_sandbox(account: Account) -> None:
    session = account.checkout()
    assert session.url is not None
    page = account.http.get(session.url)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "no money moves" in page.text
    assert re.search(r'id="price"[^>]*>\$20\.00 a month<', page.text)
    assert re.findall(r'<button type="submit" id="(\w+)" name="action" value="(\w+)"', page.text) == [
        ("pay", "pay"),
        ("decline", "decline"),
        ("cancel", "cancel"),
    ]
    assert "<script" not in page.text
    assert not re.search(r'(?:src|href|action)="', page.text)


def test_paying_makes_the_subscription_and_leads_to_the_success_url(account: Account) -> None:
    session = account.checkout()
    assert (session.status, session.payment_status, session.subscription) == ("open", "unpaid", None)
    answer = account.press(session, "pay")
    assert answer.status_code == 303
    assert answer.headers["location"] == SUCCESS.replace("{CHECKOUT_SESSION_ID}", session.id)
    paid = account.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["subscription", "subscription.latest_invoice"]}
    )
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert paid.metadata is not None
    assert (paid.client_reference_id, paid.metadata.to_dict()) == ("user-1", {"user": "1"})
    subscription = paid.subscription
    assert isinstance(subscription, stripe.Subscription)
    assert (subscription.status, subscription.metadata.to_dict()) == ("active", {"user": "1"})
    start, end = period_of(subscription)
    assert 28 * DAY <= end - start <= 31 * DAY
    assert subscription.billing_cycle_anchor == start
    assert "current_period_end" not in subscription.to_dict()
    invoice = subscription.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == (
        "paid",
        2000,
        "subscription_create",
    )
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert account.types_of_events() == [
        "customer.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.completed",
    ]


def test_declined_payment_leaves_no_subscription_and_the_page_open(account: Account) -> None:
    session = account.checkout()
    declined = account.press(session, "decline")
    assert declined.status_code == 200
    assert re.search(r'id="problem" role="alert"[^>]*>Your card was declined', declined.text)
    account.order("stripe/payments", outcome="decline")
    assert "Your card was declined" in account.press(session, "pay").text
    customer = str(session.customer)
    assert account.client.v1.subscriptions.list({"customer": customer, "status": "all"}).data == []
    assert account.types_of_events() == ["customer.created"]
    account.order("stripe/payments", outcome="pay")
    assert account.press(session, "pay").status_code == 303


def test_cancelling_leads_back_and_leaves_the_session_open(account: Account) -> None:
    session = account.checkout()
    answer = account.press(session, "cancel")
    assert (answer.status_code, answer.headers["location"]) == (303, CANCEL)
    assert account.client.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_session_is_paid_once_however_often_the_button_is_pressed(account: Account) -> None:
    """Red when neither the page nor the checkout looked at the session's status before it paid."""
    session = account.checkout()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: account.press(session, "pay"), range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [303]
    assert len(account.client.v1.subscriptions.list({"customer": str(session.customer)}).data) == 1


def test_expired_session_cannot_be_paid(account: Account) -> None:
    session = account.checkout()
    assert session.expires_at - session.created == DAY
    expired = account.client.v1.checkout.sessions.expire(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    assert 'id="expired"' in account.press(session, "pay").text
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        account.client.v1.checkout.sessions.expire(session.id)
    assert account.types_of_events() == ["customer.created", "checkout.session.expired"]


def test_sessions_expire_by_the_clock(account: Account) -> None:
    session = account.checkout()
    account.order("clock", advance=DAY - 60)
    assert account.client.v1.checkout.sessions.retrieve(session.id).status == "open"
    account.order("clock", advance=120)
    assert account.client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert (account.events()[-1].type, account.events()[-1].created) == (
        "checkout.session.expired",
        session.expires_at,
    )


@pytest.mark.parametrize("seconds", [60, 2 * DAY])
def test_session_lives_from_half_an_hour_to_a_day(account: Account, seconds: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        account.client.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "line_items": [{"price": PRICE, "quantity": 1}],
                "success_url": SUCCESS,
                "expires_at": account.now() + seconds,
            }
        )
    assert refused.value.param == "expires_at"


def test_checkout_without_a_customer_makes_one(account: Account) -> None:
    session = account.client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer_email": "new@example.com",
            "line_items": [{"price": PRICE, "quantity": 1}],
            "success_url": SUCCESS,
        }
    )
    assert (session.customer, session.customer_creation) == (None, "always")
    assert account.press(session, "pay").status_code == 303
    (customer,) = account.client.v1.customers.list({"email": "new@example.com"}).data
    paid = account.client.v1.checkout.sessions.retrieve(session.id)
    assert paid.customer == customer.id
    assert paid.customer_details is not None
    assert paid.customer_details.email == "new@example.com"


def test_what_a_page_shows_is_escaped(account: Account) -> None:
    session = account.client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": PRICE, "quantity": 1}],
            "success_url": 'http://app.test/?a="><script>alert(1)</script>',
        }
    )
    account.press(session, "pay")
    shown = account.http.get(f"/checkout/{session.id}").text
    assert 'id="complete"' in shown
    assert "<script" not in shown


@pytest.mark.parametrize("path", ["/checkout/cs_test_none", "/portal/bps_none", "/invoice/in_none"])
def test_page_that_does_not_exist_is_a_page_too(account: Account, path: str) -> None:
    answer = account.http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_pages_are_reached_under_the_address_that_the_api_was_called_by(account: Account) -> None:
    port = httpx.URL(account.url).port
    with httpx.Client(base_url=f"http://localhost:{port}", auth=("sk_test_x", "")) as http:
        customer = account.customer()
        portal = http.post("/v1/billing_portal/sessions", data={"customer": customer}).json()
    assert portal["url"].startswith(f"http://localhost:{port}/portal/bps_")
