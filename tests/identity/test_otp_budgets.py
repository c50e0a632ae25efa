"""Codes cost money: budgets of a number, an address, a block of numbers and the service."""

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.support.codes import (
    all_at_once,
    api_processes,
    ask,
    logged_reason,
    open_accounts,
    outcomes,
    some_address,
    some_ipv6_site,
    some_neighbours,
    verify,
)
from tests.support.stack import Stack
from tests.support.twilio import Twilio
from tests.support.user import ok, problem, some_number
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_HOUR, _DAY = 3600, 86_400


@pytest.fixture(scope="module")
def apis(stack: Stack) -> Iterator[list[str]]:
    """Two processes with small budgets."""
    with api_processes(
        stack,
        2,
        OTP_RESEND_SECONDS="0",
        OTP_PER_HOUR="3",
        OTP_PER_DAY="5",
        OTP_PER_IP_HOUR="8",
        OTP_PER_PREFIX_HOUR="6",
    ) as urls:
        yield urls


def _age(stack: Stack, seconds: int) -> None:
    """Let everything that was counted have happened earlier."""
    for key in stack.redis.scan_iter("otp_budget:*", count=1000):
        times = [int(moment) - seconds * 1000 for moment in stack.redis.lrange(key, 0, -1)]
        stack.redis.delete(key)
        stack.redis.rpush(key, *times)


def _refused_for(answer: httpx.Response) -> int:
    """The seconds of `Retry-After`."""
    problem(answer, 429, "otp_limit_reached")
    return int(answer.headers["retry-after"])


def test_a_number_has_a_budget_an_hour_and_a_day_over_all_processes(stack: Stack, apis: list[str]) -> None:
    """Red when the windows are not counted, and when each process counts its own."""
    number = some_number()
    for place in range(3):
        ok(ask(apis[place % 2], number))
    assert _HOUR - 30 < _refused_for(ask(apis[1], number)) <= _HOUR
    _age(stack, _HOUR - 300)
    assert 270 < _refused_for(ask(apis[0], number)) <= 300
    _age(stack, 300)
    for place in range(2):
        ok(ask(apis[place % 2], number))
    # The hour has room for one more, the day has none.
    assert _DAY - _HOUR - 30 < _refused_for(ask(apis[0], number)) <= _DAY - _HOUR


def test_an_address_gets_so_many_codes_and_sign_ups_an_hour(apis: list[str]) -> None:
    address = some_address()
    for place in range(4):
        ok(ask(apis[place % 2], some_number(), address=address, path="signup"))
        ok(ask(apis[place % 2], some_number(), address=address))
    for path in ("signup", "send-otp", "forgot-password"):
        for url in apis:
            answer = ask(url, some_number(), address=address, path=path)
            assert _HOUR - 30 < _refused_for(answer) <= _HOUR
    ok(ask(apis[0], some_number()))


def test_the_addresses_of_one_ipv6_network_are_one_address(apis: list[str]) -> None:
    site = some_ipv6_site()
    for host in range(8):
        ok(ask(apis[host % 2], some_number(), address=f"{site}:2::{host:x}"))
    _refused_for(ask(apis[0], some_number(), address=f"{site}:2:ffff::1"))
    ok(ask(apis[0], some_number(), address=f"{site}:3::1"))


@pytest.mark.parametrize(
    ("budgets", "network"), [(2, "/56"), (5, "/48")], ids=["of 256 networks", "of 65,536 networks"]
)
def test_a_wide_ipv6_network_gets_as_much_as_a_few_addresses(
    stack: Stack, apis: list[str], budgets: int, network: str
) -> None:
    """Red when an IPv6 caller counts in its /64 alone: one /48 exhausted all codes in 35 seconds."""
    site = some_ipv6_site()
    step = 1 if network == "/56" else 256

    def from_network(place: int) -> httpx.Response:
        path = "signup" if place % 3 == 0 else "send-otp"
        return ask(apis[place % 2], some_number(), address=f"{site}:{place * step:x}::1", path=path)

    for place in range(8 * budgets):
        ok(from_network(place))
    refused = from_network(8 * budgets)
    assert _HOUR - 60 < _refused_for(refused) <= _HOUR
    assert logged_reason(stack, refused) == "ip"
    ok(ask(apis[0], some_number(), address=f"{some_ipv6_site()}::1"))


def test_a_block_of_numbers_gets_so_many_codes_and_sign_ups_an_hour(apis: list[str]) -> None:
    numbers = some_neighbours(9)
    for place in range(3):
        ok(ask(apis[0], numbers[place], path="signup"))
        ok(ask(apis[1], numbers[place]))
    for path in ("signup", "send-otp", "forgot-password"):
        assert _HOUR - 30 < _refused_for(ask(apis[0], numbers[8], path=path)) <= _HOUR
    ok(ask(apis[0], some_number()))


def test_numbers_without_an_account_do_not_consume_the_budget_of_accounts(stack: Stack) -> None:
    """Red when all numbers are counted in one window."""
    numbers = [some_number() for _ in range(5)]
    open_accounts(stack, numbers)
    with api_processes(stack, 2, OTP_GLOBAL_PER_HOUR="4") as apis:
        for _ in range(4):
            ok(ask(apis[0], some_number()))
        refused = ask(apis[1], some_number())
        _refused_for(refused)
        for place in range(4):
            ok(ask(apis[place % 2], numbers[place]))
        _refused_for(ask(apis[0], numbers[4]))
        # What a network that signed the number in before has is another window.
        assert logged_reason(stack, refused) == "unknown"


