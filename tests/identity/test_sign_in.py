"""A number, a code, a session."""

import time
from datetime import timedelta
from uuid import UUID

import jwt
import pytest

from app.kit.clock import utc_now
from app.security import issue_access_token
from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok, problem, some_number
from tests.support.waiting import SESSION_ENDS_WITHIN_SECONDS, let_pass


def _sign_up(stack: Stack) -> tuple[str, str]:
    """A new number and the code that was sent to it."""
    number = some_number()
    with client(stack.base_url) as anyone:
        ok(anyone.post("/auth/signup", json={"mobile_number": number}))
        return number, ok(anyone.post("/auth/send-otp", json={"mobile_number": number}))["otp"]


def _verify(stack: Stack, number: str, otp: str, **more: str) -> tuple[int, Json]:
    with client(stack.base_url) as anyone:
        answer = anyone.post("/auth/verify-otp", json={"mobile_number": number, "otp": otp, **more})
        return answer.status_code, answer.json()


def _other(otp: str) -> str:
    return f"{(int(otp) + 1) % 1_000_000:06d}"


def test_a_code_opens_a_session(stack: Stack) -> None:
    number, otp = _sign_up(stack)
    status, tokens = _verify(stack, number, otp)
    assert status == 200
    assert tokens["token_type"] == "bearer"
    assert tokens["expires_in"] == 86400
    assert tokens["refresh_expires_in"] == 30 * 86400
    me = ok(User(stack.base_url, number, tokens).http.get("/user/me"))
    assert me == tokens["user"]
    assert (me["mobile_number"], me["has_password"], me["plan"]) == (number, False, "basic")
    assert me["last_login_at"] is not None


def test_a_code_counts_once(stack: Stack) -> None:
    number, otp = _sign_up(stack)
    assert _verify(stack, number, otp)[0] == 200
    status, body = _verify(stack, number, otp)
    assert (status, body["code"]) == (401, "otp_invalid")


def test_the_fifth_wrong_try_burns_the_code(stack: Stack) -> None:
    number, otp = _sign_up(stack)
    for left in (4, 3, 2, 1):
        status, body = _verify(stack, number, _other(otp))
        assert (status, body["code"], body["attempts_left"]) == (401, "otp_invalid", left)
    for guess in (_other(otp), otp):
        status, body = _verify(stack, number, guess)
        assert (status, body["code"]) == (429, "otp_attempts_exceeded")


def test_a_code_is_bound_to_its_purpose(stack: Stack) -> None:
    number, otp = _sign_up(stack)
    assert _verify(stack, number, otp, purpose="password_reset")[1]["code"] == "otp_invalid"
    assert _verify(stack, number, otp)[0] == 200


def test_a_code_is_kept_under_the_documented_key_for_five_minutes_and_never_in_the_clear(
    stack: Stack,
) -> None:
    number, otp = _sign_up(stack)
    key = f"otp:{number}"
    assert 290 <= int(stack.redis.ttl(key)) <= 300
    assert otp not in str(stack.redis.hgetall(key)["digest"])


def test_an_expired_code_is_refused(stack: Stack) -> None:
    number, otp = _sign_up(stack)
    stack.redis.pexpire(f"otp:{number}", 1)
    assert _verify(stack, number, otp)[1]["code"] == "otp_invalid"


def test_a_second_code_has_to_wait(stack: Stack) -> None:
    number, _ = _sign_up(stack)
    with client(stack.base_url) as anyone:
        answer = anyone.post("/auth/send-otp", json={"mobile_number": number})
    problem(answer, 429, "otp_resend_too_soon")
    assert 1 <= int(answer.headers["retry-after"]) <= 30


def test_an_unknown_number_looks_like_a_known_one_until_the_code_is_wrong(stack: Stack) -> None:
    number, known_otp = _sign_up(stack)
    unknown = some_number()
    with client(stack.base_url) as anyone:
        answer = ok(anyone.post("/auth/send-otp", json={"mobile_number": unknown}))
    assert answer.keys() == {"message", "expires_in", "resend_after", "otp"}
    unknown_answer = _verify(stack, unknown, answer["otp"])
    known_answer = _verify(stack, number, _other(known_otp))
    for status, body in (unknown_answer, known_answer):
        assert (status, body["code"], body["attempts_left"]) == (401, "otp_invalid", 4)


def test_signing_up_again_before_the_number_is_proved_takes_the_newest_name(stack: Stack) -> None:
    number = some_number()
    with client(stack.base_url) as anyone:
        first = anyone.post("/auth/signup", json={"mobile_number": number, "full_name": "First"})
        second = anyone.post("/auth/signup", json={"mobile_number": number, "full_name": "  Second  "})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["user"]["id"] == second.json()["user"]["id"]
    assert second.json()["user"]["full_name"] == "Second"


def test_a_verified_number_is_taken(stack: Stack, user: User) -> None:
    with client(stack.base_url) as anyone:
        problem(
            anyone.post("/auth/signup", json={"mobile_number": user.mobile_number}),
            409,
            "mobile_number_taken",
        )


def test_a_number_is_the_same_number_however_it_is_written(stack: Stack) -> None:
    with client(stack.base_url) as anyone:
        answer = ok(anyone.post("/auth/signup", json={"mobile_number": " +1 (415) 555-0199 "}))
    assert answer["user"]["mobile_number"] == "+14155550199"


def test_without_a_token_nothing_is_shown(stack: Stack) -> None:
    with client(stack.base_url) as anyone:
        answer = anyone.get("/user/me")
    problem(answer, 401, "authentication_required")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("flaw", ["expired", "unsigned", "forged", "no session", "garbage"])
def test_an_invalid_token_is_refused(stack: Stack, user: User, flaw: str) -> None:
    key = stack.settings["JWT_SECRET_KEY"].encode()
    claims = jwt.decode(user.token, key, algorithms=["HS256"])
    user_id, session, now = UUID(claims["sub"]), UUID(claims["sid"]), utc_now()

    def issue(signing_key: bytes, *, age: timedelta = timedelta(), session_id: UUID = session) -> str:
        return issue_access_token(
            signing_key, user_id=user_id, session_id=session_id, now=now - age, lifetime=timedelta(hours=24)
        )

    token = {
        "expired": issue(key, age=timedelta(hours=24, minutes=1)),  # clocks may differ by 30 s
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "forged": issue(b"another key, long enough to be taken"),
        "no session": issue(key, session_id=user_id),
        "garbage": "not.a.token",
    }[flaw]
    with client(stack.base_url) as anyone:
        answer = anyone.get("/user/me", headers={"Authorization": f"Bearer {token}"})
    problem(answer, 401, "authentication_required")


def test_an_ended_session_stops_working_within_five_seconds(stack: Stack, user: User) -> None:
    assert user.http.get("/user/me").is_success
    stack.database.run("UPDATE sessions SET ended_at = now() WHERE user_id = %s", user.id)
    let_pass(SESSION_ENDS_WITHIN_SECONDS, since=time.monotonic())
    problem(user.http.get("/user/me"), 401, "authentication_required")
