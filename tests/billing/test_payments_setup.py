"""Wrong configuration of payments: clients get an error code, operators the reason."""

import json

import pytest

from tests.support.buyer import Buyer
from tests.support.stack import Stack
from tests.support.user import Json, ok, problem

_SETUPS = {
    "no key": ({"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY is not set"),
    "a refused key": ({"STRIPE_SECRET_KEY": "sk_test_bad"}, "status 401, type invalid_request_error"),
    "no price": ({"STRIPE_PRO_PRICE_ID": ""}, "STRIPE_PRO_PRICE_ID is not set"),
    "an unknown price": (
        {"STRIPE_PRO_PRICE_ID": "price_other"},
        "code resource_missing, param line_items[0][price]",
    ),
    "a price of the other mode": (
        {"STRIPE_PRO_PRICE_ID": "price_live_pro"},
        "code resource_missing, param line_items[0][price]",
    ),
    "a price without a period": (
        {"STRIPE_PRO_PRICE_ID": "price_once_pro"},
        "status 400, type invalid_request_error",
    ),
}


def _logged(stack: Stack, event: str) -> list[Json]:
    lines = [json.loads(line) for line in stack.processes[-1].log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


@pytest.mark.parametrize("name", _SETUPS)
def test_a_wrong_setup_is_no_outage(stack: Stack, buyer: Buyer, name: str) -> None:
    """Red if a rejected key or price is reported as an outage, or logged without Stripe's code."""
    settings, reason = _SETUPS[name]
    there = Buyer(buyer.user.at(stack.start_api(**settings)), buyer.stripe)
    for _ in range(2):
        answer = there.subscribe()
        body = problem(answer, 503, "payments_not_configured")
        assert "try again" not in body["detail"].lower()
        assert int(answer.headers["retry-after"]) >= 600
    [first, second] = _logged(stack, "payments_not_configured")
    assert reason in first["reason"]
    assert reason in second["reason"]
    assert "sk_test" not in stack.processes[-1].log
    assert buyer.subscribe().status_code == 201  # by a process with the right configuration


@pytest.mark.parametrize("action", ["cancel", "resume", "portal", "invoices"])
def test_a_rejected_key_is_reported_by_every_route_that_calls_stripe(
    stack: Stack, buyer: Buyer, action: str
) -> None:
    checkout = buyer.become_pro()
    there = buyer.user.at(stack.start_api(STRIPE_SECRET_KEY="sk_test_bad"))
    method = "GET" if action == "invoices" else "POST"
    problem(there.http.request(method, f"/subscription/{action}"), 503, "payments_not_configured")
    query = {"session_id": checkout["session_id"]}
    problem(there.http.get("/subscription/status", params=query), 503, "payments_not_configured")
    assert ok(there.http.get("/subscription/status"))["plan"] == "pro"


def test_the_portal_of_a_missing_customer_ends_the_subscription(buyer: Buyer) -> None:
    """Red if it counts as an outage: the status would stay `pro`, and the portal 503."""
    buyer.become_pro()
    buyer.stripe.reset(deliver=False)
    problem(buyer.user.http.post("/subscription/portal"), 409, "not_subscribed")
    status = buyer.status()
    assert (status["plan"], status["status"]) == ("basic", "canceled")
    problem(buyer.user.http.post("/subscription/portal"), 409, "not_subscribed")
    buyer.become_pro()
    assert ok(buyer.user.http.post("/subscription/portal"))["url"]
