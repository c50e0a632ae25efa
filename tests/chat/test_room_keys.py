"""Creating a room: without a body, and once per Idempotency-Key."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok, problem
from tests.support.waiting import eventually


def _open(user: User, key: str, **body: object) -> httpx.Response:
    return user.http.post("/chatroom", json=body, headers={"Idempotency-Key": key})


def _rooms(user: User) -> list[str]:
    return [room["id"] for room in ok(user.http.get("/chatroom"))["chatrooms"]]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"content": b"", "headers": {"Content-Type": "application/json"}},
        {"content": b"", "headers": {"Content-Type": "text/plain"}},
        {"json": {}},
        {"json": {"title": None, "description": None, "system_instruction": None, "model": None}},
    ],
)
def test_a_room_needs_no_body(user: User, sent: Json) -> None:
    answer = user.http.post("/chatroom", **sent)
    room = ok(answer)
    assert (answer.status_code, answer.headers["location"]) == (201, f"/chatroom/{room['id']}")
    names = ("title", "description", "system_instruction", "model")
    assert [room[name] for name in names] == [None] * 4
    assert _rooms(user) == [room["id"]]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"json": []}, 400, "validation_failed"),
        ({"json": "title"}, 400, "validation_failed"),
        ({"json": 1}, 400, "validation_failed"),
        ({"json": False}, 400, "validation_failed"),
        ({"json": {"name": "Unknown"}}, 400, "validation_failed"),
        (
            {"content": b"{", "headers": {"Content-Type": "application/json"}},
            400,
            "validation_failed",
        ),
        ({"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
        ({"data": {"title": "A form"}}, 415, "unsupported_media_type"),
    ],
)
def test_a_body_of_another_kind_is_rejected_and_creates_nothing(
    user: User, sent: Json, status: int, code: str
) -> None:
    problem(user.http.post("/chatroom", **sent), status, code)
    assert _rooms(user) == []


def test_the_same_key_answers_with_the_same_room(user: User) -> None:
    """Red when the key is ignored: a retry creates a second room."""
    key = uuid.uuid4().hex
    first, again = _open(user, key, title="Once"), _open(user, key, title="Once")
    assert [answer.status_code for answer in (first, again)] == [201, 201]
    assert again.json() == first.json()
    assert first.headers["location"] == again.headers["location"] == f"/chatroom/{first.json()['id']}"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert _rooms(user) == [first.json()["id"]]


def test_a_replay_returns_the_current_room_and_compares_the_first_body(user: User) -> None:
    """Red when the body is compared with the room, which was changed since."""
    key = uuid.uuid4().hex
    room = ok(_open(user, key, title="Before"))["id"]
    changed = ok(user.http.patch(f"/chatroom/{room}", json={"title": "After", "archived": True}))
    again = _open(user, key, title="Before")
    assert (again.status_code, again.json()) == (201, changed)
    problem(_open(user, key, title="After"), 409, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"title": "  Plans "}, {"title": "Plans"}),
        ({}, {"title": None, "model": None}),
        ({"title": "Plans", "description": "of mine"}, {"description": "of mine", "title": "Plans"}),
    ],
)
def test_equivalent_bodies_are_the_same_request(user: User, first: Json, second: Json) -> None:
    key = uuid.uuid4().hex
    assert ok(_open(user, key, **first)) == ok(_open(user, key, **second))


def test_no_body_and_an_empty_one_are_the_same(user: User) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = ok(user.http.post("/chatroom", headers=key))
    assert ok(user.http.post("/chatroom", headers=key, json={})) == first


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"title": "Other"},
        {"title": "Mine", "description": "More"},
        {"description": "Mine"},
        {"title": "Mine", "model": "gemini-2.5-pro"},
    ],
)
def test_the_same_key_with_another_body_is_rejected(user: User, other: Json) -> None:
    key = uuid.uuid4().hex
    room = ok(_open(user, key, title="Mine"))["id"]
    problem(_open(user, key, **other), 409, "idempotency_key_reused")
    assert _rooms(user) == [room]


def test_a_key_belongs_to_its_user(stack: Stack, user: User) -> None:
    key, stranger = uuid.uuid4().hex, stack.user()
    mine, theirs = ok(_open(user, key)), ok(_open(stranger, key))
    assert mine["id"] != theirs["id"]
    assert (_rooms(user), _rooms(stranger)) == ([mine["id"]], [theirs["id"]])


def test_a_room_and_a_message_may_have_the_same_key(user: User) -> None:
    key = uuid.uuid4().hex
    room = ok(_open(user, key))["id"]
    said = ok(user.post(room, "Hello", Idempotency_Key=key))
    assert ok(_open(user, key))["id"] == room
    assert ok(user.post(room, "Hello", Idempotency_Key=key))["message"]["id"] == said["message"]["id"]


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_of_invalid_length_is_rejected(user: User, key: str) -> None:
    body = problem(_open(user, key), 400, "validation_failed")
    assert [error["pointer"] for error in body["errors"]] == ["/header/idempotency-key"]
    assert _rooms(user) == []


def test_a_key_of_255_characters_is_valid(user: User) -> None:
    key = "k" * 254
    first = ok(_open(user, key + "a"))
    assert ok(_open(user, key + "b"))["id"] != first["id"]
    assert ok(_open(user, key + "a"))["id"] == first["id"]


def test_a_replay_is_answered_when_the_limit_of_rooms_is_reached(stack: Stack, user: User) -> None:
    """Red when the limit is checked before the key."""
    here = user.at(stack.start_api(BASIC_ROOMS_PER_USER="1"))
    key = uuid.uuid4().hex
    room = ok(_open(here, key, title="Last"))
    problem(_open(here, uuid.uuid4().hex), 409, "chatroom_limit_reached")
    assert ok(_open(here, key, title="Last")) == room


def test_a_replay_is_answered_when_its_model_is_no_longer_offered(stack: Stack, user: User) -> None:
    """Red when the model is checked before the key."""
    here = user.at(stack.start_api(GEMINI_MODELS=""))
    key = uuid.uuid4().hex
    room = ok(_open(user, key, model="gemini-2.5-pro"))
    assert ok(_open(here, key, model="gemini-2.5-pro")) == room
    problem(_open(here, uuid.uuid4().hex, model="gemini-2.5-pro"), 400, "validation_failed")


def test_a_rejected_request_does_not_use_up_its_key(user: User) -> None:
    key = uuid.uuid4().hex
    problem(_open(user, key, model="gpt"), 400, "validation_failed")
    assert ok(_open(user, key, title="Now")) == ok(_open(user, key, title="Now"))


def test_a_deleted_room_is_not_recreated_by_its_key(stack: Stack, user: User) -> None:
    """Neither at once nor after its erasure; no row still contains the room's id or the key."""
    key = f"key-{uuid.uuid4().hex}"
    room = ok(_open(user, key))["id"]
    assert user.http.delete(f"/chatroom/{room}").status_code == 204
    problem(_open(user, key), 404, "chatroom_not_found")
    stack.database.run("UPDATE chatrooms SET erase_at = now() WHERE id = %s", uuid.UUID(room))
    erased = "SELECT count(*) = 0 FROM chatrooms WHERE id = %s"
    eventually(lambda: stack.database.value(erased, uuid.UUID(room)), what="the room's erasure")
    problem(_open(user, key), 404, "chatroom_not_found")
    problem(_open(user, key, title="Other"), 409, "idempotency_key_reused")
    [kept] = stack.database.rows("SELECT * FROM chatroom_keys WHERE user_id = %s", uuid.UUID(user.id))
    assert kept["chatroom_id"] is None
    assert key.encode() not in b"".join(value for value in kept.values() if isinstance(value, bytes))


