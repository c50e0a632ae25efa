"""The daily quota is exact: under load, without Redis, over retries, failures, cancels and midnight."""

import asyncio
import concurrent.futures
import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest

from app.errors import AuthenticationRequired, DailyLimitReached
from app.services.usage.quota import DailyQuota
from tests.support.plan_terms import plans_with
from tests.support.stack import Stack
from tests.support.transactions import transactions
from tests.support.user import Json, User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_POSTS, _LEFT = 200, 5
_PLANS = plans_with(basic_messages=_LEFT)


@pytest.fixture(scope="module")
def three_apis(stack: Stack) -> Iterator[list[str]]:
    yield [stack.base_url, stack.start_api(), stack.start_api()]
    for process in stack.processes[-2:]:
        process.stop()


def _post_all(user: User, apis: list[str], rooms: list[str]) -> list[httpx.Response]:
    """Post to all processes and rooms concurrently."""

    async def post_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=_POSTS)
        async with httpx.AsyncClient(timeout=30, limits=limits, trust_env=False) as client:
            return await asyncio.gather(
                *(
                    client.post(
                        f"{apis[number % len(apis)]}/chatroom/{rooms[number % len(rooms)]}/message",
                        json={"content": f"Message {number}"},
                        headers={"Authorization": f"Bearer {user.token}", "Prefer": "respond-async"},
                    )
                    for number in range(_POSTS)
                )
            )

    return asyncio.run(post_all())


def _messages(stack: Stack, user: User) -> object:
    return stack.database.value(
        "SELECT count(*) FROM messages WHERE user_id = %s AND role = 'user'", uuid.UUID(user.id)
    )


@pytest.mark.parametrize("rooms", [1, 7])
@pytest.mark.parametrize("redis_is", ["there", "emptied"])
def test_of_200_concurrent_posts_exactly_the_five_that_are_left_are_accepted(
    stack: Stack, user: User, three_apis: list[str], rooms: int, redis_is: str
) -> None:
    """Five in any order, and no 503.

    Red when the charge counts first and inserts then (more than five), and without the limiter per user
    (rejected requests hold all connections while they wait for the row).
    """
    addresses = [user.open_room() for _ in range(rooms)]
    if redis_is == "emptied":
        stack.redis.flushall()
    answers = _post_all(user, three_apis, addresses)
    assert Counter(answer.status_code for answer in answers) == {202: _LEFT, 429: _POSTS - _LEFT}
    assert _messages(stack, user) == _LEFT
    assert (user.usage()["used"], user.usage()["remaining"]) == (_LEFT, 0)
    assert {answer.json()["code"] for answer in answers if answer.status_code == 429} == {
        "daily_limit_reached"
    }


def test_of_two_concurrent_messages_with_one_left_one_is_accepted(stack: Stack, user: User) -> None:
    """Both have read that one is left and wait for the day's row. Red without the limit in the charge."""
    rooms = [user.open_room(), user.open_room()]
    for number in range(_LEFT - 1):
        ok(user.post(rooms[0], f"Message {number}", Prefer="respond-async"))
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        with psycopg.connect(stack.database.url) as lock:
            lock.execute("SELECT FROM daily_usage WHERE user_id = %s FOR UPDATE", [uuid.UUID(user.id)])
            sending = [
                threads.submit(user.at(stack.base_url).post, room, "The last", Prefer="respond-async")
                for room in rooms
            ]
            first = stack.database.wait_for_blocked("(?s).*store_exchange")
            stack.database.wait_for_blocked("(?s).*store_exchange", besides=first)
            lock.rollback()
        statuses = sorted(sent.result().status_code for sent in sending)
    assert statuses == [202, 429]
    assert (_messages(stack, user), user.usage()["used"]) == (_LEFT, _LEFT)


def test_a_rejection_names_the_reset_time_and_the_upgrade(user: User) -> None:
    room = user.open_room()
    for number in range(_LEFT):
        ok(user.post(room, f"Message {number}", Prefer="respond-async"))
    answer = user.post(room, "One too many")
    body = problem(answer, 429, "daily_limit_reached")
    assert (body["limit"], body["used"], body["upgrade"]) == (5, 5, "/subscribe/pro")
    midnight = dt.datetime.combine(dt.datetime.now(dt.UTC).date() + dt.timedelta(1), dt.time(), dt.UTC)
    assert dt.datetime.fromisoformat(body["resets_at"]) == midnight


