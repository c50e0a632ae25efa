"""Stolen tokens: the actions that they do not allow, how they end, and how the user notices them."""

import time
from collections.abc import Iterator

import pytest

from tests.support.callers import sign_up_from
from tests.support.codes import api_processes, some_address
from tests.support.refresh_tokens import signed_token
from tests.support.sessions import PASSWORD, another_session, give_password, log_in, refresh
from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok, problem
from tests.support.waiting import SESSION_ENDS_WITHIN_SECONDS, let_pass

_OTHER = "eight blue umbrellas"
_NO_REDIS = "redis://127.0.0.1:9/0"


@pytest.fixture(scope="module")
def replicas(stack: Stack) -> Iterator[tuple[str, str]]:
    """A second API process, and a third one that cannot reach Redis."""
    yield stack.start_api(), stack.start_api(REDIS_URL=_NO_REDIS, CELERY_BROKER_URL=stack.redis_url)
    for process in stack.processes[-2:]:
        process.kill()


@pytest.fixture(scope="module")
def url(stack: Stack) -> Iterator[str]:
    """An API process that trusts `X-Forwarded-For`."""
    with api_processes(stack, 1) as [url]:
        yield url


def _sessions(user: User) -> list[Json]:
    found: list[Json] = ok(user.http.get("/auth/sessions"))["sessions"]
    return found


def _age(stack: Stack, user: User, minutes: int) -> None:
    stack.database.run(
        "UPDATE sessions SET created_at = now() - make_interval(mins => %s) WHERE user_id = %s",
        minutes,
        user.id,
    )


@pytest.mark.parametrize("minutes", [11, 20 * 60])
def test_the_first_password_needs_a_recent_sign_in(stack: Stack, user: User, minutes: int) -> None:
    """Red without the rule: a thief sets a password with a stolen access token and stays signed in."""
    _age(stack, user, minutes)
    ok(refresh(stack.base_url, user.tokens["refresh_token"]))  # does not make it younger
    body = {"new_password": PASSWORD}
    problem(user.http.post("/auth/change-password", json=body), 403, "recent_sign_in_required")
    assert not ok(user.http.get("/user/me"))["has_password"]
    problem(log_in(stack.base_url, user.mobile_number), 401, "credentials_invalid")
    _age(stack, user, 9)
    assert user.http.post("/auth/change-password", json=body).is_success


def test_a_later_password_needs_the_old_one_and_no_recent_sign_in(stack: Stack, user: User) -> None:
    give_password(user)
    _age(stack, user, 20 * 60)
    body = {"old_password": PASSWORD, "new_password": _OTHER}
    user.take(ok(user.http.post("/auth/change-password", json=body)))
    problem(user.http.delete("/user/me"), 403, "recent_sign_in_required")


def test_a_new_password_ends_this_sessions_tokens_on_every_process(
    stack: Stack, user: User, replicas: tuple[str, str]
) -> None:
    """Red when the session keeps its id: stolen tokens stay valid. Also without Redis."""
    stolen = User(stack.base_url, user.mobile_number, user.tokens)
    renewed = ok(refresh(stack.base_url, user.tokens["refresh_token"]))
    elsewhere = [user.at(address) for address in replicas]
    assert all(thief.http.get("/user/me").is_success for thief in elsewhere)
    before = _sessions(user)
    answer = ok(user.http.post("/auth/change-password", json={"new_password": PASSWORD}))
    changed_at = time.monotonic()
    assert answer.keys() == {"message", *user.tokens}
    assert answer["user"]["has_password"]
    user.take(answer)
    problem(stolen.http.get("/user/me"), 401, "authentication_required")
    for token in (stolen.tokens["refresh_token"], renewed["refresh_token"]):
        problem(refresh(replicas[0], token), 401, "refresh_invalid")
    let_pass(SESSION_ENDS_WITHIN_SECONDS, since=changed_at)
    for thief in elsewhere:
        problem(thief.http.get("/user/me"), 401, "authentication_required")
    [was], [now] = before, _sessions(user)
    assert now["current"]
    assert now["id"] != was["id"]
    assert (now["device"], now["created_at"]) == (was["device"], was["created_at"])
    for address in replicas:
        assert user.at(address).http.get("/user/me").is_success
    again = ok(refresh(replicas[1], user.tokens["refresh_token"]))
    assert ok(refresh(stack.base_url, again["refresh_token"]))["refresh_token"] != again["refresh_token"]