def test_all_numbers_together_get_so_many_codes_an_hour(stack: Stack) -> None:
    with api_processes(stack, 2, OTP_GLOBAL_PER_HOUR="4") as apis:
        for place in range(4):
            ok(ask(apis[place % 2], some_number()))
        for url in apis:
            answer = ask(url, some_number())
            assert _HOUR - 30 < _refused_for(answer) <= _HOUR
            assert logged_reason(stack, answer) == "unknown"
        # A sign-up sends nothing.
        ok(ask(apis[0], some_number(), path="signup"))


def test_the_log_says_why_a_code_was_refused(stack: Stack, apis: list[str]) -> None:
    number, address, neighbours = some_number(), some_address(), some_neighbours(7)
    per_number = [ask(apis[0], number) for _ in range(4)]
    per_address = [ask(apis[0], some_number(), address=address) for _ in range(9)]
    per_block = [ask(apis[0], neighbour, path="signup") for neighbour in neighbours]
    resend = [ask(stack.base_url, number) for _ in range(2)]
    reasons = [logged_reason(stack, answers[-1]) for answers in (per_number, per_address, per_block, resend)]
    assert reasons == ["number", "ip", "prefix", "resend"]


def test_a_refused_request_consumes_no_budget(apis: list[str]) -> None:
    """Red when windows with room are counted although another one is full."""
    number, address = some_number(), some_address()
    for _ in range(3):
        ok(ask(apis[0], number))
    for _ in range(20):
        _refused_for(ask(apis[0], number, address=address))
    for _ in range(8):
        ok(ask(apis[1], some_number(), address=address))
    _refused_for(ask(apis[1], some_number(), address=address))


def test_a_refused_code_leaves_the_one_before_it_valid(apis: list[str]) -> None:
    number = some_number()
    ok(ask(apis[0], number, path="signup"))
    codes = [ok(ask(apis[0], number))["otp"] for _ in range(3)]
    _refused_for(ask(apis[0], number))
    ok(verify(apis[1], number, codes[-1]))


def test_whether_a_number_is_taken_costs_the_same_as_a_code(stack: Stack, apis: list[str]) -> None:
    """Red when a sign-up does not pay, or pays only once it is known whether the number is taken."""
    address, taken, unknown = some_address(), some_number(), some_number()
    open_accounts(stack, [taken])
    stack.database.run("UPDATE users SET verified_at = now() WHERE mobile_number = %s", taken)
    for _ in range(4):
        problem(ask(apis[0], taken, address=address, path="signup"), 409, "mobile_number_taken")
        ok(ask(apis[1], some_number(), address=address, path="signup"))
    for number in (taken, unknown):
        _refused_for(ask(apis[0], number, address=address, path="signup"))
    assert stack.database.rows("SELECT id FROM users WHERE mobile_number = %s", unknown) == []


def test_budgets_hold_against_many_at_once(apis: list[str]) -> None:
    address = some_address()
    numbers = [some_number() for _ in range(60)]
    answers = all_at_once(
        lambda place: ask(apis[place % 2], numbers[place], address=address), range(60), most=30
    )
    assert Counter(outcomes(answers)) == {(200, None): 8, (429, "otp_limit_reached"): 52}


def test_redis_holds_no_number_and_no_address_but_under_the_documented_key(
    stack: Stack, apis: list[str]
) -> None:
    number, address = some_number(), some_address()
    ok(ask(apis[0], number, address=address))
    keys = [str(key) for key in stack.redis.scan_iter("otp*", count=1000)]
    assert [key for key in keys if number[1:-4] in key or address in key] == [f"otp:{number}"]


def test_a_limit_of_zero_lets_nothing_through(stack: Stack) -> None:
    """As with every other limit. Red when the oldest event of an empty window is read (503)."""
    with api_processes(stack, 1, OTP_GLOBAL_PER_HOUR="0") as [api]:
        _refused_for(ask(api, some_number()))


def test_five_hundred_neighbours_from_five_hundred_addresses_cost_fifty_texts(stack: Stack) -> None:
    """Artificially inflated traffic: codes for a block of premium numbers, with the default budgets."""
    numbers = some_neighbours(500)
    open_accounts(stack, numbers)
    defaults = {"OTP_PER_IP_HOUR": "", "OTP_PER_PREFIX_HOUR": "", "OTP_GLOBAL_PER_HOUR": ""}
    with Twilio() as twilio, api_processes(stack, 2, **defaults, **twilio.settings) as apis:
        answers = all_at_once(lambda place: ask(apis[place % 2], numbers[place]), range(500), most=20)
        assert Counter(outcomes(answers)) == {(200, None): 50, (429, "otp_limit_reached"): 450}
        eventually(lambda: len(twilio.sent) == 50, what="fifty texts")
        # Whatever else was under way has been sent by the time that the processes have ended.
        for process in stack.processes[-2:]:
            process.stop()
        assert len(twilio.requests) == 50
