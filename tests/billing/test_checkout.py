"""Checkouts: one customer, one open payment page, and the same response to repeated requests."""

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.buyer import Buyer
from tests.support.stack import Stack
from tests.support.user import client, ok, problem
from tests.support.waiting import eventually

_OUR_PAGES = "http://localhost:8000/checkout"
_APP = "https://app.example.com"


@pytest.fixture(scope="module")
def web_api(stack: Stack) -> str:
    """An API process that allows the origin of a web app."""
    origins = f"{_APP}, http://localhost:3000, http://[::1]:3000"
    return stack.start_api(ALLOWED_ORIGINS=origins)


def test_a_payment_gives_pro_before_any_webhook(stack: Stack, buyer: Buyer) -> None:
    room = buyer.user.open_room()
    for number in range(5):
        assert buyer.user.post(room, f"Message {number}", Prefer="respond-async").status_code == 202
    problem(buyer.user.post(room, "One more"), 429, "daily_limit_reached")
    answer = buyer.subscribe()
    assert answer.status_code == 201
    checkout = ok(answer)
    assert checkout.keys() == {"checkout_url", "session_id", "expires_at"}
    back = buyer.pay(checkout)
    assert back == f"{_OUR_PAGES}/success?session_id={checkout['session_id']}"
    assert buyer.status()["plan"] == "basic"
    [session_id] = parse_qs(urlsplit(back).query)["session_id"]
    status = buyer.status(session_id=session_id)
    assert (status["plan"], status["status"], status["cancel_at_period_end"]) == ("pro", "active", False)
    assert status["current_period_end"].endswith("Z")
    assert (status["grace_until"], status["usage"]["limit"], status["usage"]["used"]) == (None, None, 5)
    assert buyer.user.post(room, "The sixth", Prefer="respond-async").status_code == 202
    problem(buyer.subscribe(), 409, "already_subscribed")
    assert ok(buyer.user.http.get("/user/me"))["plan"] == "pro"
    told = "SELECT count(*) FROM stripe_events WHERE session_id = %s"
    assert stack.database.value(told, session_id) == 0


def test_twenty_concurrent_requests_get_one_page_of_one_customer(stack: Stack, buyer: Buyer) -> None:
    others = [buyer.user.at(stack.start_api()) for _ in range(2)]
    users = [(buyer.user, *others)[number % 3] for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda user: user.http.post("/subscribe/pro", json={}), users))
    assert [answer.status_code for answer in answers] == [201] * 20
    assert len({answer.text for answer in answers}) == 1
    [page] = buyer.open_sessions()
    assert page["id"] == answers[0].json()["session_id"]
    assert page["client_reference_id"] == buyer.user.id
    assert len(buyer.stripe.listed("checkout/sessions")) == 1


