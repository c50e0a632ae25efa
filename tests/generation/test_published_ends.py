"""The end of a reply is published with the commit that ends it, and never without."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable

import pytest

from app.config import PostgresAddress, RedisAddress
from app.database import Database
from app.redis_client.breaker import Breaker
from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.connection import RedisConnection
from app.redis_client.daily_count import DailyCountMirror
from app.redis_client.reply_events import ReplyEvents
from app.unit_of_work import UnitOfWork
from tests.support.no_publisher import NoPublisher
from tests.support.stack import Stack
from tests.support.user import Json, User, ok

pytestmark = pytest.mark.server_version


def _cancel(user: User, reply: Json) -> None:
    ok(user.http.post(f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/cancel"))


def _delete_room(user: User, reply: Json) -> None:
    assert user.http.delete(f"/chatroom/{reply['chatroom_id']}").status_code == 204


def _delete_account(user: User, _reply: Json) -> None:
    ok(user.http.delete("/user/me"))


def _post(user: User, room: str, content: str) -> Json:
    reply: Json = ok(user.post(room, content, Prefer="respond-async"))["reply"]
    return reply


def _wait_for_end(stack: Stack, reply: Json, end: Callable[[], None]) -> None:
    """Call `end`, and fail unless the reply's end is published after it."""
    pubsub = stack.redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis-py's
    with pubsub:
        pubsub.subscribe(f"reply:{reply['id']}")
        end()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            message = pubsub.get_message(timeout=0.1)
            if message is not None and json.loads(message["data"])[1] == "end":
                return
    pytest.fail("no end was published")


@pytest.mark.parametrize("end", [_cancel, _delete_room, _delete_account])
def test_a_waiting_reply_that_is_cancelled_is_published_as_ended(
    stack: Stack, user: User, end: Callable[[User, Json], None]
) -> None:
    """Red without `reply_ended` where replies are cancelled: subscribers wait for a poll of the rows."""
    room = user.open_room()
    first = _post(user, room, "[sandbox:wait=8] First")
    second = _post(user, room, "Second")
    _wait_for_end(stack, second, lambda: end(user, second))
    if end is _cancel:
        _cancel(user, first)


def test_a_reply_that_is_completed_is_published_as_ended(stack: Stack, user: User) -> None:
    """Red without `reply_ended` where a worker ends a reply."""
    reply = _post(user, user.open_room(), "[sandbox:wait=2] Hello")
    _wait_for_end(stack, reply, lambda: None)


class _RolledBackError(Exception):
    pass


@pytest.mark.parametrize("commits", [True, False])
def test_the_end_of_a_reply_is_published_only_after_a_commit(
    stack: Stack, user: User, *, commits: bool
) -> None:
    """Red when the end is published inside the transaction, or although it was rolled back."""
    reply = user.say(user.open_room(), "Hello")["reply"]
    stream = f"reply:{reply['id']}:events"
    stack.redis.delete(stream)

    async def end() -> None:
        database = Database.from_url(PostgresAddress.parse(stack.database.url))
        redis = RedisConnection(RedisAddress.parse(stack.redis_url), Breaker())
        uow = UnitOfWork(
            database,
            ChatroomCache(redis, ttl_seconds=300),
            DailyCountMirror(redis),
            ReplyEvents(redis),
            NoPublisher(),
            limit_seconds=60,
        )
        try:
            async with uow.begin() as tx:
                row = await tx.replies.get(uuid.UUID(reply["id"]))
                assert row is not None
                tx.reply_ended(row)
                assert stack.redis.xlen(stream) == 0
                if not commits:
                    raise _RolledBackError
        finally:
            await redis.aclose()
            await database.aclose()

    if commits:
        asyncio.run(end())
    else:
        with pytest.raises(_RolledBackError):
            asyncio.run(end())
    assert stack.redis.xlen(stream) == int(commits)
