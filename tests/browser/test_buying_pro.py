"""A user buys Pro in a browser, comes back, uses it, cancels, and is on Basic when the month is over."""

from collections.abc import Iterator

import pytest

from tests.browser.browser import Browser
from tests.support.buyer import Buyer, StripePages
from tests.support.stack import Stack
from tests.support.user import ok, problem


@pytest.fixture
def buyer(stack: Stack) -> Iterator[Buyer]:
    """Somebody at an API process that sends payers back to where a browser finds the pages."""
    stripe_pages = StripePages(stack)
    address = stack.start_api(ALLOWED_ORIGINS=stack.base_url)
    yield Buyer(stack.user().at(address), stripe_pages)
    stripe_pages.reset(deliver=True)


def test_a_user_buys_pro_and_leaves_again(stack: Stack, browser: Browser, buyer: Buyer) -> None:
    pages = f"{stack.base_url}/checkout"
    checkout = ok(buyer.subscribe(success_url=f"{pages}/success", cancel_url=f"{pages}/cancelled"))

    offer = browser.visit("1-offer", checkout["checkout_url"])
    assert "$20.00" in offer.text
    declined = browser.visit("2-declined", checkout["checkout_url"], "Decline (the bank says no)")
    assert "declined" in declined.text
    left = browser.visit("3-changed-mind", checkout["checkout_url"], "Cancel")
    assert (left.address, left.heading) == (f"{pages}/cancelled", "Nothing was charged")
    assert buyer.status(session_id=checkout["session_id"])["plan"] == "basic"

    paid = browser.visit("4-paid", checkout["checkout_url"], "Pay")
    assert paid.address == f"{pages}/success?session_id={checkout['session_id']}"
    assert paid.heading == "Thank you"
    assert "go back to the app" in paid.text
    for page in (left, paid):
        assert page.complaints == []
        assert "system-ui" in page.font
    assert buyer.status(session_id=checkout["session_id"])["plan"] == "pro"
    room = buyer.user.open_room()
    for number in range(6):
        assert buyer.user.say(room, f"Message {number}")["reply"]["status"] == "completed"

    portal = browser.visit("5-portal", ok(buyer.user.http.post("/subscription/portal"))["url"])
    assert ("active" in portal.text, "Renews" in portal.text) == (True, True)
    assert buyer.act("cancel")["cancel_at_period_end"] is True
    portal = browser.visit("6-cancelled", ok(buyer.user.http.post("/subscription/portal"))["url"])
    assert "Ends" in portal.text
    buyer.stripe.order("webhooks", deliver=True)
    buyer.stripe.pass_time(advance_to="period_end")
    buyer.wait_until(plan="basic", status="canceled")
    problem(buyer.user.post(room, "One more"), 429, "daily_limit_reached")