def test_a_change_of_the_password_ends_this_sessions_tokens_too(stack: Stack, user: User) -> None:
    give_password(user)
    other = another_session(stack, user)
    stolen = dict(user.tokens)
    body = {"old_password": PASSWORD, "new_password": _OTHER}
    user.take(ok(user.http.post("/auth/change-password", json=body)))
    thief = User(stack.base_url, user.mobile_number, stolen)
    problem(thief.http.get("/user/me"), 401, "authentication_required")
    problem(other.http.get("/user/me"), 401, "authentication_required")
    problem(refresh(stack.base_url, stolen["refresh_token"]), 401, "refresh_invalid")
    assert [session["current"] for session in _sessions(user)] == [True]


@pytest.mark.parametrize("age", [2, 3, 1500])
def test_a_stolen_refresh_token_ends_the_session_however_old_it_is(
    stack: Stack, user: User, age: int
) -> None:
    """Red when only the newest thousand tokens are recognised: the theft of an older one goes unnoticed."""
    stack.database.run("UPDATE sessions SET refresh_count = 1500 WHERE user_id = %s", user.id)
    problem(refresh(stack.base_url, signed_token(stack, user, 1500 - age)), 401, "refresh_reused")
    for number in (1499, 1500):
        problem(refresh(stack.base_url, signed_token(stack, user, number)), 401, "refresh_invalid")
    problem(user.http.get("/user/me"), 401, "authentication_required")


def test_the_previous_refresh_token_gets_the_current_one_however_often(stack: Stack, user: User) -> None:
    stack.database.run("UPDATE sessions SET refresh_count = 1500 WHERE user_id = %s", user.id)
    current = signed_token(stack, user, 1500)
    for _ in range(3):
        answer = ok(refresh(stack.base_url, signed_token(stack, user, 1499)))
        assert answer["refresh_token"] == current
    assert ok(refresh(stack.base_url, current))["refresh_token"] == signed_token(stack, user, 1501)


def test_a_refused_change_ends_nothing(stack: Stack, user: User) -> None:
    give_password(user)
    body = {"old_password": "not it", "new_password": _OTHER}
    problem(user.http.post("/auth/change-password", json=body), 401, "credentials_invalid")
    assert user.http.get("/user/me").is_success
    assert refresh(stack.base_url, user.tokens["refresh_token"]).is_success


def test_the_sessions_show_where_each_was_last_used(stack: Stack, url: str) -> None:
    """Red when only the sign-in is shown: a thief who alternates with the user stays invisible."""
    home, abroad, train = (some_address() for _ in range(3))
    user = sign_up_from(url, home)
    [own] = _sessions(user)
    assert own["ip"] == home
    stack.database.run(
        "UPDATE sessions SET last_used_at = now() - interval '1 minute' WHERE user_id = %s", user.id
    )
    with client(url, {"X-Forwarded-For": abroad}) as thief:
        stolen = {"refresh_token": user.tokens["refresh_token"]}
        ok(thief.post("/auth/refresh", json=stolen))
        [session] = _sessions(user)
        assert session["ip"] == abroad
        assert session["last_used_at"] > own["last_used_at"]
        assert session["created_at"] == own["created_at"]
    with client(url, {"X-Forwarded-For": train}) as owner:
        ok(owner.post("/auth/refresh", json=stolen))  # the one before the newest
        [session] = _sessions(user)
        assert session["ip"] == train
    exported = ok(user.http.get("/user/me/export"))["sessions"]
    assert [(row["ip_address"], row["last_used_ip"]) for row in exported] == [(home, train)]


def test_the_sessions_show_the_use_of_an_access_token_from_elsewhere(stack: Stack) -> None:
    """Recorded by a process that has not cached the session."""
    secret = {"JWT_SECRET_KEY": stack.settings["JWT_SECRET_KEY"]}
    with api_processes(stack, 2, **secret) as [here, there]:
        user = sign_up_from(here, some_address())
        abroad = some_address()
        with client(there, {"X-Forwarded-For": abroad, "Authorization": f"Bearer {user.token}"}) as thief:
            assert thief.get("/user/me").is_success
        seen = stack.database.value("SELECT last_used_ip FROM sessions WHERE user_id = %s", user.id)
        assert seen == abroad
