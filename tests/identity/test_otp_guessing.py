"""A code cannot be guessed, used twice, or used for another purpose."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.codes import (
    all_at_once,
    api_processes,
    ask,
    open_accounts,
    other,
    outcomes,
    some_address,
    verify,
)
from tests.support.simultaneous_posts import simultaneous_posts
from tests.support.stack import Stack
from tests.support.user import ok, problem, some_number

pytestmark = pytest.mark.server_version


@pytest.fixture(scope="module")
def apis(stack: Stack) -> Iterator[list[str]]:
    """Two processes that know the same codes, and send one again at once."""
    with api_processes(stack, 2, OTP_RESEND_SECONDS="0", OTP_PER_HOUR="1000", OTP_PER_DAY="1000") as urls:
        yield urls


@pytest.fixture
def number(stack: Stack) -> str:
    """The number of a new user."""
    new = some_number()
    open_accounts(stack, [new])
    return new


def test_of_a_thousand_guesses_at_once_five_are_compared(apis: list[str], number: str) -> None:
    """Red when a guess is counted in a step of its own, after it was compared."""
    address = some_address()
    otp = ok(ask(apis[0], number, address=address))["otp"]
    guesses = [f"{(int(otp) + 1 + place) % 1_000_000:06d}" for place in range(1000)]
    answers = all_at_once(
        lambda place: verify(apis[place % 2], number, guesses[place], address=address), range(1000)
    )
    told = [answer.json()["attempts_left"] for answer in answers if answer.status_code == 401]
    assert len(told) == len(set(told))
    assert set(told) <= {1, 2, 3, 4}
    # A machine that is busy with something else may not even get to refuse some of them.
    refused = {(429, "otp_attempts_exceeded"), (503, "service_unavailable")}
    assert {outcome for outcome in outcomes(answers) if outcome[0] != 401} <= refused
    for url in apis:
        answer = verify(url, number, otp, address=address)
        problem(answer, 429, "otp_attempts_exceeded")
        assert 1 <= int(answer.headers["retry-after"]) <= 300


def test_a_code_used_twenty_times_at_once_opens_one_session(
    stack: Stack, apis: list[str], number: str
) -> None:
    """Red when the code is removed in a step of its own, after it was compared."""
    addresses = [f"{url}/auth/verify-otp" for url in apis] * 10
    # Both processes have their connections open: otherwise the first to get one would be through long before.
    simultaneous_posts(addresses, {"mobile_number": some_number(), "otp": "000000"})
    otp = ok(ask(apis[0], number, address="127.0.0.1"))["otp"]
    answers = simultaneous_posts(addresses, {"mobile_number": number, "otp": otp})
    assert Counter(status for status, _ in answers) == {200: 1, 401: 19}
    sessions = "SELECT count(*) FROM sessions JOIN users ON users.id = user_id WHERE mobile_number = %s"
    assert stack.database.value(sessions, number) == 1


def test_a_used_code_is_worth_nothing_anywhere(apis: list[str], number: str) -> None:
    address = some_address()
    otp = ok(ask(apis[0], number, address=address))["otp"]
    ok(verify(apis[0], number, otp, address=address))
    for url in apis * 4:
        answer = verify(url, number, otp, address=address)
        assert problem(answer, 401, "otp_invalid")["attempts_left"] == 0


def test_a_new_code_is_the_only_one_that_counts_and_has_all_its_tries(apis: list[str], number: str) -> None:
    address = some_address()
    old = ok(ask(apis[0], number, address=address))["otp"]
    for _ in range(5):
        verify(apis[0], number, other(old), address=address)
    new = ok(ask(apis[1], number, address=address))["otp"]
    while new == old:
        new = ok(ask(apis[1], number, address=address))["otp"]
    answer = verify(apis[0], number, old, address=address)
    assert problem(answer, 401, "otp_invalid")["attempts_left"] == 4
    ok(verify(apis[0], number, new, address=address))


def test_a_code_counts_for_its_own_number_only(stack: Stack, apis: list[str], number: str) -> None:
    other_number = some_number()
    open_accounts(stack, [other_number])
    otp = ok(ask(apis[0], number))["otp"]
    while otp == ok(ask(apis[0], other_number))["otp"]:
        pass
    problem(verify(apis[0], other_number, otp), 401, "otp_invalid")
    ok(verify(apis[0], number, otp))


def test_a_code_for_a_new_password_opens_no_ordinary_session(
    stack: Stack, apis: list[str], number: str
) -> None:
    """Red when the purpose is neither kept with the code nor a part of its HMAC."""
    otp = ok(ask(apis[0], number, path="forgot-password"))["otp"]
    problem(verify(apis[0], number, otp), 401, "otp_invalid")
    tokens = ok(verify(apis[1], number, otp, purpose="password_reset"))
    assert tokens["user"]["mobile_number"] == number
    opened_by = "SELECT opened_by FROM sessions WHERE user_id = %s"
    assert stack.database.value(opened_by, tokens["user"]["id"]) == "password_reset"


@pytest.mark.parametrize(
    ("first", "second", "purpose"),
    [("send-otp", "forgot-password", "login"), ("forgot-password", "send-otp", "password_reset")],
)
def test_a_code_of_either_purpose_replaces_the_other(
    stack: Stack, apis: list[str], number: str, first: str, second: str, purpose: str
) -> None:
    old = ok(ask(apis[0], number, path=first))["otp"]
    new = ok(ask(apis[1], number, path=second))["otp"]
    for otp in (old, new):
        problem(verify(apis[0], number, otp, purpose=purpose), 401, "otp_invalid")
    assert len(list(stack.redis.scan_iter(f"*{number}*", count=1000))) == 1


@pytest.mark.parametrize("purpose", ["", "Login", "signup", None, 1])
def test_an_unknown_purpose_is_refused_and_costs_no_try(
    apis: list[str], number: str, purpose: object
) -> None:
    address = some_address()
    otp = ok(ask(apis[0], number, address=address))["otp"]
    more: dict[str, object] = {"purpose": purpose}
    answer = verify(apis[0], number, otp, address=address, **more)  # type: ignore[arg-type]  # the point
    problem(answer, 400, "validation_failed")
    answer = verify(apis[0], number, other(otp), address=address)
    assert problem(answer, 401, "otp_invalid")["attempts_left"] == 4


def test_twenty_requests_at_once_for_one_number_make_one_code(stack: Stack, number: str) -> None:
    """Red when reading the last code and storing the new one are two steps."""
    with api_processes(stack, 1, JWT_SECRET_KEY=stack.settings["JWT_SECRET_KEY"]) as [another]:
        addresses = [f"{url}/auth/send-otp" for url in (stack.base_url, another)] * 10
        simultaneous_posts(addresses, {"mobile_number": some_number()})  # their connections are open
        answers = simultaneous_posts(addresses, {"mobile_number": number})
        assert Counter(body.get("code") for _, body in answers) == {None: 1, "otp_resend_too_soon": 19}
        [otp] = [body["otp"] for status, body in answers if status == 200]
        ok(verify(another, number, otp))


def test_who_used_their_code_need_not_wait_for_the_next(stack: Stack, number: str) -> None:
    otp = ok(ask(stack.base_url, number))["otp"]
    ok(verify(stack.base_url, number, otp))
    reset = ok(ask(stack.base_url, number, path="forgot-password"))["otp"]
    problem(ask(stack.base_url, number), 429, "otp_resend_too_soon")
    ok(verify(stack.base_url, number, reset, purpose="password_reset"))
