"""Limits: the number of rooms by plan, and the size of a cached list."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.redis_client.chatroom_cache import MAX_CACHED_BYTES
from tests.support.stack import Stack
from tests.support.user import User, ok, problem

pytestmark = pytest.mark.server_version

_ON_BASIC, _ON_PRO = 3, 5
_LIMITS = {"BASIC_ROOMS_PER_USER": str(_ON_BASIC), "PRO_ROOMS_PER_USER": str(_ON_PRO)}


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    """An API process with low limits."""
    return stack.start_api(**_LIMITS)


def _fill(user: User, rooms: int) -> list[str]:
    return [user.open_room() for _ in range(rooms)]


def _rooms(user: User) -> int:
    archived = ok(user.http.get("/chatroom", params={"archived": True}))["chatrooms"]
    return len(archived) + len(ok(user.http.get("/chatroom"))["chatrooms"])


def test_a_room_beyond_the_limit_is_rejected_with_advice(user: User, address: str) -> None:
    here = user.at(address)
    rooms = _fill(here, _ON_BASIC)
    body = problem(here.http.post("/chatroom", json={}), 409, "chatroom_limit_reached")
    assert (body["limit"], body["upgrade"]) == (_ON_BASIC, "/subscribe/pro")
    assert _rooms(here) == _ON_BASIC
    assert here.post(rooms[0], "Rooms that are there go on", Prefer="respond-async").status_code == 202


def test_archived_rooms_count_and_deleted_ones_do_not(user: User, address: str) -> None:
    """Red when a deleted room counts until a worker has erased it."""
    here = user.at(address)
    first, *_ = _fill(here, _ON_BASIC)
    ok(here.http.patch(f"/chatroom/{first}", json={"archived": True}))
    problem(here.http.post("/chatroom", json={}), 409, "chatroom_limit_reached")
    assert here.http.delete(f"/chatroom/{first}").status_code == 204
    here.open_room()
    problem(here.http.post("/chatroom", json={}), 409, "chatroom_limit_reached")


def test_pro_has_more_rooms_which_stay_when_pro_ends(stack: Stack, pro: User, address: str) -> None:
    here = pro.at(address)
    first, *_ = _fill(here, _ON_PRO)
    body = problem(here.http.post("/chatroom", json={}), 409, "chatroom_limit_reached")
    assert (body["limit"], "upgrade" in body) == (_ON_PRO, False)
    stack.database.run("UPDATE subscriptions SET status = 'canceled' WHERE user_id = %s", pro.id)
    assert here.http.delete(f"/chatroom/{first}").status_code == 204
    body = problem(here.http.post("/chatroom", json={}), 409, "chatroom_limit_reached")
    assert body["limit"] == _ON_BASIC
    assert _rooms(here) == _ON_PRO - 1


def test_simultaneous_requests_at_two_processes_create_exactly_the_limit(
    stack: Stack, user: User, address: str
) -> None:
    """Red without the lock: each counts before the others have stored theirs."""
    users = (user.at(address), user.at(stack.start_api(**_LIMITS)))
    with ThreadPoolExecutor(20) as threads:
        answers = list(
            threads.map(lambda number: users[number % 2].http.post("/chatroom", json={}), range(40))
        )
    assert Counter(answer.status_code for answer in answers) == {201: _ON_BASIC, 409: 40 - _ON_BASIC}
    assert _rooms(user) == _ON_BASIC


def test_a_large_list_is_correct_and_not_cached(stack: Stack, user: User) -> None:
    """Red without the limit: one free account could store 1.5 MB in Redis."""
    key = f"chatrooms:user:{user.id}"
    instruction = "x" * 8000
    small = MAX_CACHED_BYTES // len(instruction) - 1
    for number in range(small):
        user.open_room(title=f"Room {number}", system_instruction=instruction)
    assert [user.http.get("/chatroom").headers["x-cache"] for _ in range(2)] == ["MISS", "HIT"]
    assert 0 < stack.redis.strlen(key) <= MAX_CACHED_BYTES
    for number in range(small, small + 2):
        user.open_room(title=f"Room {number}", system_instruction=instruction)
    answers = [user.http.get("/chatroom") for _ in range(2)]
    assert [answer.headers["x-cache"] for answer in answers] == ["MISS", "MISS"]
    assert stack.redis.exists(key) == 0
    assert [len(ok(answer)["chatrooms"]) for answer in answers] == [small + 2] * 2