def test_the_keys_of_a_deleted_account_are_erased(stack: Stack, user: User) -> None:
    ok(_open(user, uuid.uuid4().hex))
    assert user.http.delete("/user/me").status_code == 202
    stack.database.run("UPDATE deletions SET due_at = now()")
    gone = "SELECT count(*) = 0 FROM chatroom_keys WHERE user_id = %s"
    eventually(lambda: stack.database.value(gone, uuid.UUID(user.id)), seconds=40, what="the keys' erasure")


def test_simultaneous_requests_with_one_key_at_two_processes_create_one_room(
    stack: Stack, user: User
) -> None:
    """Red when the key is read before the lock: several requests find none."""
    users, key = (user, user.at(stack.start_api())), uuid.uuid4().hex
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda number: _open(users[number % 2], key, title="Once"), range(40)))
    assert Counter(answer.status_code for answer in answers) == {201: 40}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert len(_rooms(user)) == 1


def test_a_concurrent_request_waits_for_the_first_ones_commit(stack: Stack, user: User) -> None:
    """The first one has not committed yet."""
    key, elsewhere = uuid.uuid4().hex, user.at(stack.base_url)
    with ThreadPoolExecutor(2) as threads:
        with psycopg.connect(stack.database.url) as lock:
            lock.execute("LOCK TABLE chatroom_keys IN SHARE MODE")
            opening = [threads.submit(_open, other, key) for other in (user, elsewhere)]
            first = stack.database.wait_for_blocked("INSERT INTO chatroom_keys")
            stack.database.wait_for_blocked("(?s).*users", besides=first)
            lock.rollback()
        answers = [opened.result() for opened in opening]
    assert len({ok(answer)["id"] for answer in answers}) == 1
    assert len(_rooms(user)) == 1


def test_a_key_does_not_replace_the_access_token(stack: Stack) -> None:
    answer = client(stack.base_url).post("/chatroom", headers={"Idempotency-Key": "key"})
    problem(answer, 401, "authentication_required")
