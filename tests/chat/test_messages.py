"""Sending a message and getting the model's reply."""

import concurrent.futures
import datetime as dt
import uuid

import psycopg
import pytest

from tests.support.stack import Stack
from tests.support.user import User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version


def test_a_message_is_answered(user: User) -> None:
    room = user.open_room()
    answer = user.post(room, "Hello there")
    assert answer.status_code == 201
    message, reply, quota = (answer.json()[part] for part in ("message", "reply", "quota"))
    assert (message["role"], message["status"], message["content"]) == ("user", "completed", "Hello there")
    assert (reply["role"], reply["status"], reply["reply_to"]) == ("model", "completed", message["id"])
    assert reply["content"]
    assert (reply["finish_reason"], reply["model"], reply["error"]) == ("stop", "gemini-3.8-flash", None)
    assert reply["usage"]["input_tokens"] > 0
    assert reply["usage"]["output_tokens"] > 0
    assert reply["usage"]["duration_ms"] >= reply["usage"]["time_to_first_token_ms"] > 0
    assert (quota["limit"], quota["used"], quota["remaining"]) == (5, 1, 4)
    assert answer.headers["location"] == f"/chatroom/{room}/message/{reply['id']}"
    assert answer.headers["ratelimit-policy"] == (
        '"ip";q=1000000;w=60, "basic";q=1000000;w=60, "daily";q=5;w=86400'
    )
    assert ', "daily";r=4;t=' in answer.headers["ratelimit"]


def test_a_client_that_does_not_wait_gets_the_reply_later(user: User) -> None:
    room = user.open_room()
    answer = user.post(room, "[sandbox:wait=0.5] Take your time", Prefer="respond-async")
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.json()["reply"]["status"] == "pending"
    finished = ok(user.http.get(answer.headers["location"], headers={"Prefer": "wait=60"}))
    assert (finished["status"], bool(finished["content"])) == ("completed", True)
    assert ok(user.http.get(answer.headers["location"])) == finished


def test_a_reply_that_takes_longer_than_the_client_waits_is_202(user: User) -> None:
    answer = user.post(user.open_room(), "[sandbox:wait=3] Slowly", Prefer="wait=1")
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait=1"
    assert answer.json()["reply"]["status"] in ("pending", "generating")
    assert user.wait_for(answer.json()["reply"])["status"] == "completed"


def test_gemini_gets_the_history_as_turns(stack: Stack, user: User) -> None:
    room = user.open_room(system_instruction="Speak like a pirate.")
    first = user.say(room, "My name is Grace")
    mark = uuid.uuid4().hex
    user.say(room, f"What is my name? {mark}")
    [call] = stack.calls(mark)
    turns = [(turn["role"], turn["parts"][0]["text"]) for turn in call["contents"]]
    assert turns == [
        ("user", "My name is Grace"),
        ("model", first["reply"]["content"]),
        ("user", f"What is my name? {mark}"),
    ]
    assert call["systemInstruction"]["parts"][0]["text"] == "Speak like a pirate."


def test_failed_and_blocked_exchanges_leave_the_context(stack: Stack, user: User) -> None:
    room = user.open_room()
    assert user.say(room, "[sandbox:400] Broken")["reply"]["status"] == "failed"
    assert user.say(room, "[sandbox:safety] Wicked")["reply"]["status"] == "blocked"
    mark = uuid.uuid4().hex
    user.say(room, f"Fine {mark}")
    [call] = stack.calls(mark)
    assert len(call["contents"]) == 1


def test_a_room_replies_in_order_and_the_second_reply_sees_the_first(stack: Stack, user: User) -> None:
    room, mark = user.open_room(), uuid.uuid4().hex
    first = ok(user.post(room, "[sandbox:wait=1] First", Prefer="respond-async"))["reply"]
    second = ok(user.post(room, f"Second {mark}", Prefer="respond-async"))["reply"]
    ended = user.wait_for(second)
    assert (
        ok(user.http.get(f"/chatroom/{room}/message/{first['id']}"))["completed_at"] < ended["completed_at"]
    )
    [call] = stack.calls(mark)
    assert [turn["role"] for turn in call["contents"]] == ["user", "model", "user"]