def test_requests_during_a_slow_call_wait_for_its_result(buyer: Buyer) -> None:
    """Stripe rejects a key that another request is using; retries would end before its response."""
    buyer.stripe.fail("hold_before", "/v1/checkout/sessions", method="POST")
    with ThreadPoolExecutor(5) as pool:
        clicks = [pool.submit(buyer.subscribe) for _ in range(5)]
        eventually(
            lambda: any(call["waiting"] for call in buyer.stripe.calls("/v1/checkout/sessions", "POST")),
            what="a request at Stripe",
        )
        time.sleep(1.5)
        buyer.stripe.end_failures()
        answers = [click.result() for click in clicks]
    assert [answer.status_code for answer in answers] == [201] * 5
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("lost", ["/v1/customers", "/v1/checkout/sessions"])
def test_a_retry_after_a_lost_response_gets_the_same_page(buyer: Buyer, lost: str) -> None:
    buyer.stripe.fail("drop_after", lost, method="POST", times=5)
    answer = buyer.subscribe()
    problem(answer, 503, "service_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    buyer.stripe.end_failures()
    checkout = ok(buyer.subscribe())
    [page] = buyer.open_sessions()
    assert page["id"] == checkout["session_id"]
    assert len(buyer.stripe.listed("checkout/sessions")) == 1
    assert len(buyer.stripe.listed("customers")) == 1


@pytest.mark.parametrize("mode", ["500", "429", "drop_before", "hang"])
def test_an_outage_of_stripe_is_reported_and_blocks_nothing_afterwards(buyer: Buyer, mode: str) -> None:
    buyer.stripe.fail_all(mode)
    answer = buyer.subscribe()
    problem(answer, 503, "service_unavailable")
    assert "retry-after" in answer.headers
    assert answer.elapsed.total_seconds() < 20
    assert buyer.status()["plan"] == "basic"
    buyer.stripe.end_failures()
    assert buyer.subscribe().status_code == 201
    assert len(buyer.open_sessions()) == 1


def test_a_page_that_expired_before_it_was_stored_is_not_returned(buyer: Buyer) -> None:
    """Stripe replays its first response to a key, in which the page is open."""
    buyer.stripe.fail("drop_after", "/v1/checkout/sessions", method="POST", times=5)
    problem(buyer.subscribe(), 503, "service_unavailable")
    buyer.stripe.end_failures()
    [lost] = buyer.open_sessions()
    buyer.stripe.ask("POST", f"/checkout/sessions/{lost['id']}/expire")
    checkout = ok(buyer.subscribe())
    assert [page["id"] for page in buyer.open_sessions()] == [checkout["session_id"]]


def test_an_old_checkout_without_a_session_is_replaced(stack: Stack, buyer: Buyer) -> None:
    """Stripe replays its first response to a key for a day, failures too."""
    buyer.stripe.fail("drop_after", "/v1/checkout/sessions", method="POST", times=5)
    problem(buyer.subscribe(), 503, "service_unavailable")
    buyer.stripe.end_failures()
    stack.database.run(
        "UPDATE checkouts SET created_at = created_at - interval '16 minutes' WHERE user_id = %s",
        buyer.user.id,
    )
    keys = {call["idempotency_key"] for call in buyer.stripe.calls("/v1/checkout/sessions", "POST")}
    assert buyer.subscribe().status_code == 201
    [*_, last] = buyer.stripe.calls("/v1/checkout/sessions", "POST")
    assert last["idempotency_key"] not in keys


def test_a_rejection_is_not_replayed_by_the_next_request(stack: Stack, buyer: Buyer) -> None:
    """Stripe replays a rejection to its key for a day; here the price changed between two requests."""
    buyer.stripe.fail("drop_after", "/v1/checkout/sessions", method="POST", times=5)
    problem(buyer.subscribe(), 503, "service_unavailable")
    buyer.stripe.end_failures()
    elsewhere = Buyer(buyer.user.at(stack.start_api(STRIPE_PRO_PRICE_ID="price_other")), buyer.stripe)
    problem(elsewhere.subscribe(), 503, "service_unavailable")  # the key was used for another price
    problem(elsewhere.subscribe(), 503, "payments_not_configured")
    asked = buyer.stripe.calls("/v1/checkout/sessions", "POST")
    assert [call["status"] for call in asked[-2:]] == [400, 400]
    assert asked[-2]["idempotency_key"] != asked[-1]["idempotency_key"]


def test_an_open_page_is_reused(buyer: Buyer) -> None:
    first, second = ok(buyer.subscribe()), ok(buyer.subscribe())
    assert first == second
    same = {
        "success_url": f"{_OUR_PAGES}/success?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{_OUR_PAGES}/cancelled",
    }
    assert ok(buyer.subscribe(**same)) == first


def test_other_addresses_expire_the_open_page_and_open_another(buyer: Buyer) -> None:
    first = ok(buyer.subscribe())
    second = ok(buyer.subscribe(success_url="http://localhost:8000/done"))
    assert first["session_id"] != second["session_id"]
    assert [page["id"] for page in buyer.open_sessions()] == [second["session_id"]]
    assert "subscription" not in buyer.stripe.press(first["checkout_url"], "pay").headers
    assert buyer.status(session_id=first["session_id"])["plan"] == "basic"
    assert buyer.pay(second) == f"http://localhost:8000/done?session_id={second['session_id']}"


def test_a_paid_page_is_synced_instead_of_sold_twice(buyer: Buyer) -> None:
    buyer.pay(ok(buyer.subscribe()))
    for addresses in ({}, {"success_url": "http://localhost:8000/elsewhere"}):
        problem(buyer.subscribe(**addresses), 409, "already_subscribed")
    assert buyer.status()["plan"] == "pro"
    assert len(buyer.stripe.listed("subscriptions", customer=buyer.customer())) == 1


def test_an_expired_page_is_followed_by_a_new_one(buyer: Buyer) -> None:
    first = ok(buyer.subscribe())
    buyer.stripe.pass_time(advance_to="session_expiry")
    assert buyer.open_sessions() == []
    second = ok(buyer.subscribe())
    assert first["session_id"] != second["session_id"]
    assert len(buyer.open_sessions()) == 1


def test_a_page_missing_at_stripe_is_replaced_with_customer_and_page(buyer: Buyer) -> None:
    first = ok(buyer.subscribe())
    buyer.stripe.reset(deliver=False)
    second = ok(buyer.subscribe())
    assert first["session_id"] != second["session_id"]
    assert len(buyer.open_sessions()) == 1


def test_a_declined_card_changes_nothing_and_can_be_replaced(buyer: Buyer) -> None:
    checkout = ok(buyer.subscribe())
    declined = buyer.stripe.press(checkout["checkout_url"], "decline")
    assert (declined.status_code, "declined" in declined.text) == (200, True)
    status = buyer.status(session_id=checkout["session_id"])
    assert (status["plan"], status["status"]) == ("basic", None)
    assert ok(buyer.subscribe()) == checkout
    buyer.pay(checkout)
    assert buyer.status(session_id=checkout["session_id"])["plan"] == "pro"


def test_leaving_the_page_returns_and_changes_nothing(buyer: Buyer) -> None:
    checkout = ok(buyer.subscribe())
    left = buyer.stripe.press(checkout["checkout_url"], "cancel")
    assert (left.status_code, left.headers["location"]) == (303, f"{_OUR_PAGES}/cancelled")
    assert buyer.status(session_id=checkout["session_id"])["plan"] == "basic"
    assert ok(buyer.subscribe()) == checkout


def test_a_session_is_shown_to_its_owner_only(stack: Stack, buyer: Buyer) -> None:
    checkout = ok(buyer.subscribe())
    buyer.pay(checkout)
    stranger = Buyer(stack.user(), buyer.stripe)
    for session_id in (checkout["session_id"], "cs_test_unknown", "", "no such", "\0", "ä" * 5000):
        answer = stranger.user.http.get("/subscription/status", params={"session_id": session_id})
        problem(answer, 404, "checkout_not_found")
    assert stranger.status()["plan"] == "basic"
    assert buyer.status(session_id=checkout["session_id"])["plan"] == "pro"


def test_the_status_of_a_session_is_503_while_stripe_is_unavailable(buyer: Buyer) -> None:
    checkout = ok(buyer.subscribe())
    buyer.pay(checkout)
    buyer.stripe.fail_all("drop_before")
    query = {"session_id": checkout["session_id"]}
    answer = buyer.user.http.get("/subscription/status", params=query)
    problem(answer, 503, "service_unavailable")
    assert "retry-after" in answer.headers
    assert buyer.status()["plan"] == "basic"
    buyer.stripe.end_failures()
    assert buyer.status(**query)["plan"] == "pro"


@pytest.mark.parametrize(
    ("address", "completed"),
    [
        (f"{_APP}/done", f"{_APP}/done?session_id={{}}"),
        (f"{_APP}:443/done?a=1#/top", f"{_APP}:443/done?a=1&session_id={{}}#/top"),
        ("HTTPS://APP.example.com", "https://APP.example.com?session_id={}"),
        (f"{_APP}/#/paid/{{CHECKOUT_SESSION_ID}}", f"{_APP}/#/paid/{{}}"),
        ("http://localhost:3000/?who=a@b", "http://localhost:3000/?who=a@b&session_id={}"),
        ("http://[::1]:3000/x", "http://[::1]:3000/x?session_id={}"),
    ],
)
def test_an_address_on_an_allowed_origin_receives_the_session_id(
    buyer: Buyer, web_api: str, address: str, completed: str
) -> None:
    there = Buyer(buyer.user.at(web_api), buyer.stripe)
    checkout = ok(there.subscribe(success_url=address, cancel_url=f"{_APP}/plans"))
    assert there.stripe.press(checkout["checkout_url"], "cancel").headers["location"] == f"{_APP}/plans"
    assert there.pay(checkout) == completed.format(checkout["session_id"])


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "http://app.example.com/",
        "http://app.example.com:443/",
        f"{_APP}:8443/",
        f"{_APP}.evil.example/",
        f"{_APP}@evil.example/",
        "https://user@app.example.com/",
        "https://app.example.com:443@evil.example/",
        "https://evil.example#@app.example.com/",
        "https://evil.example\\@app.example.com/",
        f"{_APP}\\@evil.example/",
        "//app.example.com/",
        "/checkout/success",
        "https:/app.example.com/",
        "https:///app.example.com/",
        "https:app.example.com",
        "https://app.example.com:99999/",
        "https://app.example.com:/",
        "https://аpp.example.com/",  # noqa: RUF001  # the Cyrillic letter is the point
        "https://app\u3002example\u3002com/",
        f"{_APP}/\n",
        f"{_APP}\t.evil.example/",
        f" {_APP}/",
        f"{_APP}/a b",
        "javascript:alert(1)//https://app.example.com/",
        "data:text/html,https://app.example.com/",
        "*",
        "",
        f"{_APP}/{'a' * 2000}",
        "\0",
    ],
)
def test_an_address_on_another_origin_is_rejected_and_nothing_is_stored(
    stack: Stack, buyer: Buyer, web_api: str, address: str
) -> None:
    there = Buyer(buyer.user.at(web_api), buyer.stripe)
    for name in ("success_url", "cancel_url"):
        body = problem(there.subscribe(**{name: address}), 400, "validation_failed")
        assert [error["pointer"] for error in body["errors"]] == [f"/{name}"]
    stored = "SELECT count(*) FROM checkouts WHERE user_id = %s"
    assert stack.database.value(stored, buyer.user.id) == 0
    assert buyer.stripe.calls("/v1/", "POST") == []


