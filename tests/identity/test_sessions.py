"""Sessions: refreshed, listed, ended; on every process, and without Redis, within five seconds."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from tests.support.refresh_tokens import signed_token
from tests.support.sessions import another_session, give_password, refresh
from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok, problem
from tests.support.waiting import SESSION_ENDS_WITHIN_SECONDS, let_pass

pytestmark = pytest.mark.server_version

_NO_REDIS = "redis://127.0.0.1:9/0"


@pytest.fixture(scope="module")
def replicas(stack: Stack) -> Iterator[tuple[str, str]]:
    """A second API process, and a third one that cannot reach Redis."""
    yield stack.start_api(), stack.start_api(REDIS_URL=_NO_REDIS, CELERY_BROKER_URL=stack.redis_url)
    for process in stack.processes[-2:]:
        process.kill()


@pytest.fixture
def second(stack: Stack, user: User) -> User:
    """The same user on a second device."""
    give_password(user)
    return another_session(stack, user)


def _works(user: User) -> bool:
    return user.http.get("/user/me").is_success


def _sessions(user: User) -> list[Json]:
    found: list[Json] = ok(user.http.get("/auth/sessions"))["sessions"]
    return found


def test_refreshing_gives_a_new_pair_that_works(stack: Stack, user: User) -> None:
    answer = ok(refresh(stack.base_url, user.tokens["refresh_token"]))
    assert answer.keys() == user.tokens.keys()
    assert answer["refresh_token"] != user.tokens["refresh_token"]
    assert answer["access_token"] != user.tokens["access_token"]
    assert (answer["expires_in"], answer["refresh_expires_in"]) == (86400, 30 * 86400)
    renewed = User(stack.base_url, user.mobile_number, answer)
    assert ok(renewed.http.get("/user/me")) == answer["user"]
    [session] = _sessions(renewed)
    assert session["current"]


def test_a_refresh_with_a_lost_response_can_be_repeated(stack: Stack, user: User) -> None:
    """Red when every refresh makes a token of its own: the first of them ends up unknown."""
    first, second, third = (
        ok(refresh(stack.base_url, user.tokens["refresh_token"]))["refresh_token"] for _ in range(3)
    )
    assert first == second == third
    assert ok(refresh(stack.base_url, first))["refresh_token"] != first


def test_twenty_refreshes_at_once_get_the_same_successor(
    stack: Stack, user: User, replicas: tuple[str, str]
) -> None:
    async def burst() -> list[httpx.Response]:
        body = {"refresh_token": user.tokens["refresh_token"]}
        async with httpx.AsyncClient(timeout=30, trust_env=False) as anyone:
            addresses = [(stack.base_url, *replicas)[number % 3] for number in range(20)]
            return await asyncio.gather(
                *(anyone.post(f"{address}/auth/refresh", json=body) for address in addresses)
            )

    successors = {ok(answer)["refresh_token"] for answer in asyncio.run(burst())}
    assert len(successors) == 1
    row = stack.database.rows("SELECT refresh_count FROM sessions WHERE user_id = %s", user.id)
    assert row == [{"refresh_count": 1}]


def test_a_refresh_that_waited_for_the_row_reads_it_as_committed(stack: Stack, user: User) -> None:
    """Red without the row lock: it sets the count back, and the newest token becomes unknown."""
    with ThreadPoolExecutor(1) as thread, psycopg.connect(stack.database.url) as others:
        others.execute("UPDATE sessions SET refresh_count = 2 WHERE user_id = %s", (user.id,))
        late = thread.submit(refresh, stack.base_url, signed_token(stack, user, 0))
        stack.database.wait_for_blocked("(?s).*sessions")
        others.commit()
        problem(late.result(), 401, "refresh_reused")


def test_a_token_whose_successor_was_used_ends_the_session(stack: Stack, user: User) -> None:
    """Red when the failure rolls the end of the session back."""
    chain = [user.tokens["refresh_token"]]
    for _ in range(3):
        chain.append(ok(refresh(stack.base_url, chain[-1]))["refresh_token"])
    problem(refresh(stack.base_url, chain[1]), 401, "refresh_reused")
    for token in chain:
        problem(refresh(stack.base_url, token), 401, "refresh_invalid")
    problem(user.http.get("/user/me"), 401, "authentication_required")


def test_a_forged_token_ends_no_session(stack: Stack, user: User) -> None:
    """Red when every unknown token counts as reused: a session's id would be enough to end it."""
    current = ok(refresh(stack.base_url, user.tokens["refresh_token"]))["refresh_token"]
    forged = current.partition(".")[0] + "." + "A" * 43
    problem(refresh(stack.base_url, forged), 401, "refresh_invalid")
    assert _works(user)
    assert refresh(stack.base_url, current).is_success


