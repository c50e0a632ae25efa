"""Build the checks of an installation, which run even if the database or Redis cannot be used."""

import contextlib
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager

from app.config import Settings
from app.database import Database
from app.migrations import Revisions
from app.queue.publisher import RedisPublisher
from app.redis_client.breaker import Breaker
from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.connection import RedisConnection
from app.redis_client.daily_count import DailyCountMirror
from app.redis_client.reply_events import ReplyEvents
from app.services.operations.checks.installation import InstallationCheck
from app.stripe_client import StripeGateway
from app.unit_of_work import UnitOfWork

_TRANSACTION_SECONDS = 8.0


@asynccontextmanager
async def database_access(settings: Settings) -> AsyncIterator[UnitOfWork]:
    """Open transactions on a database that may be unreachable or not migrated, without connecting."""
    async with AsyncExitStack() as stack:
        database = Database.from_url(
            settings.postgres,
            connect_seconds=settings.database_connect_seconds,
            statement_seconds=_TRANSACTION_SECONDS,
            is_pooled=settings.has_transaction_pooler,
        )
        stack.push_async_callback(database.aclose)
        redis = RedisConnection(settings.redis, Breaker())
        stack.push_async_callback(redis.aclose)
        yield UnitOfWork(
            database,
            ChatroomCache(redis, ttl_seconds=settings.chatroom_cache_seconds),
            DailyCountMirror(redis),
            ReplyEvents(redis),
            RedisPublisher(redis),
            limit_seconds=_TRANSACTION_SECONDS,
        )


@asynccontextmanager
async def installation_check(
    settings: Settings, malformed: Collection[str]
) -> AsyncIterator[InstallationCheck]:
    """Open what the checks need, without connecting anywhere."""
    async with database_access(settings) as uow, contextlib.aclosing(StripeGateway(settings)) as stripe:
        yield InstallationCheck(settings, malformed, uow, Revisions.of_this_code(), stripe)
