"""Other callers, however many codes they request and guess, keep no user from signing in."""

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.support.codes import (
    all_at_once,
    api_processes,
    ask,
    open_accounts,
    other,
    outcomes,
    sign_in_from,
    some_address,
    some_ipv6_site,
    some_neighbours,
    verify,
)
from tests.support.stack import Stack
from tests.support.user import Json, ok, problem, some_number

pytestmark = pytest.mark.server_version


@pytest.fixture(scope="module")
def apis(stack: Stack) -> Iterator[list[str]]:
    """Two processes with small budgets."""
    settings = {
        "OTP_RESEND_SECONDS": "0",
        "OTP_PER_HOUR": "4",
        "OTP_PER_DAY": "6",
        "OTP_PER_PREFIX_HOUR": "12",
    }
    with api_processes(stack, 2, **settings) as urls:
        yield urls


@pytest.fixture
def number(stack: Stack) -> str:
    """The number of a new user."""
    new = some_number()
    open_accounts(stack, [new])
    return new


def _guess(api: str, number: str, otp: str, address: str, *, times: int) -> list[tuple[int, str | None]]:
    return outcomes([verify(api, number, other(otp), address=address) for _ in range(times)])


def _visible(answer: httpx.Response) -> tuple[int, Json, list[str]]:
    """The response without its individual headers and its remaining wait."""
    varying = {"timestamp", "request_id"}
    body = {name: value for name, value in answer.json().items() if name not in varying}
    return answer.status_code, body, sorted(answer.headers.keys())


_WRONG = (401, "otp_invalid")
_EXCEEDED = (429, "otp_attempts_exceeded")


def test_strangers_cannot_burn_a_code(apis: list[str], number: str) -> None:
    """Nine requests did. Red when all tries are counted together."""
    home = some_address()
    otp = ok(ask(apis[0], number, address=home))["otp"]
    answers = [verify(apis[place % 2], number, other(otp)) for place in range(20)]
    assert outcomes(answers) == [_WRONG] * 4 + [_EXCEEDED] * 16
    assert all(1 <= int(answer.headers["retry-after"]) <= 300 for answer in answers[4:])
    for left in (4, 3, 2, 1):
        answer = verify(apis[0], number, other(otp), address=home)
        assert problem(answer, 401, "otp_invalid")["attempts_left"] == left
    ok(verify(apis[1], number, otp, address=home))


def test_of_a_thousand_guesses_of_a_thousand_strangers_five_are_compared(
    apis: list[str], number: str
) -> None:
    """After them, the right one is refused, too. Red when a try is counted after its comparison."""
    home = some_address()
    otp = ok(ask(apis[0], number, address=home))["otp"]
    answers = all_at_once(lambda place: verify(apis[place % 2], number, other(otp)), range(1000))
    counted = Counter(outcomes(answers))
    assert counted[_WRONG] == 4
    # A machine that is busy with something else may not even get to refuse some of them.
    assert counted.keys() <= {_WRONG, _EXCEEDED, (503, "service_unavailable")}
    problem(verify(apis[0], number, otp), 429, "otp_attempts_exceeded")
    ok(verify(apis[0], number, otp, address=home))


def test_a_stranger_with_the_right_code_signs_in_as_long_as_others_left_a_try(
    apis: list[str], number: str
) -> None:
    """A phone that requested the code over a mobile network and enters it over Wi-Fi changes networks."""
    otp = ok(ask(apis[0], number))["otp"]
    for _ in range(4):
        verify(apis[0], number, other(otp))
    ok(verify(apis[1], number, otp))


def test_to_a_stranger_numbers_with_and_without_a_code_are_the_same(
    stack: Stack, apis: list[str], number: str
) -> None:
    """`attempts_left` would reveal to strangers when a user requested a code.

    Red when every network is told it, and when a new code gives strangers new tries.
    """
    without_code = some_number()
    unknown = some_number()
    open_accounts(stack, [without_code])
    numbers = [number, without_code, unknown]

    def told(tries: int) -> list[list[tuple[int, Json, list[str]]]]:
        stranger = some_address()
        return [
            [_visible(verify(apis[0], one, "271828", address=stranger)) for one in numbers]
            for _ in range(tries)
        ]

    seen = told(3)
    for _ in range(2):
        ok(ask(apis[0], number))
        seen += told(3)
    assert not any("attempts_left" in body for row in seen for _, body, _ in row)
    assert [row[1:] for row in seen] == [row[:1] * 2 for row in seen]
    assert [verdict for verdict, *_ in (row[0] for row in seen)] == [401] * 4 + [429] * 5


def test_a_code_requested_by_a_stranger_is_accepted_from_the_network_that_requested_before(
    apis: list[str], number: str
) -> None:
    """It replaces the first, and is sent to the same phone.

    Five guesses of each network that asked and five of all others are compared, so a code faces at most
    5 x (1 + networks that asked) of them. Red when only the network of the newest code has tries.
    """
    home, stranger = some_address(), some_address()
    first = ok(ask(apis[0], number, address=home))["otp"]
    newest = ok(ask(apis[1], number, address=stranger))["otp"]
    while newest == first:
        newest = ok(ask(apis[1], number, address=stranger))["otp"]
    assert _guess(apis[0], number, newest, stranger, times=6) == [_WRONG] * 4 + [_EXCEEDED] * 2
    answers = [verify(apis[0], number, other(newest)) for _ in range(6)]
    assert outcomes(answers) == [_WRONG] * 4 + [_EXCEEDED] * 2
    assert problem(verify(apis[0], number, first, address=home), *_WRONG)["attempts_left"] == 4
    ok(verify(apis[1], number, newest, address=home))