def test_the_history_is_paged_newest_first_without_gaps(user: User) -> None:
    room = user.open_room()
    for number in range(3):
        user.say(room, f"Message {number}")
    seen: list[dict[str, object]] = []
    address = f"/chatroom/{room}/message?limit=2"
    page = ok(user.http.get(address))
    seen += page["messages"]
    while page["next_cursor"]:
        page = ok(user.http.get(f"{address}&cursor={page['next_cursor']}"))
        seen += page["messages"]
    assert [line["role"] for line in seen] == ["model", "user"] * 3
    assert [line["content"] for line in seen if line["role"] == "user"] == [f"Message {n}" for n in (2, 1, 0)]
    in_room = ok(user.http.get(f"/chatroom/{room}"))
    assert in_room["messages"] == seen[::-1]
    assert in_room["message_count"] == 6


def test_the_same_key_answers_with_the_same_message_and_charges_nothing(user: User) -> None:
    room, key = user.open_room(), uuid.uuid4().hex
    first = user.post(room, "Once", Idempotency_Key=key)
    again = user.post(room, "Once", Idempotency_Key=key)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert [answer.json()["reply"]["id"] for answer in (first, again)] == [first.json()["reply"]["id"]] * 2
    assert user.usage()["used"] == 1
    problem(user.post(room, "Twice", Idempotency_Key=key), 409, "idempotency_key_reused")
    problem(user.post(user.open_room(), "Once", Idempotency_Key=key), 409, "idempotency_key_reused")


def test_twenty_concurrent_sends_with_one_key_store_one_message(user: User) -> None:
    room, key = user.open_room(), uuid.uuid4().hex
    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: user.post(room, "Once", Idempotency_Key=key), range(20)))
    assert len({answer.json()["reply"]["id"] for answer in answers}) == 1
    assert ok(user.http.get(f"/chatroom/{room}"))["message_count"] == 2
    assert user.usage()["used"] == 1


def test_one_key_in_two_rooms_concurrently_counts_in_one_of_them(stack: Stack, user: User) -> None:
    """Both have searched for the key and wait for the day's row. Red when the key is not searched again."""
    rooms = [user.open_room(), user.open_room()]
    user.say(rooms[0], "So that there is a row of the day")
    key = uuid.uuid4().hex
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        with psycopg.connect(stack.database.url) as lock:
            lock.execute("SELECT FROM daily_usage WHERE user_id = %s FOR UPDATE", [uuid.UUID(user.id)])
            sending = [
                threads.submit(user.at(stack.base_url).post, room, "Once", Idempotency_Key=key)
                for room in rooms
            ]
            first = stack.database.wait_for_blocked("(?s).*store_exchange")
            stack.database.wait_for_blocked("(?s).*store_exchange", besides=first)
            lock.rollback()
        rejected, accepted = sorted((sent.result() for sent in sending), key=lambda sent: -sent.status_code)
    problem(rejected, 409, "idempotency_key_reused")
    ok(accepted)
    assert user.usage()["used"] == 2


def test_the_times_of_a_room_never_go_back(stack: Stack, user: User) -> None:
    """Red when a process with a late clock, or the request that got the lock last, sets them back."""
    room = user.open_room()
    user.say(room, "From a clock that is an hour ahead")
    stack.database.run(
        "UPDATE chatrooms SET last_message_at = now() + interval '1 hour' WHERE id = %s", uuid.UUID(room)
    )
    sent = user.say(room, "Later")
    latest = ok(user.http.get(f"/chatroom/{room}"))["last_message_at"]
    assert sent["message"]["created_at"] == sent["reply"]["created_at"] == latest
    assert dt.datetime.fromisoformat(latest) > dt.datetime.now(dt.UTC) + dt.timedelta(minutes=50)


def test_the_sixth_message_of_the_day_is_rejected_on_basic(stack: Stack, user: User) -> None:
    room, key = user.open_room(), uuid.uuid4().hex
    for number in range(4):
        user.say(room, f"Message {number}")
    fifth = user.post(room, "The last", Idempotency_Key=key)
    assert fifth.status_code == 201
    rejected = user.post(room, "One more")
    body = problem(rejected, 429, "daily_limit_reached")
    assert (body["limit"], body["used"], body["upgrade"]) == (5, 5, "/subscribe/pro")
    assert dt.datetime.fromisoformat(body["resets_at"]).time() == dt.time()
    assert 0 < int(rejected.headers["retry-after"]) <= 86400
    assert ', "daily";r=0;t=' in rejected.headers["ratelimit"]
    assert user.post(room, "The last", Idempotency_Key=key).json()["reply"] == fifth.json()["reply"]
    assert ok(user.http.get(f"/chatroom/{room}"))["message_count"] == 10
    today = dt.datetime.now(dt.UTC).date()
    key_of_day = f"rate_limit:user:{user.id}:date:{today}"
    eventually(lambda: stack.redis.get(key_of_day) == "5", what="the count in Redis")
    assert 0 < int(stack.redis.ttl(key_of_day)) <= 86400


