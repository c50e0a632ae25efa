"""Creating a room: without a body, and once per Idempotency-Key."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from tests.support.person import Json, Person, client, ok, problem
from tests.support.stack import Stack
from tests.support.waiting import eventually


def _open(person: Person, key: str, **wish: object) -> httpx.Response:
    return person.http.post("/chatroom", json=wish, headers={"Idempotency-Key": key})


def _rooms(person: Person) -> list[str]:
    return [room["id"] for room in ok(person.http.get("/chatroom"))["chatrooms"]]


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
def test_a_room_needs_no_body(person: Person, sent: Json) -> None:
    answer = person.http.post("/chatroom", **sent)
    room = ok(answer)
    assert (answer.status_code, answer.headers["location"]) == (201, f"/chatroom/{room['id']}")
    names = ("title", "description", "system_instruction", "model")
    assert [room[name] for name in names] == [None] * 4
    assert _rooms(person) == [room["id"]]


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
    person: Person, sent: Json, status: int, code: str
) -> None:
    problem(person.http.post("/chatroom", **sent), status, code)
    assert _rooms(person) == []


def test_the_same_key_answers_with_the_same_room(person: Person) -> None:
    """Red when the key is ignored: a retry creates a second room."""
    key = uuid.uuid4().hex
    first, again = _open(person, key, title="Once"), _open(person, key, title="Once")
    assert [answer.status_code for answer in (first, again)] == [201, 201]
    assert again.json() == first.json()
    assert first.headers["location"] == again.headers["location"] == f"/chatroom/{first.json()['id']}"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert _rooms(person) == [first.json()["id"]]


def test_a_replay_returns_the_current_room_and_compares_the_first_body(person: Person) -> None:
    """Red when the body is compared with the room, which was changed since."""
    key = uuid.uuid4().hex
    room = ok(_open(person, key, title="Before"))["id"]
    changed = ok(person.http.patch(f"/chatroom/{room}", json={"title": "After", "archived": True}))
    again = _open(person, key, title="Before")
    assert (again.status_code, again.json()) == (201, changed)
    problem(_open(person, key, title="After"), 409, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"title": "  Plans "}, {"title": "Plans"}),
        ({}, {"title": None, "model": None}),
        ({"title": "Plans", "description": "of mine"}, {"description": "of mine", "title": "Plans"}),
    ],
)
def test_equivalent_bodies_are_the_same_request(person: Person, first: Json, second: Json) -> None:
    key = uuid.uuid4().hex
    assert ok(_open(person, key, **first)) == ok(_open(person, key, **second))


def test_no_body_and_an_empty_one_are_the_same(person: Person) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = ok(person.http.post("/chatroom", headers=key))
    assert ok(person.http.post("/chatroom", headers=key, json={})) == first


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
def test_the_same_key_with_another_body_is_rejected(person: Person, other: Json) -> None:
    key = uuid.uuid4().hex
    room = ok(_open(person, key, title="Mine"))["id"]
    problem(_open(person, key, **other), 409, "idempotency_key_reused")
    assert _rooms(person) == [room]


def test_a_key_belongs_to_its_user(stack: Stack, person: Person) -> None:
    key, stranger = uuid.uuid4().hex, stack.person()
    mine, theirs = ok(_open(person, key)), ok(_open(stranger, key))
    assert mine["id"] != theirs["id"]
    assert (_rooms(person), _rooms(stranger)) == ([mine["id"]], [theirs["id"]])


def test_a_room_and_a_message_may_have_the_same_key(person: Person) -> None:
    key = uuid.uuid4().hex
    room = ok(_open(person, key))["id"]
    said = ok(person.post(room, "Hello", Idempotency_Key=key))
    assert ok(_open(person, key))["id"] == room
    assert ok(person.post(room, "Hello", Idempotency_Key=key))["message"]["id"] == said["message"]["id"]


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_of_invalid_length_is_rejected(person: Person, key: str) -> None:
    body = problem(_open(person, key), 400, "validation_failed")
    assert [error["pointer"] for error in body["errors"]] == ["/header/idempotency-key"]
    assert _rooms(person) == []


def test_a_key_of_255_characters_is_valid(person: Person) -> None:
    key = "k" * 254
    first = ok(_open(person, key + "a"))
    assert ok(_open(person, key + "b"))["id"] != first["id"]
    assert ok(_open(person, key + "a"))["id"] == first["id"]


def test_a_replay_is_answered_when_the_limit_of_rooms_is_reached(stack: Stack, person: Person) -> None:
    """Red when the limit is checked before the key."""
    here = person.at(stack.start_api(BASIC_ROOMS_PER_USER="1"))
    key = uuid.uuid4().hex
    room = ok(_open(here, key, title="Last"))
    problem(_open(here, uuid.uuid4().hex), 409, "chatroom_limit_reached")
    assert ok(_open(here, key, title="Last")) == room


def test_a_replay_is_answered_when_its_model_is_no_longer_offered(stack: Stack, person: Person) -> None:
    """Red when the model is checked before the key."""
    here = person.at(stack.start_api(GEMINI_MODELS=""))
    key = uuid.uuid4().hex
    room = ok(_open(person, key, model="gemini-2.5-pro"))
    assert ok(_open(here, key, model="gemini-2.5-pro")) == room
    problem(_open(here, uuid.uuid4().hex, model="gemini-2.5-pro"), 400, "validation_failed")


def test_a_rejected_request_does_not_use_up_its_key(person: Person) -> None:
    key = uuid.uuid4().hex
    problem(_open(person, key, model="gpt"), 400, "validation_failed")
    assert ok(_open(person, key, title="Now")) == ok(_open(person, key, title="Now"))


def test_a_deleted_room_is_not_recreated_by_its_key(stack: Stack, person: Person) -> None:
    """Neither at once nor after its erasure; no row still contains the room's id or the key."""
    key = f"key-{uuid.uuid4().hex}"
    room = ok(_open(person, key))["id"]
    assert person.http.delete(f"/chatroom/{room}").status_code == 204
    problem(_open(person, key), 404, "chatroom_not_found")
    stack.database.run("UPDATE chatrooms SET erase_at = now() WHERE id = %s", uuid.UUID(room))
    erased = "SELECT count(*) = 0 FROM chatrooms WHERE id = %s"
    eventually(lambda: stack.database.value(erased, uuid.UUID(room)), what="the room's erasure")
    problem(_open(person, key), 404, "chatroom_not_found")
    problem(_open(person, key, title="Other"), 409, "idempotency_key_reused")
    [kept] = stack.database.rows("SELECT * FROM chatroom_keys WHERE user_id = %s", uuid.UUID(person.id))
    assert kept["chatroom_id"] is None
    assert key.encode() not in b"".join(value for value in kept.values() if isinstance(value, bytes))


