"""The purge erases unverified sign-ups after a week, and measures age by the database's clock."""

import uuid

import pytest

from tests.support.clock import moves_clocks, shifted
from tests.support.stack import Stack
from tests.support.user import client, ok, some_number
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_IDS_LEFT = "SELECT id FROM users WHERE id = ANY(%s)"


def _purge(stack: Stack) -> None:
    """Run the purge once, and wait for its end."""

    def done() -> int:
        words = ('"periodic_job_done"', '"purge"')
        return sum(all(word in line for word in words) for line in stack.logs().splitlines())

    before = done()
    stack.database.run("UPDATE periodic_jobs SET next_run_at = now() WHERE name = 'purge'")
    eventually(lambda: done() > before, what="a run of the purge")


def _sign_up(stack: Stack, number: str) -> uuid.UUID:
    with client(stack.base_url) as anyone:
        return uuid.UUID(ok(anyone.post("/auth/signup", json={"mobile_number": number}))["user"]["id"])


def _age(stack: Stack, user: uuid.UUID, days: int) -> None:
    stack.database.run(
        "UPDATE users SET created_at = created_at - make_interval(days => %s) WHERE id = %s", days, user
    )


def test_unverified_sign_ups_are_erased_after_a_week(stack: Stack) -> None:
    """Rows that reference them go, too. Red for verified accounts when only the age counts."""
    old, young = (_sign_up(stack, some_number()) for _ in range(2))
    verified = stack.user()
    _age(stack, old, 8)
    _age(stack, young, 6)
    _age(stack, uuid.UUID(verified.id), 800)
    stack.database.run("DELETE FROM sessions WHERE user_id = %s", verified.id)  # signed out long ago
    stack.database.run("INSERT INTO daily_usage VALUES (%s, current_date - 8, 5, 0, 0)", old)
    _purge(stack)
    left = stack.database.rows(_IDS_LEFT, [old, young, uuid.UUID(verified.id)])
    assert {row["id"] for row in left} == {young, uuid.UUID(verified.id)}
    assert stack.database.rows("SELECT * FROM daily_usage WHERE user_id = %s", old) == []


def test_an_unverified_sign_up_with_a_session_is_kept(stack: Stack) -> None:
    """No such row is expected; if one exists, its user is signed in."""
    user = stack.user()
    _age(stack, uuid.UUID(user.id), 30)
    stack.database.run("UPDATE users SET verified_at = NULL WHERE id = %s", user.id)
    _purge(stack)
    assert user.http.get("/user/me").is_success


def test_a_repeated_sign_up_counts_from_the_last_time(stack: Stack) -> None:
    """Red when the first time counts: the row is erased between the sign-up and the code."""
    number = some_number()
    user = _sign_up(stack, number)
    _age(stack, user, 30)
    assert _sign_up(stack, number) == user
    _purge(stack)
    with client(stack.base_url) as anyone:
        otp = ok(anyone.post("/auth/send-otp", json={"mobile_number": number}))["otp"]
        ok(anyone.post("/auth/verify-otp", json={"mobile_number": number, "otp": otp}))


def test_a_number_whose_sign_up_was_purged_signs_up_again(stack: Stack) -> None:
    number = some_number()
    _age(stack, _sign_up(stack, number), 8)
    _purge(stack)
    with client(stack.base_url) as anyone:
        again = ok(anyone.post("/auth/signup", json={"mobile_number": number, "full_name": "Owner"}))
    assert again["user"]["full_name"] == "Owner"


@moves_clocks
@pytest.mark.parametrize("days", [-61, 61])
def test_the_purge_measures_age_by_the_clock_of_the_database(own_stack: Stack, days: int) -> None:
    """Red when the worker's clock decides: 61 days ahead it ends all sessions, behind it keeps all."""
    user, signup = own_stack.user(), _sign_up(own_stack, some_number())
    old = _sign_up(own_stack, some_number())
    _age(own_stack, old, 8)
    over = uuid.uuid4()
    own_stack.database.run(
        "INSERT INTO sessions (id, user_id, opened_by, refresh_hash, created_at, last_used_at,"
        " refresh_expires_at) VALUES (%s, %s, 'login', '', now(), now(), now() - interval '31 days')",
        over,
        user.id,
    )
    own_stack.database.run(
        "INSERT INTO carried_usage VALUES ('today', (now() AT TIME ZONE 'UTC')::date, 5),"
        " ('yesterday', (now() AT TIME ZONE 'UTC')::date - 1, 5)"
    )
    own_stack.start_worker(**shifted(f"{days:+d}d"))
    eventually(
        lambda: (
            '"periodic_job_done"' in own_stack.processes[-1].log and '"purge"' in own_stack.processes[-1].log
        ),
        what="the purge",
    )
    assert user.http.get("/user/me").is_success
    assert own_stack.database.rows("SELECT * FROM sessions WHERE id = %s", over) == []
    left = own_stack.database.rows(_IDS_LEFT, [signup, old])
    assert [row["id"] for row in left] == [signup]
    assert own_stack.database.value("SELECT number_digest FROM carried_usage") == b"today"
