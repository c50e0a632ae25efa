"""Rooms: created, read, and listed from a read-your-writes cache."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.stack import Stack
from tests.support.user import User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version


def test_a_room_is_created_with_the_requested_fields(user: User) -> None:
    body = {"title": "  Plans ", "description": "of mine", "system_instruction": "Be brief."}
    answer = user.http.post("/chatroom", json=body)
    assert answer.status_code == 201
    room = answer.json()
    assert answer.headers["location"] == f"/chatroom/{room['id']}"
    assert (room["title"], room["description"], room["system_instruction"]) == (
        "Plans",
        "of mine",
        "Be brief.",
    )
    assert (room["model"], room["archived"], room["message_count"]) == (None, False, 0)
    assert room["last_message_at"] is None
    assert ok(user.http.get(f"/chatroom/{room['id']}")) == {**room, "messages": [], "next_cursor": None}


def test_a_room_without_a_title_takes_the_first_words_of_its_first_message(user: User) -> None:
    room = user.open_room()
    words = "What   should I\ncook " + "tonight " * 20
    # Gemini names the room after the reply, so the reply is delayed.
    user.post(room, f"{words}[sandbox:wait=5]", Prefer="respond-async")
    title = ok(user.http.get(f"/chatroom/{room}"))["title"]
    assert title.startswith("What should I cook tonight")
    assert len(title) <= 60


def test_an_unknown_model_is_rejected(user: User) -> None:
    body = problem(user.http.post("/chatroom", json={"model": "gpt"}), 400, "validation_failed")
    assert body["errors"][0]["pointer"] == "/model"


def test_the_list_is_ordered_by_activity_and_paged_without_gaps(user: User) -> None:
    rooms = [user.open_room(title=f"Room {number}") for number in range(5)]
    user.say(rooms[0], "The oldest room is the most active now.")
    expected = [rooms[0], *reversed(rooms[1:])]
    seen: list[str] = []
    cursor = None
    while True:
        page = ok(user.http.get("/chatroom", params={"limit": 2, **({"cursor": cursor} if cursor else {})}))
        seen += [room["id"] for room in page["chatrooms"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == expected


def test_the_list_comes_from_the_documented_cache_key_for_five_minutes(stack: Stack, user: User) -> None:
    room = user.open_room()
    first, second = user.http.get("/chatroom"), user.http.get("/chatroom")
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert first.json() == second.json()
    assert first.json()["chatrooms"][0]["id"] == room
    assert 290 <= int(stack.redis.ttl(f"chatrooms:user:{user.id}")) <= 300


def test_a_write_is_never_followed_by_a_stale_list(user: User) -> None:
    rooms: list[str] = []
    for _ in range(20):
        rooms.insert(0, user.open_room())
        listed = [room["id"] for room in ok(user.http.get("/chatroom"))["chatrooms"]]
        assert listed == rooms
        assert user.http.get("/chatroom").headers["x-cache"] == "HIT"


def test_a_slow_reader_does_not_restore_the_old_list(stack: Stack, user: User) -> None:
    """Whatever the order of the two is, the list afterwards is the new one.

    The reader is held by a lock on the table; the write behind it waits for the same lock, so their
    order is the database's.
    """
    user.open_room()
    user.http.get("/chatroom")
    stack.redis.delete(f"chatrooms:user:{user.id}")
    with psycopg.connect(stack.database.url) as lock:
        lock.execute("LOCK TABLE chatrooms IN ACCESS EXCLUSIVE MODE")
        reader = threading.Thread(target=lambda: user.at(stack.base_url).http.get("/chatroom"))
        reader.start()
        eventually(lambda: stack.redis.exists(f"chatrooms:user:{user.id}:fill"), what="a fill under way")
        opened: list[str] = []
        writer = threading.Thread(target=lambda: opened.append(user.at(stack.base_url).open_room()))
        writer.start()
        stack.database.wait_for_blocked("-- list_rooms")
        stack.database.wait_for_blocked("SELECT count")  # the writer, which checks the limit first
        lock.rollback()
    reader.join()
    writer.join()
    assert ok(user.http.get("/chatroom"))["chatrooms"][0]["id"] == opened[0]


def test_a_fill_overtaken_by_a_write_is_not_stored(stack: Stack, user: User) -> None:
    """The same race, step by step: the token is gone when the reader comes to store its list.

    Red without the look at the token in the script that stores: the old list is kept.
    """
    user.open_room()
    with psycopg.connect(stack.database.url) as lock:
        lock.execute("LOCK TABLE chatrooms IN ACCESS EXCLUSIVE MODE")
        reader = threading.Thread(target=lambda: user.at(stack.base_url).http.get("/chatroom"))
        reader.start()
        fill = f"chatrooms:user:{user.id}:fill"
        eventually(lambda: stack.redis.exists(fill), what="a fill under way")
        stack.redis.delete(fill)  # what every writer does before and after its commit
        lock.rollback()
    reader.join()
    assert not stack.redis.exists(f"chatrooms:user:{user.id}")


def test_of_many_readers_at_once_the_first_fills_the_cache(stack: Stack, user: User) -> None:
    """Red when each reader replaces the token of the one before: while readers keep coming, none fills it."""
    user.open_room()
    fill = f"chatrooms:user:{user.id}:fill"
    blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'chatrooms'"
    with psycopg.connect(stack.database.url) as lock, ThreadPoolExecutor(6) as pool:
        lock.execute("LOCK TABLE chatrooms IN ACCESS EXCLUSIVE MODE")
        readers = [pool.submit(user.at(stack.base_url).http.get, "/chatroom")]
        token = eventually(lambda: stack.redis.get(fill), what="a fill under way")
        stack.redis.persist(fill)  # whatever time the others take to come
        readers += [pool.submit(user.at(stack.base_url).http.get, "/chatroom") for _ in range(5)]
        eventually(
            lambda: len(stack.database.rows(blocked)) > len(readers) // 2, what="several readers under way"
        )
        assert stack.redis.get(fill) == token
        lock.rollback()
        assert {reader.result().headers["x-cache"] for reader in readers} == {"MISS"}
    assert [user.http.get("/chatroom").headers["x-cache"] for _ in range(3)] == ["HIT"] * 3


def test_a_room_is_hidden_from_other_users(stack: Stack, user: User) -> None:
    room = user.open_room(title="Private")
    stranger = stack.user()
    problem(stranger.http.get(f"/chatroom/{room}"), 404, "chatroom_not_found")
    problem(stranger.http.get(f"/chatroom/{room}/message"), 404, "chatroom_not_found")
    problem(stranger.post(room, "Let me in"), 404, "chatroom_not_found")
    assert ok(stranger.http.get("/chatroom"))["chatrooms"] == []


@pytest.mark.parametrize(
    "room", ["0197f2a0-0000-7000-8000-000000000000", "1", "not-a-uuid", "%00", "a" * 300]
)
def test_an_unknown_room_is_not_found(user: User, room: str) -> None:
    problem(user.http.get(f"/chatroom/{room}"), 404, "chatroom_not_found")
    problem(user.post(room, "Anybody here?"), 404, "chatroom_not_found")


@pytest.mark.parametrize("cursor", ["garbage", "AAAA", "%F0%9F%98%80", "", "a" * 400])
def test_an_invalid_cursor_is_rejected(user: User, cursor: str) -> None:
    problem(user.http.get(f"/chatroom?cursor={cursor}"), 400, "cursor_invalid")


def test_a_cursor_of_another_user_is_rejected(stack: Stack, user: User) -> None:
    for _ in range(2):
        user.open_room()
    cursor = ok(user.http.get("/chatroom?limit=1"))["next_cursor"]
    problem(stack.user().http.get(f"/chatroom?cursor={cursor}"), 400, "cursor_invalid")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many"])
def test_a_limit_out_of_range_is_rejected(user: User, limit: str) -> None:
    body = problem(user.http.get(f"/chatroom?limit={limit}"), 400, "validation_failed")
    assert body["errors"][0]["pointer"] == "/query/limit"


def test_an_unchanged_list_is_not_sent_again(user: User) -> None:
    """For hits, misses and other pages. Red when the tag does not depend on the content."""
    rooms = [user.open_room(title=f"Room {number}") for number in range(3)]
    for params in ({}, {"limit": 2}, {"archived": True}):
        first = user.http.get("/chatroom", params=params)
        tag = first.headers["etag"]
        assert first.headers["cache-control"] == "private, no-cache"
        assert "authorization" in first.headers["vary"].lower()
        for names in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = user.http.get("/chatroom", params=params, headers={"If-None-Match": names})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
        other = user.http.get("/chatroom", params=params, headers={"If-None-Match": '"other"'})
        assert (other.status_code, other.json(), other.headers["etag"]) == (200, first.json(), tag)
    tag = user.http.get("/chatroom").headers["etag"]
    ok(user.http.patch(f"/chatroom/{rooms[0]}", json={"title": "New"}))
    changed = user.http.get("/chatroom", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["x-cache"]) == (200, "MISS")
    assert changed.headers["etag"] != tag
    known = {"If-None-Match": changed.headers["etag"]}
    again = user.http.get("/chatroom", headers=known)
    assert (again.status_code, again.headers["x-cache"]) == (304, "HIT")
