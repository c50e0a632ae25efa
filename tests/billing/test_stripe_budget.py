"""Calls to Stripe per user: limited per minute; requests served from the database are not counted."""

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.buyer import Buyer
from tests.support.stack import Stack
from tests.support.user import Json, User, ok, problem

pytestmark = pytest.mark.server_version

_CALLS = 30


def _made(buyer: Buyer) -> list[Json]:
    return [*buyer.stripe.calls("/v1/", "GET"), *buyer.stripe.calls("/v1/", "POST")]


def _left(answer: httpx.Response) -> int | None:
    found = re.search(r'"stripe";r=(\d+);t=\d+', answer.headers["ratelimit"])
    return int(found[1]) if found else None


def test_a_hundred_checkouts_with_changing_addresses_make_a_few_calls(buyer: Buyer) -> None:
    """Red without the budget: 299 calls."""
    answers = [buyer.subscribe(success_url=f"http://localhost:8000/{number}") for number in range(100)]
    counted = Counter(answer.status_code for answer in answers)
    assert counted.keys() == {201, 429}
    assert len(_made(buyer)) <= _CALLS + 3  # a request that has begun is completed
    refused = problem(answers[-1], 429, "rate_limit_exceeded")
    assert refused["status"] == 429
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert f'"stripe";q={_CALLS};w=60' in answers[-1].headers["ratelimit-policy"]
    assert _left(answers[-1]) == 0
    assert len(buyer.open_sessions()) <= 1


def _subscribe(user: User) -> httpx.Response:
    return user.http.post("/subscribe/pro", json={"success_url": "http://localhost:8000/elsewhere"})


def _status(user: User, session_id: str) -> httpx.Response:
    return user.http.get("/subscription/status", params={"session_id": session_id})


@pytest.mark.parametrize("asked", ["status", "cancel", "resume", "portal", "invoices"])
def test_every_route_that_calls_stripe_is_counted_and_rejected(
    stack: Stack, buyer: Buyer, asked: str
) -> None:
    """Red for each route that does not count its calls."""
    checkout = buyer.become_pro()

    def ask(user: User) -> httpx.Response:
        match asked:
            case "status":
                return _status(user, checkout["session_id"])
            case "invoices":
                return user.http.get("/subscription/invoices")
        return user.http.post(f"/subscription/{asked}")

    first = ask(buyer.user)
    assert first.is_success
    left = _left(first)
    assert left is not None
    assert left < _CALLS
    answers = [ask(buyer.user) for _ in range(_CALLS)]
    assert {answer.is_success for answer in answers[:3]} == {True}
    problem(answers[-1], 429, "rate_limit_exceeded")
    made = len(_made(buyer))
    problem(ask(buyer.user.at(stack.start_api())), 429, "rate_limit_exceeded")
    assert len(_made(buyer)) == made
    assert ok(buyer.user.http.get("/user/me"))["plan"] == "pro"
    stranger = Buyer(stack.user(), buyer.stripe)
    assert stranger.subscribe().status_code == 201


def test_a_request_that_began_with_the_last_call_is_completed(stack: Stack, buyer: Buyer) -> None:
    """Red if each call is rejected: cancelled at Stripe, and 429 to the client."""
    buyer.become_pro()
    key = f"limit:stripe:{buyer.user.id}"
    stack.redis.rpush(key, *[int(time.time() * 1000)] * (_CALLS - 1 - stack.redis.llen(key)))
    assert buyer.act("cancel")["cancel_at_period_end"] is True
    problem(buyer.user.http.post("/subscription/resume"), 429, "rate_limit_exceeded")


def test_requests_served_from_the_database_are_not_counted(stack: Stack, buyer: Buyer) -> None:
    """Also over the limit; red if a request is counted instead of its calls."""
    checkout = buyer.become_pro()
    while (answer := _status(buyer.user, checkout["session_id"])).is_success:
        pass
    problem(answer, 429, "rate_limit_exceeded")
    made = len(_made(buyer))
    for _ in range(_CALLS + 1):
        assert buyer.status()["plan"] == "pro"
        problem(_subscribe(buyer.user), 409, "already_subscribed")
        problem(buyer.subscribe(success_url="https://evil.example/"), 400, "validation_failed")
        problem(_status(buyer.user, "cs_test_unknown"), 404, "checkout_not_found")
    assert len(_made(buyer)) == made
    stranger = stack.user()
    for _ in range(_CALLS + 1):
        problem(stranger.http.post("/subscription/cancel"), 409, "not_subscribed")
        problem(stranger.http.post("/subscription/portal"), 409, "not_subscribed")
        bills = stranger.http.get("/subscription/invoices")
        assert ok(bills)["invoices"] == []
        assert _left(bills) is None


def test_twenty_requests_that_wait_for_one_page_make_no_calls(buyer: Buyer) -> None:
    """Red if each request reads the page that has just been opened."""
    with ThreadPoolExecutor(20) as pool:
        clicks = list(pool.map(lambda _: buyer.subscribe(), range(20)))
    assert {click.status_code for click in clicks} == {201}
    assert len(_made(buyer)) < 2 + 19


def test_without_redis_each_process_counts_for_itself(stack: Stack, buyer: Buyer) -> None:
    """Red if there is no limit without Redis."""
    there = Buyer(buyer.user.at(stack.start_api(REDIS_URL="redis://127.0.0.1:9/0")), buyer.stripe)
    answers = [there.subscribe(success_url=f"http://localhost:8000/{number}") for number in range(40)]
    assert Counter(answer.status_code for answer in answers).keys() == {201, 429}
    assert len(_made(buyer)) <= _CALLS + 3