@pytest.mark.parametrize("token", ["", "garbage", ".", f"{'0' * 32}.{'A' * 43}", "é" * 100, "A" * 100_000])
def test_what_is_no_refresh_token_is_refused(stack: Stack, token: str) -> None:
    answer = refresh(stack.base_url, token)
    problem(answer, 401, "refresh_invalid")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("body", [{}, {"refresh_token": None}, {"refresh_token": 5}, {"token": "x"}])
def test_a_refresh_of_another_form_is_refused(stack: Stack, body: Json) -> None:
    with client(stack.base_url) as anyone:
        problem(anyone.post("/auth/refresh", json=body), 400, "validation_failed")


def test_a_session_that_ran_out_or_whose_user_was_deleted_is_not_refreshed(
    stack: Stack, user: User, replicas: tuple[str, str]
) -> None:
    deleted = stack.user()
    stack.database.run(
        "UPDATE sessions SET refresh_expires_at = now() - interval '1 minute' WHERE user_id = %s", user.id
    )
    stack.database.run("UPDATE users SET deleted_at = now() WHERE id = %s", deleted.id)
    for each in (user, deleted):
        answer = refresh(stack.base_url, each.tokens["refresh_token"])
        problem(answer, 401, "refresh_invalid")
        problem(each.at(replicas[0]).http.get("/user/me"), 401, "authentication_required")


def test_without_redis_sessions_are_refreshed_listed_and_ended(user: User, replicas: tuple[str, str]) -> None:
    without_redis = replicas[1]
    tokens = ok(refresh(without_redis, user.tokens["refresh_token"]))
    renewed = User(without_redis, user.mobile_number, tokens)
    assert len(_sessions(renewed)) == 1
    assert renewed.http.post("/auth/logout").status_code == 204
    assert not _works(renewed)