def test_the_keys_of_a_deleted_account_are_erased(stack: Stack, person: Person) -> None:
    ok(_open(person, uuid.uuid4().hex))
    assert person.http.delete("/user/me").status_code == 202
    stack.database.run("UPDATE deletions SET due_at = now()")
    gone = "SELECT count(*) = 0 FROM chatroom_keys WHERE user_id = %s"
    eventually(lambda: stack.database.value(gone, uuid.UUID(person.id)), seconds=40, what="the keys' erasure")


def test_simultaneous_requests_with_one_key_at_two_processes_create_one_room(
    stack: Stack, person: Person
) -> None:
    """Red when the key is read before the lock: several requests find none."""
    people, key = (person, person.at(stack.start_api())), uuid.uuid4().hex
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda number: _open(people[number % 2], key, title="Once"), range(40)))
    assert Counter(answer.status_code for answer in answers) == {201: 40}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert len(_rooms(person)) == 1


def test_a_concurrent_request_waits_for_the_first_ones_commit(stack: Stack, person: Person) -> None:
    """The first one has not committed yet."""
    key, elsewhere = uuid.uuid4().hex, person.at(stack.base_url)
    with ThreadPoolExecutor(2) as threads:
        with psycopg.connect(stack.database.url) as lock:
            lock.execute("LOCK TABLE chatroom_keys IN SHARE MODE")
            opening = [threads.submit(_open, somebody, key) for somebody in (person, elsewhere)]
            first = stack.database.wait_for_blocked("INSERT INTO chatroom_keys")
            stack.database.wait_for_blocked("(?s).*users", besides=first)
            lock.rollback()
        answers = [opened.result() for opened in opening]
    assert len({ok(answer)["id"] for answer in answers}) == 1
    assert len(_rooms(person)) == 1


def test_a_key_does_not_replace_the_access_token(stack: Stack) -> None:
    answer = client(stack.base_url).post("/chatroom", headers={"Idempotency-Key": "key"})
    problem(answer, 401, "authentication_required")
