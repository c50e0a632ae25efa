"""Replicas whose clocks differ a little accept each other's tokens and sessions."""

import time

import jwt
import pytest

from app.security import TokenInvalidError, read_access_token
from tests.support.clock import moves_clocks, shifted
from tests.support.sessions import refresh
from tests.support.stack import Stack
from tests.support.user import User, client, ok, problem
from tests.support.waiting import eventually

_KEY = b"a key of the tests, long enough for it"
_ID = "018f0000-0000-7000-8000-000000000000"


def _token(*, issued: int = -100, expires: int = 100) -> str:
    """Return an access token with these times, in seconds from now."""
    now = int(time.time())
    ids = {"sub": _ID, "sid": _ID, "jti": "1"}
    return jwt.encode({**ids, "iat": now + issued, "exp": now + expires}, _KEY, algorithm="HS256")


@pytest.mark.parametrize("times", [{"issued": 29}, {"expires": -24}, {"issued": 0}, {"expires": 1}])
def test_a_token_within_the_leeway_is_accepted(times: dict[str, int]) -> None:
    """Red without the leeway: the slower of two replicas rejects a new token of the faster one."""
    assert str(read_access_token(_KEY, _token(**times)).user_id) == _ID


@pytest.mark.parametrize("times", [{"issued": 40}, {"expires": -31}, {"expires": -40}])
def test_a_token_beyond_the_leeway_is_rejected(times: dict[str, int]) -> None:
    with pytest.raises(TokenInvalidError):
        read_access_token(_KEY, _token(**times))


def test_an_accepted_token_is_rejected_once_it_has_expired() -> None:
    """Red when a token that was verified once is remembered without its times."""
    token = _token(expires=-28)
    read_access_token(_KEY, token)

    def is_rejected() -> bool:
        try:
            read_access_token(_KEY, token)
        except TokenInvalidError:
            return True
        return False

    assert eventually(is_rejected, seconds=5)


def test_the_api_accepts_a_token_29_s_off(stack: Stack, user: User) -> None:
    key = stack.settings["JWT_SECRET_KEY"]
    claims = jwt.decode(user.token, key, algorithms=["HS256"])
    now = int(time.time())
    for times, status in (
        ({"iat": now + 29}, 200),
        ({"exp": now - 20}, 200),  # leaves time for a slow request
        ({"iat": now + 45}, 401),
        ({"exp": now - 40}, 401),
    ):
        token = jwt.encode({**claims, **times}, key, algorithm="HS256")
        with client(stack.base_url, {"Authorization": f"Bearer {token}"}) as caller:
            assert caller.get("/user/me").status_code == status, times


@pytest.mark.parametrize(("ago", "status"), [(15, 200), (40, 401)])
def test_a_session_expires_within_the_leeway(stack: Stack, user: User, ago: int, status: int) -> None:
    """Another replica's clock set the time of expiry."""
    stack.database.run(
        "UPDATE sessions SET refresh_expires_at = now() - make_interval(secs => %s) WHERE user_id = %s",
        ago,
        user.id,
    )
    elsewhere = user.at(stack.start_api())
    answer = elsewhere.http.get("/user/me")
    renewed = refresh(stack.base_url, user.tokens["refresh_token"])
    if status == 200:
        assert ok(answer)["id"] == user.id
        assert ok(renewed)["refresh_expires_in"] > 0
    else:
        problem(answer, 401, "authentication_required")
        problem(renewed, 401, "refresh_invalid")


@moves_clocks
@pytest.mark.parametrize("seconds", [-20, 20])
def test_replicas_20_s_apart_serve_each_others_users(stack: Stack, seconds: int) -> None:
    """Red without the leeway: a new token of the faster replica is from the future."""
    elsewhere = stack.start_api(**shifted(f"{seconds:+d}s"))
    for at_home, abroad in ((stack.base_url, elsewhere), (elsewhere, stack.base_url)):
        user = User.sign_up(at_home)
        assert ok(user.at(abroad).http.get("/user/me"))["id"] == user.id
        renewed = ok(refresh(abroad, user.tokens["refresh_token"]))
        again = User(at_home, user.mobile_number, renewed)
        assert ok(again.http.get("/user/me"))["id"] == user.id
        assert ok(again.http.get("/auth/sessions"))["sessions"]


@moves_clocks
@pytest.mark.parametrize("offset", ["+40s", "-40s"])
def test_a_reply_is_due_by_the_clock_of_the_database(own_stack: Stack, offset: str) -> None:
    """Its wake-up is lost. Red when the API's clock decides: 40 s ahead, the reply waits 40 s longer."""
    nowhere = {"CELERY_BROKER_URL": "redis://127.0.0.1:1/0"}
    user = own_stack.user(own_stack.start_api(**nowhere, **shifted(offset)))
    worker = own_stack.start_worker()
    reply = ok(user.post(user.open_room(), "Hello", Prefer="wait=20"))["reply"]
    assert reply["status"] == "completed"
    assert '"reply_rescued"' in worker.log