@pytest.mark.parametrize(
    ("body", "survivors"),
    [(None, [False, True]), ({"scope": "others"}, [True, False]), ({"scope": "all"}, [False, False])],
    ids=["this", "others", "all"],
)
def test_a_logout_ends_what_it_names_on_every_process_within_five_seconds(
    user: User, second: User, replicas: tuple[str, str], body: Json | None, survivors: list[bool]
) -> None:
    """At once on the process of the logout. Red there if the cache keeps it, elsewhere if too long."""
    here = [user, second]
    everywhere = [each.at(address) for address in replicas for each in here]
    assert all(_works(each) for each in here + everywhere)
    answer = user.http.post("/auth/logout", json=body) if body else user.http.post("/auth/logout")
    assert (answer.status_code, answer.content) == (204, b"")
    answered_at = time.monotonic()
    assert [_works(each) for each in here] == survivors
    let_pass(SESSION_ENDS_WITHIN_SECONDS, since=answered_at)
    assert [_works(each) for each in everywhere] == survivors * 2


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"scope": "this"}'])
def test_a_logout_without_a_scope_ends_this_session(user: User, body: bytes) -> None:
    answer = user.http.post("/auth/logout", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 204
    problem(user.http.get("/user/me"), 401, "authentication_required")


@pytest.mark.parametrize("body", [{"scope": "nobody"}, {"scope": None}, {"everything": True}, [], "all"])
def test_a_logout_of_another_form_ends_nothing(user: User, body: object) -> None:
    problem(user.http.post("/auth/logout", json=body), 400, "validation_failed")
    problem(user.http.post("/auth/logout", content=b"all"), 415, "unsupported_media_type")
    assert _works(user)


def test_a_logged_out_session_cannot_be_refreshed(stack: Stack, user: User) -> None:
    user.http.post("/auth/logout")
    problem(refresh(stack.base_url, user.tokens["refresh_token"]), 401, "refresh_invalid")


def test_sessions_are_listed_with_their_device_newest_use_first(stack: Stack, user: User) -> None:
    give_password(user)
    with client(stack.base_url, {"User-Agent": "Mozilla/5.0 \t(My Phone) " + "x" * 300}) as phone:
        body = {"mobile_number": user.mobile_number, "password": "seven green umbrellas"}
        newest = ok(phone.post("/auth/login", json=body))
    listed, own = _sessions(user)
    assert listed.keys() == {
        *("id", "device_name", "client", "device", "ip"),
        *("created_at", "last_used_at", "current"),
    }
    assert listed["device"].startswith("Mozilla/5.0 (My Phone) xxx")
    assert len(listed["device"]) <= 200
    assert (listed["ip"], listed["current"], own["current"]) == ("127.0.0.1", False, True)
    assert listed["last_used_at"] > own["last_used_at"]
    assert _sessions(User(stack.base_url, user.mobile_number, newest))[0]["current"]


def test_the_list_has_pages(stack: Stack, user: User) -> None:
    give_password(user)
    for _ in range(4):
        another_session(stack, user)
    whole = [session["id"] for session in _sessions(user)]
    assert len(whole) == 5
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        place = {"cursor": cursor} if cursor else {}
        page = ok(user.http.get("/auth/sessions", params={"limit": 2, **place}))
        seen += [session["id"] for session in page["sessions"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (whole, None)


def test_a_cursor_of_another_user_or_list_is_refused(stack: Stack, user: User, second: User) -> None:
    cursor = ok(second.http.get("/auth/sessions?limit=1"))["next_cursor"]
    stranger = stack.user()
    for wrong in (
        stranger.http.get(f"/auth/sessions?cursor={cursor}"),
        user.http.get("/auth/sessions?cursor=x"),
    ):
        problem(wrong, 400, "cursor_invalid")
    problem(user.http.get("/auth/sessions?limit=0"), 400, "validation_failed")


def test_a_session_is_ended_by_its_owner_only_and_once(stack: Stack, user: User, second: User) -> None:
    """Red when ending a session does not check its owner."""
    [target] = [session["id"] for session in _sessions(user) if not session["current"]]
    stranger = stack.user()
    for wrong in (target, str(uuid.uuid4()), "no-uuid"):
        problem(stranger.http.delete(f"/auth/sessions/{wrong}"), 404, "session_not_found")
    assert _works(second)
    assert user.http.delete(f"/auth/sessions/{target}").status_code == 204
    problem(second.http.get("/user/me"), 401, "authentication_required")
    problem(user.http.delete(f"/auth/sessions/{target}"), 404, "session_not_found")
    assert [session["current"] for session in _sessions(user)] == [True]


def test_use_is_noted_at_most_every_ten_minutes(stack: Stack, user: User, replicas: tuple[str, str]) -> None:
    def used() -> object:
        return stack.database.value("SELECT last_used_at FROM sessions WHERE user_id = %s", user.id)

    opened = used()
    assert all(_works(user.at(address)) for address in replicas)
    assert used() == opened
    for minutes, is_noted in ((9, False), (11, True)):
        address = stack.start_api()  # one that has not queried it yet
        stack.database.run(
            "UPDATE sessions SET last_used_at = now() - make_interval(mins => %s) WHERE user_id = %s",
            minutes,
            user.id,
        )
        before = used()
        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(lambda _: _works(user.at(address)), range(8)))  # noqa: B023  # done here
        assert (used() != before) is is_noted
        stack.processes[-1].kill()


def test_a_refresh_returns_the_current_plan(stack: Stack, user: User) -> None:
    assert ok(user.http.get("/user/me"))["plan"] == "basic"
    stack.make_pro(user)
    assert ok(refresh(stack.base_url, user.tokens["refresh_token"]))["user"]["plan"] == "pro"