def test_a_code_gives_new_tries_only_to_the_network_that_requested_it(apis: list[str], number: str) -> None:
    """Red when a new code resets the tries of all networks: strangers would request codes in rotation."""
    first, second = some_address(), some_address()
    otp = ok(ask(apis[0], number, address=first))["otp"]
    assert _guess(apis[0], number, otp, first, times=5) == [_WRONG] * 4 + [_EXCEEDED]
    otp = ok(ask(apis[1], number, address=second))["otp"]
    assert _guess(apis[1], number, otp, first, times=2) == [_EXCEEDED] * 2
    assert _guess(apis[1], number, otp, second, times=1) == [_WRONG]


def test_half_of_a_numbers_codes_is_kept_for_networks_that_signed_it_in(
    stack: Stack, apis: list[str], number: str
) -> None:
    """Five requests of a stranger blocked a number for an hour, ten for the day.

    What is remembered are sessions, so a Redis that was emptied changes nothing. Red when the number has one
    window for all callers.
    """
    home = some_address()
    sign_in_from(apis[0], number, home)
    stack.redis.delete(*stack.redis.scan_iter("otp*", count=1000))
    answers = [ask(apis[place % 2], number) for place in range(8)]
    assert outcomes(answers) == [(200, None)] * 4 + [(429, "otp_limit_reached")] * 4
    for _ in range(2):
        sign_in_from(apis[1], number, home)
    for address in (home, some_address()):
        problem(ask(apis[0], number, address=address), 429, "otp_limit_reached")


def test_a_network_that_signed_a_number_in_gets_no_more_codes_than_others(
    stack: Stack, apis: list[str], number: str
) -> None:
    """Red when the reserve is added to the full budget."""
    home = some_address()
    sign_in_from(apis[0], number, home)
    stack.redis.delete(*stack.redis.scan_iter("otp*", count=1000))
    answers = [ask(apis[place % 2], number, address=home) for place in range(5)]
    assert outcomes(answers) == [(200, None)] * 4 + [(429, "otp_limit_reached")]


def test_a_stranger_gets_as_many_codes_for_a_number_without_an_account(
    stack: Stack, apis: list[str], number: str
) -> None:
    """Red when strangers get fewer for a number with sign-ins: the count would reveal it."""
    sign_in_from(apis[0], number, some_address())
    stack.redis.delete(*stack.redis.scan_iter("otp*", count=1000))
    for one in (number, some_number()):
        answers = [ask(apis[0], one) for _ in range(6)]
        assert outcomes(answers) == [(200, None)] * 4 + [(429, "otp_limit_reached")] * 2


def test_a_network_that_signed_a_number_in_may_use_a_strangers_code(stack: Stack, number: str) -> None:
    """It cannot request its own for 30 seconds. Red when a refused request is not recorded."""
    home = some_address()
    with api_processes(stack, 1) as [api]:
        sign_in_from(api, number, home)
        otp = ok(ask(api, number))["otp"]
        assert len(_guess(api, number, otp, some_address(), times=5)) == 5
        for left in (4, 3):  # asking twice gives no further tries
            problem(ask(api, number, address=home), 429, "otp_resend_too_soon")
            answer = verify(api, number, other(otp), address=home)
            assert problem(answer, 401, "otp_invalid")["attempts_left"] == left
        newcomer = some_address()
        problem(ask(api, number, address=newcomer), 429, "otp_resend_too_soon")
        problem(verify(api, number, otp, address=newcomer), 429, "otp_attempts_exceeded")
        ok(verify(api, number, otp, address=home))


def test_strangers_cannot_consume_the_budget_of_a_block_for_networks_that_signed_in(
    stack: Stack, apis: list[str]
) -> None:
    """Red when the block has one window for all networks."""
    own, *neighbours = some_neighbours(14)
    open_accounts(stack, [own])
    home = some_address()
    sign_in_from(apis[0], own, home)
    for neighbour in neighbours[:11]:
        ok(ask(apis[1], neighbour))
    problem(ask(apis[1], neighbours[11]), 429, "otp_limit_reached")
    sign_in_from(apis[0], own, home)


def test_strangers_cannot_consume_the_service_budget_for_networks_that_signed_in(
    stack: Stack, number: str
) -> None:
    """Red when codes of all networks are counted in one window."""
    home, others = some_address(), [some_number() for _ in range(4)]
    open_accounts(stack, others)
    with api_processes(stack, 1, OTP_GLOBAL_PER_HOUR="4", OTP_RESEND_SECONDS="0") as [api]:
        sign_in_from(api, number, home)
        for one in others[:3]:
            ok(ask(api, one))
        problem(ask(api, others[3]), 429, "otp_limit_reached")
        sign_in_from(api, number, home)


def test_a_network_of_ipv6_that_signed_a_number_in_is_known_by_any_of_its_addresses(
    apis: list[str], number: str
) -> None:
    """Phones and laptops change the last half of their addresses every day."""
    network = f"{some_ipv6_site()}:7"
    sign_in_from(apis[0], number, f"{network}::1")
    for _ in range(4):
        ask(apis[0], number)
    problem(ask(apis[0], number), 429, "otp_limit_reached")
    sign_in_from(apis[1], number, f"{network}:aaaa::2")
