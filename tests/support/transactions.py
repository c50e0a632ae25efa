"""Transactions of the product, opened by a test in its own process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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


@asynccontextmanager
async def transactions(stack: Stack) -> AsyncIterator[UnitOfWork]:
    """Open transactions on the stack's servers, without wake-ups."""
    database = Database.from_url(PostgresAddress.parse(stack.settings["DATABASE_URL"]))
    redis = RedisConnection(RedisAddress.parse(stack.redis_url), Breaker())
    try:
        yield UnitOfWork(
            database,
            ChatroomCache(redis, ttl_seconds=300),
            DailyCountMirror(redis),
            ReplyEvents(redis),
            NoPublisher(),
            limit_seconds=2,
        )
    finally:
        await redis.aclose()
        await database.aclose()
