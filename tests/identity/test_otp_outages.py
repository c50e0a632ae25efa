"""Without Redis no code is sent or accepted; without the database a code is not lost."""

from collections.abc import Iterator

import pytest

from devtools.ports import free_port
from tests.support.codes import api_processes, ask, open_accounts, other, verify
from tests.support.stack import Stack
from tests.support.user import ok, problem, some_number


def _account_with_code(stack: Stack) -> tuple[str, str]:
    number = some_number()
    open_accounts(stack, [number])
    return number, ok(ask(stack.base_url, number))["otp"]


def _sessions_of(stack: Stack, number: str) -> object:
    query = "SELECT count(*) FROM sessions JOIN users ON users.id = user_id WHERE mobile_number = %s"
    return stack.database.value(query, number)


@pytest.fixture(scope="module")
def without_redis(stack: Stack) -> Iterator[str]:
    """An API process whose Redis is unavailable."""
    unavailable = f"redis://127.0.0.1:{free_port()}/0"
    with api_processes(stack, 1, JWT_SECRET_KEY=stack.settings["JWT_SECRET_KEY"], REDIS_URL=unavailable) as [
        url
    ]:
        yield url


@pytest.fixture(scope="module")
def without_database(stack: Stack) -> Iterator[str]:
    """An API process whose database is unavailable."""
    unavailable = f"postgresql://nobody:x@127.0.0.1:{free_port()}/nothing"
    secret = stack.settings["JWT_SECRET_KEY"]
    with api_processes(stack, 1, JWT_SECRET_KEY=secret, DATABASE_URL=unavailable) as [url]:
        yield url


@pytest.mark.parametrize("path", ["send-otp", "forgot-password", "signup"])
def test_without_redis_no_code_is_made_and_no_account_is_created(
    stack: Stack, without_redis: str, path: str
) -> None:
    """Nor is a taken number revealed: without budgets a caller could test every number."""
    number = some_number()
    answer = ask(without_redis, number, path=path)
    problem(answer, 503, "service_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert stack.database.rows("SELECT id FROM users WHERE mobile_number = %s", number) == []


def test_without_redis_no_code_is_a_login(stack: Stack, without_redis: str) -> None:
    """Red when a code that cannot be read is accepted."""
    number, otp = _account_with_code(stack)
    for code in (otp, other(otp)):
        answer = verify(without_redis, number, code)
        problem(answer, 503, "service_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert _sessions_of(stack, number) == 0
    ok(verify(stack.base_url, number, otp))


def test_an_emptied_redis_holds_no_code_and_so_no_login(stack: Stack) -> None:
    """FLUSHALL takes the budgets with it, but every code too: nothing that was sent before can be guessed."""
    number, otp = _account_with_code(stack)
    stack.redis.delete(f"otp:{number}")
    problem(verify(stack.base_url, number, otp), 401, "otp_invalid")
    assert _sessions_of(stack, number) == 0


def test_without_the_database_neither_the_code_nor_a_try_is_lost(stack: Stack, without_database: str) -> None:
    """Red when the code is consumed before the database is checked."""
    number, otp = _account_with_code(stack)
    for code in (otp, *[other(otp)] * 5, otp):
        answer = verify(without_database, number, code)
        problem(answer, 503, "service_unavailable")
        assert "retry-after" in answer.headers
    assert problem(verify(stack.base_url, number, other(otp)), 401, "otp_invalid")["attempts_left"] == 4
    ok(verify(stack.base_url, number, otp))


def test_without_the_database_no_code_is_made(stack: Stack, without_database: str) -> None:
    number = some_number()
    for path in ("signup", "send-otp", "forgot-password"):
        problem(ask(without_database, number, path=path), 503, "service_unavailable")
    assert not stack.redis.exists(f"otp:{number}")