@pytest.mark.parametrize(
    "body", [b"[]", b"5", b'{"success_url": 5}', b'{"plan": "gold"}', b"{", b'{"success_url": "\\ud800"}']
)
def test_a_malformed_request_is_rejected(buyer: Buyer, body: bytes) -> None:
    answer = buyer.user.http.post(
        "/subscribe/pro", content=body, headers={"Content-Type": "application/json"}
    )
    problem(answer, 400, "validation_failed")
    assert buyer.stripe.calls("/v1/", "POST") == []


def test_a_request_needs_no_body(buyer: Buyer) -> None:
    assert buyer.user.http.post("/subscribe/pro").status_code == 201


def test_no_name_or_number_is_sent_to_stripe(buyer: Buyer) -> None:
    ok(buyer.subscribe())
    told = str([call["params"] for call in buyer.stripe.calls("/v1/", "POST")])
    assert buyer.user.id in told
    assert buyer.user.mobile_number not in told
    assert "Ada" not in told


@pytest.mark.parametrize("page", ["success", "cancelled"])
def test_the_pages_for_payers_without_an_app_are_plain_and_guarded(stack: Stack, page: str) -> None:
    with client(stack.base_url) as anyone:
        answer: httpx.Response = anyone.get(f"/checkout/{page}", params={"session_id": "<b>cs_test_mark"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "go back to the app" in answer.text
    assert "cs_test_mark" not in answer.text
    assert "<script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
