"""Outages cost no attempt at a password, and a new password resets them."""

from collections.abc import Iterator

import pytest

from tests.support.codes import api_processes
from tests.support.sessions import give_password, log_in
from tests.support.stack import Stack
from tests.support.user import User, client, ok, problem, some_number


@pytest.fixture(scope="module")
def without_database(stack: Stack) -> Iterator[str]:
    """An API process of the same service that cannot reach PostgreSQL."""
    unavailable = "postgresql://nobody:x@127.0.0.1:9/none"
    secret = stack.settings["JWT_SECRET_KEY"]
    with api_processes(stack, 1, JWT_SECRET_KEY=secret, DATABASE_URL=unavailable) as [url]:
        yield url


def test_without_the_database_no_try_at_a_password_is_counted(
    stack: Stack, user: User, without_database: str
) -> None:
    """Red when a try is counted before the database is queried: the eighth and the login would be 429."""
    give_password(user)
    for _ in range(8):
        problem(log_in(without_database, user.mobile_number), 503, "service_unavailable")
    assert log_in(stack.base_url, user.mobile_number).is_success


def test_without_the_database_no_sign_up_consumes_a_budget(stack: Stack, without_database: str) -> None:
    """Red when the budget is consumed first: the retries of one client would exhaust a block's fifty."""
    number = some_number()
    with client(without_database) as anyone:
        for _ in range(3):
            refused = anyone.post("/auth/signup", json={"mobile_number": number})
            problem(refused, 503, "service_unavailable")
    secret = stack.settings["JWT_SECRET_KEY"]
    strictly = api_processes(stack, 1, JWT_SECRET_KEY=secret, OTP_PER_PREFIX_HOUR="1")
    with strictly as [strict], client(strict) as anyone:
        ok(anyone.post("/auth/signup", json={"mobile_number": number}))


def test_a_new_password_by_a_code_resets_the_wait(stack: Stack, user: User) -> None:
    """Red when attempts at the old password count for the new one."""
    give_password(user)
    answers = [log_in(stack.base_url, user.mobile_number, "wrong guess") for _ in range(6)]
    problem(answers[-1], 429, "password_attempts_exceeded")
    number = {"mobile_number": user.mobile_number}
    with client(stack.base_url) as anyone:
        otp = ok(anyone.post("/auth/forgot-password", json=number))["otp"]
        reset = {**number, "otp": otp, "purpose": "password_reset"}
        tokens = ok(anyone.post("/auth/verify-otp", json=reset))
    changed = User(stack.base_url, user.mobile_number, tokens)
    ok(changed.http.post("/auth/change-password", json={"new_password": "nine blue teapots"}))
    assert log_in(stack.base_url, user.mobile_number, "nine blue teapots").is_success
