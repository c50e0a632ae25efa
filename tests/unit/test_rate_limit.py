"""Limits as the headers show them, and as one process counts them without Redis."""

import pytest

from app.kit.local_windows import LocalWindows
from app.kit.rate_limit import LimitState, daily_limit, rate_limit_headers
from app.models import Plan
from app.rate_limiter import CountedRequest, counts_on_user, is_exempt

_IP = LimitState("ip", 1000, 60, 998, 60)
_BASIC = LimitState("basic", 100, 60, 0, 12, is_admitted=False)
_PRO = LimitState("pro", 200, 60, 99, 59)


def test_headers_list_every_limit_in_order() -> None:
    assert rate_limit_headers([_IP, _BASIC, daily_limit(5, 2, reset_seconds=3600)]) == {
        "RateLimit-Policy": '"ip";q=1000;w=60, "basic";q=100;w=60, "daily";q=5;w=86400',
        "RateLimit": '"ip";r=998;t=60, "basic";r=0;t=12, "daily";r=2;t=3600',
    }


def test_without_limits_there_are_no_headers() -> None:
    assert rate_limit_headers([]) == {}


def test_the_plan_decides_which_of_the_users_limits_applies() -> None:
    counted = CountedRequest((_IP,), {Plan.BASIC: _BASIC, Plan.PRO: _PRO})
    assert counted.on_plan(Plan.BASIC).applied == (_IP, _BASIC)
    assert counted.on_plan(Plan.PRO).on_plan(Plan.PRO).applied == (_IP, _PRO)
    assert counted.applied == (_IP,)


def test_a_request_that_counts_on_no_user_shows_no_limit_of_a_plan() -> None:
    assert CountedRequest((_IP,)).on_plan(Plan.PRO).applied == (_IP,)


def test_a_later_state_of_a_limit_replaces_the_earlier_one() -> None:
    earlier, later = LimitState("stripe", 30, 60, 29, 60), LimitState("stripe", 30, 60, 28, 60)
    assert CountedRequest((_IP,)).with_limit(earlier).with_limit(later).applied == (_IP, later)


@pytest.mark.parametrize("path", ["/webhook/stripe", "/health", "/health/live", "/health/x", "/metrics"])
def test_monitors_and_stripe_are_exempt(path: str) -> None:
    assert is_exempt(path)


@pytest.mark.parametrize("path", ["/", "/healthy", "/user/me", "/metrics/x", "/webhook"])
def test_nothing_else_is_exempt(path: str) -> None:
    assert not is_exempt(path)


def test_following_a_reply_counts_on_no_user() -> None:
    message = "/chatroom/1/message/2"
    assert not counts_on_user("GET", message)
    assert not counts_on_user("HEAD", f"{message}/events")
    assert counts_on_user("POST", f"{message}/cancel")
    assert counts_on_user("GET", "/chatroom/1/message")


def test_a_window_in_memory_admits_what_its_limit_allows() -> None:
    windows = LocalWindows()
    states = [windows.count("user:1", {"basic": 2})[0] for _ in range(3)]
    assert [state.is_admitted for state in states] == [True, True, False]
    assert [state.remaining for state in states] == [1, 0, 0]
    assert all(59 <= state.reset_seconds <= 60 for state in states)
    assert windows.count("user:2", {"basic": 2})[0].is_admitted


def test_a_request_counts_once_if_any_limit_of_its_window_admits_it() -> None:
    windows = LocalWindows()
    for _ in range(2):
        windows.count("user:1", {"basic": 1, "pro": 3})
    basic, pro = windows.count("user:1", {"basic": 1, "pro": 3})
    assert (basic.is_admitted, pro.is_admitted, pro.remaining) == (False, True, 0)