def test_of_many_concurrent_messages_exactly_five_are_accepted(stack: Stack, user: User) -> None:
    rooms = [user.open_room() for _ in range(4)]

    def post(number: int) -> int:
        return user.post(rooms[number % 4], f"Message {number}", Prefer="respond-async").status_code

    with concurrent.futures.ThreadPoolExecutor(30) as threads:
        statuses = list(threads.map(post, range(60)))
    assert sorted(set(statuses)) == [202, 429]
    assert statuses.count(202) == 5
    assert stack.database.value("SELECT count(*) FROM messages WHERE user_id = %s", uuid.UUID(user.id)) == 10


def test_pro_has_no_daily_limit(pro: User) -> None:
    room = pro.open_room()
    answers = [pro.post(room, f"Message {number}", Prefer="respond-async") for number in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 6
    assert answers[-1].json()["quota"]["limit"] is None
    status = ok(pro.http.get("/subscription/status"))
    assert (status["plan"], status["status"], status["usage"]["used"]) == ("pro", "active", 6)


def test_a_failed_reply_is_visible_and_refunded(user: User) -> None:
    answer = user.post(user.open_room(), "[sandbox:400] Broken")
    assert answer.status_code == 201
    reply = answer.json()["reply"]
    assert (reply["status"], reply["error"]["code"]) == ("failed", "model_request_rejected")
    assert reply["error"]["detail"]
    assert user.usage()["used"] == 0


def test_a_blocked_reply_has_a_reason_and_is_refunded_without_text(user: User) -> None:
    room = user.open_room()
    prompt = user.say(room, "[sandbox:prompt-blocked] Wicked")["reply"]
    answer = user.say(room, "[sandbox:safety] Wicked too")["reply"]
    assert (prompt["status"], prompt["error"]["code"]) == ("blocked", "blocked_prompt_blocked")
    assert (answer["status"], answer["error"]["code"]) == ("blocked", "blocked_safety")
    assert (prompt["content"], answer["content"] != "") == ("", True)
    assert user.usage()["used"] == 1


def test_a_transient_failure_is_retried(stack: Stack, user: User) -> None:
    exchange = user.say(user.open_room(), f"[sandbox:503*1] {uuid.uuid4().hex}")
    assert exchange["reply"]["status"] == "completed"
    row = stack.database.rows("SELECT * FROM messages WHERE id = %s", uuid.UUID(exchange["reply"]["id"]))[0]
    assert (row["retries"], row["attempt"], row["losses"]) == (1, 2, 0)
    assert user.usage()["used"] == 1


def test_a_truncated_stream_is_retried(stack: Stack, user: User) -> None:
    exchange = user.say(user.open_room(), f"[sandbox:truncate*1] {uuid.uuid4().hex}")
    assert (exchange["reply"]["status"], exchange["reply"]["finish_reason"]) == ("completed", "stop")
    row = stack.database.rows("SELECT * FROM messages WHERE id = %s", uuid.UUID(exchange["reply"]["id"]))[0]
    assert row["retries"] == 1


def test_a_reply_cut_at_the_output_limit_is_kept_with_its_reason(user: User) -> None:
    reply = user.say(user.open_room(), "[sandbox:max-tokens] Go on")["reply"]
    assert (reply["status"], reply["finish_reason"], bool(reply["content"])) == (
        "completed",
        "max_tokens",
        True,
    )


def test_text_of_every_kind_is_stored_unchanged(user: User) -> None:
    room = user.open_room()
    for text in (
        "  spaces and\ttabs \n",
        "Ελληνικά, 中文, العربية, 👩‍👩‍👧‍👦",
        "<b>&amp;</b> 'x'; DROP TABLE messages;--",
    ):
        assert user.say(room, text)["message"]["content"] == text


def test_a_message_of_another_user_is_not_found(stack: Stack, user: User) -> None:
    room = user.open_room()
    reply = user.say(room, "Secret")["reply"]
    other_user = stack.user()
    other_room = other_user.open_room()
    problem(other_user.http.get(f"/chatroom/{room}/message/{reply['id']}"), 404, "chatroom_not_found")
    problem(other_user.http.get(f"/chatroom/{other_room}/message/{reply['id']}"), 404, "message_not_found")
    problem(user.http.get(f"/chatroom/{room}/message/{uuid.uuid4()}"), 404, "message_not_found")
    problem(user.http.get(f"/chatroom/{room}/message/nonsense"), 404, "message_not_found")