def test_on_a_used_up_day_a_key_is_replayed_and_a_foreign_room_is_404(stack: Stack, user: User) -> None:
    room, key = user.open_room(), uuid.uuid4().hex
    for number in range(_LEFT - 1):
        ok(user.post(room, f"Message {number}", Prefer="respond-async"))
    fifth = user.post(room, "The fifth", Idempotency_Key=key)
    again = user.post(room, "The fifth", Idempotency_Key=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["message"] == fifth.json()["message"]
    problem(user.post(room, "Another", Idempotency_Key=key), 409, "idempotency_key_reused")
    problem(user.post(room, "One too many"), 429, "daily_limit_reached")
    problem(user.post(stack.user().open_room(), "Not mine"), 404, "chatroom_not_found")
    assert (_messages(stack, user), user.usage()["used"]) == (_LEFT, _LEFT)


def test_on_a_used_up_day_a_message_is_rejected_without_waiting_for_a_lock(stack: Stack, user: User) -> None:
    """Red when a lock is taken before the day is read: both are held here."""
    room = user.open_room()
    for number in range(_LEFT):
        ok(user.post(room, f"Message {number}", Prefer="respond-async"))
    with psycopg.connect(stack.database.url) as lock:
        lock.execute("SELECT FROM chatrooms WHERE id = %s FOR UPDATE", [uuid.UUID(room)])
        lock.execute("SELECT FROM daily_usage WHERE user_id = %s FOR UPDATE", [uuid.UUID(user.id)])
        problem(user.post(room, "One too many"), 429, "daily_limit_reached")


@pytest.mark.parametrize(
    ("directive", "status"), [("[sandbox:400]", "failed"), ("[sandbox:prompt-blocked]", "blocked")]
)
def test_a_reply_without_output_is_refunded_once(user: User, directive: str, status: str) -> None:
    """Red without the refund, and when a reply is refunded again by a later cancel."""
    room = user.open_room()
    ok(user.post(room, "This one counts"))
    reply = user.say(room, f"{directive} {uuid.uuid4().hex}")["reply"]
    assert reply["status"] == status
    for _ in range(3):
        ok(user.http.post(f"/chatroom/{room}/message/{reply['id']}/cancel"))
    assert user.usage()["used"] == 1


def test_a_reply_cancelled_before_its_first_word_is_refunded_once(stack: Stack, user: User) -> None:
    room, mark = user.open_room(), uuid.uuid4().hex
    ok(user.post(room, "This one counts"))
    reply: Json = ok(user.post(room, f"[sandbox:hang] {mark}", Prefer="respond-async"))["reply"]
    eventually(lambda: stack.calls(mark), what="a call to Gemini")
    for _ in range(3):
        ok(user.http.post(f"/chatroom/{room}/message/{reply['id']}/cancel"))
    assert user.wait_for(reply)["status"] == "cancelled"
    assert user.usage()["used"] == 1


def test_a_refunded_message_can_be_sent_at_once(user: User) -> None:
    room = user.open_room()
    for number in range(_LEFT - 1):
        ok(user.post(room, f"Message {number}"))
    assert user.say(room, f"[sandbox:400] {uuid.uuid4().hex}")["reply"]["status"] == "failed"
    assert user.post(room, "The fifth that counts").status_code == 201
    problem(user.post(room, "One too many"), 429, "daily_limit_reached")


def _at(moment: dt.datetime) -> Callable[[], dt.datetime]:
    return lambda: moment


def test_the_count_resets_at_midnight_utc_and_only_then(stack: Stack, user: User) -> None:
    midnight = dt.datetime(2031, 5, 2, tzinfo=dt.UTC)
    last_moment = midnight - dt.timedelta(microseconds=1)
    user_id = uuid.UUID(user.id)

    async def charge(moment: dt.datetime, times: int) -> list[int]:
        quota, used = DailyQuota(_PLANS, _at(moment)), []
        async with transactions(stack) as uow:
            for _ in range(times):
                async with uow.begin() as tx:
                    day, counted = await quota.charge(tx, user_id, await quota.load(tx, user_id))
                assert day == moment.date()
                used.append(counted.used)
        return used

    assert asyncio.run(charge(last_moment, _LEFT)) == [1, 2, 3, 4, 5]
    with pytest.raises(DailyLimitReached) as refused:
        asyncio.run(charge(last_moment, 1))
    assert refused.value.members["resets_at"] == midnight
    assert refused.value.retry_after == 1
    assert asyncio.run(charge(midnight, _LEFT)) == [1, 2, 3, 4, 5]
    with pytest.raises(DailyLimitReached):
        asyncio.run(charge(midnight, 1))


def test_a_day_used_up_since_its_snapshot_is_rejected_by_the_charge(stack: Stack, user: User) -> None:
    """Red without `used < limit` in the charge: the snapshot never decides."""
    user_id, quota = uuid.UUID(user.id), DailyQuota(_PLANS, _at(dt.datetime(2031, 6, 1, tzinfo=dt.UTC)))

    async def charge_with_one_snapshot() -> None:
        async with transactions(stack) as uow:
            async with uow.begin() as tx:
                snapshot = await quota.load(tx, user_id)
            for _ in range(_LEFT):
                async with uow.begin() as tx:
                    await quota.charge(tx, user_id, snapshot)
            with pytest.raises(DailyLimitReached) as refused:
                async with uow.begin() as tx:
                    await quota.charge(tx, user_id, snapshot)
            assert refused.value.members["used"] == _LEFT

    asyncio.run(charge_with_one_snapshot())


def test_an_account_deleted_since_its_snapshot_is_not_charged(stack: Stack, user: User) -> None:
    """Red when only the snapshot checks the account: the saved carryover would miss the charge."""
    user_id, quota = uuid.UUID(user.id), DailyQuota(_PLANS, _at(dt.datetime(2031, 7, 1, tzinfo=dt.UTC)))

    async def charge_after_the_deletion() -> None:
        async with transactions(stack) as uow:
            async with uow.begin() as tx:
                snapshot = await quota.load(tx, user_id)
            assert user.http.delete("/user/me").status_code == 202
            with pytest.raises(AuthenticationRequired):
                async with uow.begin() as tx:
                    await quota.charge(tx, user_id, snapshot)

    asyncio.run(charge_after_the_deletion())
