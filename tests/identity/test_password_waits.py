"""Wrong passwords slow down the network that sends them; they do not lock the user out."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.callers import log_in_from, sign_up_from, some_network
from tests.support.codes import all_at_once, api_processes, some_address
from tests.support.sessions import PASSWORD, give_password, log_in
from tests.support.stack import Stack
from tests.support.user import User, problem, some_number
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_WRONG = "eight blue umbrellas"
_REFUSED = (429, "password_attempts_exceeded")


@pytest.fixture(scope="module")
def url(stack: Stack) -> Iterator[str]:
    """An API process that trusts `X-Forwarded-For`."""
    with api_processes(stack, 1) as [url]:
        yield url


@pytest.fixture
def home() -> str:
    """The network from which the user signs up, without the last group of its addresses."""
    return some_network()


@pytest.fixture
def owner(url: str, home: str) -> User:
    """A user with a password."""
    user = sign_up_from(url, f"{home}1")
    give_password(user)
    return user


def _outcome(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


def _guess(url: str, owner: User, address: str, *, times: int) -> Counter[tuple[int, str | None]]:
    return Counter(_outcome(log_in_from(url, address, owner.mobile_number, _WRONG)) for _ in range(times))


def _key_of(stack: Stack, before: set[object]) -> str:
    [key] = set(stack.redis.scan_iter("password_attempts:*")) - before
    return str(key)


def test_one_strangers_guesses_do_not_lock_the_user_out(url: str, owner: User) -> None:
    """From any network of the user. Red when attempts count for the number alone."""
    stranger = some_address()
    guesses = _guess(url, owner, stranger, times=12)
    assert guesses[(401, "credentials_invalid")] >= 5
    assert guesses[_REFUSED] > 0
    for address in (some_address(), f"{some_network()}7"):
        assert log_in_from(url, address, owner.mobile_number, PASSWORD).is_success
    problem(log_in_from(url, stranger, owner.mobile_number, PASSWORD), *_REFUSED)


def test_addresses_of_one_ipv6_network_share_their_tries(url: str, owner: User) -> None:
    network = some_network()
    answers = [log_in_from(url, f"{network}{place}", owner.mobile_number, _WRONG) for place in range(1, 9)]
    assert _outcome(answers[4]) == (401, "credentials_invalid")
    assert _REFUSED in map(_outcome, answers)


def test_guesses_from_many_networks_are_bounded_and_the_users_own_network_is_not(
    url: str, owner: User, home: str
) -> None:
    """Red when there is no count for all new networks: every one of the 120 guesses is compared.

    And red when it also counts for the network that signed the number in before.
    """
    began = time.monotonic()
    answers = all_at_once(
        lambda address: log_in_from(url, address, owner.mobile_number, _WRONG),
        [some_address() for _ in range(120)],
        most=20,
    )
    outcomes = Counter(map(_outcome, answers))
    assert outcomes.keys() == {(401, "credentials_invalid"), _REFUSED}
    waits_that_may_have_ended = (time.monotonic() - began) / 2 + 1
    assert 50 <= outcomes[(401, "credentials_invalid")] <= 50 + waits_that_may_have_ended
    eventually(
        lambda: _outcome(log_in_from(url, some_address(), owner.mobile_number, _WRONG)) == _REFUSED,
        what="a wait for new networks",
    )
    for place in range(5):
        assert log_in_from(url, f"{home}{place}", owner.mobile_number, PASSWORD).is_success


def test_a_right_password_from_a_new_network_leaves_the_guesses_of_others_counted(
    stack: Stack, url: str
) -> None:
    """Red when a login resets the counts of others: each one of the user renewed the strangers' budget."""
    before: set[object] = set(stack.redis.scan_iter("password_attempts:*"))
    owner = sign_up_from(url, some_address())
    give_password(owner)
    for address in (some_address() for _ in range(4)):
        _guess(url, owner, address, times=2)
    key = _key_of(stack, before)
    assert str(stack.redis.hget(key, "new")).split()[0] == "8"
    assert log_in_from(url, some_address(), owner.mobile_number, PASSWORD).is_success
    assert str(stack.redis.hget(key, "new")).split()[0] == "8"


def test_an_early_try_does_not_lengthen_the_wait(url: str, owner: User) -> None:
    """Red when it does: repeated attempts are never compared again, the right password included."""
    stranger = some_address()
    _guess(url, owner, stranger, times=5)

    def next_outcome() -> bool:
        return _outcome(log_in_from(url, stranger, owner.mobile_number, PASSWORD))[0] == 200

    assert not next_outcome()
    eventually(next_outcome, seconds=15, what="the end of the wait of two seconds")


def test_guesses_of_the_old_password_count_for_their_network(url: str, owner: User) -> None:
    """Red when they count for the number alone: a thief's guesses keep the user from changing it."""
    thief = User(url, owner.mobile_number, owner.tokens)
    thief.http.headers["X-Forwarded-For"] = some_address()
    body = {"old_password": _WRONG, "new_password": "nine red teapots"}
    guesses = [_outcome(thief.http.post("/auth/change-password", json=body)) for _ in range(7)]
    assert guesses[:5] == [(401, "credentials_invalid")] * 5
    assert _REFUSED in guesses
    changed = owner.http.post("/auth/change-password", json={**body, "old_password": PASSWORD})
    assert changed.is_success


def test_a_network_has_a_budget_of_tries_at_numbers_that_it_never_signed_in(stack: Stack, url: str) -> None:
    """Red without it: passwords are sprayed over all numbers. A user there who signed in before gets in."""
    address = some_address()
    owner = sign_up_from(url, address)
    give_password(owner)
    before = set(stack.redis.scan_iter("login_tries:*"))
    problem(log_in_from(url, address, some_number(), _WRONG), 401, "credentials_invalid")
    [key] = set(stack.redis.scan_iter("login_tries:*")) - before
    now = int(str(stack.redis.lindex(key, 0)))
    stack.redis.rpush(key, *[now] * 999)
    refused = log_in_from(url, address, some_number(), _WRONG)
    problem(refused, *_REFUSED)
    assert 3000 < int(refused.headers["retry-after"]) <= 3600
    assert log_in_from(url, address, owner.mobile_number, PASSWORD).is_success
    problem(log_in_from(url, some_address(), some_number(), _WRONG), 401, "credentials_invalid")


def test_a_login_without_a_hasher_slot_counts_as_no_attempt(stack: Stack, user: User) -> None:
    """Red when an attempt is counted before it has a slot."""
    before: set[object] = set(stack.redis.scan_iter("password_attempts:*"))
    give_password(user)
    others = [some_number() for _ in range(200)]
    numbers = [number for pair in zip(others, others, strict=True) for number in pair]
    numbers[::20] = [user.mobile_number] * len(numbers[::20])
    with ThreadPoolExecutor(150) as threads:
        answers = list(threads.map(lambda number: log_in(stack.base_url, number, _WRONG), numbers))
    assert 503 in {answer.status_code for answer in answers}
    compared = sum(answer.status_code == 401 for answer in answers)
    keys = set(stack.redis.scan_iter("password_attempts:*")) - before
    tries = 0
    for key in keys:
        fields = stack.redis.hgetall(key)
        tries += sum(int(str(state).split()[0]) for field, state in dict(fields).items() if field != "new")
    assert tries == compared
