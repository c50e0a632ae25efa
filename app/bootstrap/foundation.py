"""The services that API and worker share: the database, Redis, the queue, Stripe."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.bootstrap.start_check import StartCheck
from app.config import Settings
from app.config.renamed import RENAMED, former_names
from app.database import Database
from app.kit.clock import utc_now
from app.migrations import Revisions
from app.queue.publisher import publisher
from app.redis_client.breaker import Breaker
from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.connection import RedisConnection
from app.redis_client.daily_count import DailyCountMirror
from app.redis_client.reply_events import ReplyEvents
from app.services.billing.installation import InstallationId
from app.services.billing.subscription_rows import SubscriptionRows
from app.services.billing.subscription_sync import SubscriptionSync
from app.services.usage.plans import Plans
from app.services.usage.quota import DailyQuota
from app.stripe_client import StripeGateway
from app.unit_of_work import UnitOfWork

# The server ends a statement a little later than the process stops waiting for it.
_SERVER_MARGIN_SECONDS = 0.5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Foundation:
    """The services that API and worker share."""

    redis: RedisConnection
    uow: UnitOfWork
    revisions: Revisions
    quota: DailyQuota
    chatroom_cache: ChatroomCache
    reply_events: ReplyEvents
    stripe: StripeGateway
    installation: InstallationId
    syncs: SubscriptionSync


async def open_foundation(
    settings: Settings,
    stack: AsyncExitStack,
    *,
    transaction_seconds: float,
    waits_for_database: bool = True,
) -> Foundation:
    """Open the shared services; a transaction that takes longer than `transaction_seconds` is cut off.

    Raises:
        StartRefusedError: this process cannot use the database; also if it is unreachable, unless
            `waits_for_database`.
    """
    for name in former_names():
        log.warning("setting_renamed", old_name=name, new_name=RENAMED[name])
    breaker = Breaker(is_measured=True)
    database = Database.from_url(
        settings.postgres,
        connect_seconds=settings.database_connect_seconds,
        statement_seconds=transaction_seconds + _SERVER_MARGIN_SECONDS,
        is_pooled=settings.has_transaction_pooler,
    )
    stack.push_async_callback(database.aclose)
    redis = RedisConnection(
        settings.redis,
        breaker,
        connect_seconds=settings.redis_connect_seconds,
        command_seconds=settings.redis_command_seconds,
    )
    redis.warm_up()
    stack.push_async_callback(redis.aclose)
    wake_ups = publisher(settings, redis)
    stack.push_async_callback(wake_ups.aclose)
    chatroom_cache = ChatroomCache(redis, ttl_seconds=settings.chatroom_cache_seconds)
    reply_events = ReplyEvents(redis)
    uow = UnitOfWork(
        database,
        chatroom_cache,
        DailyCountMirror(redis),
        reply_events,
        wake_ups,
        limit_seconds=transaction_seconds,
    )
    revisions = await asyncio.to_thread(Revisions.of_this_code)
    start_check = StartCheck(settings, uow, revisions)
    await (start_check.begin(stack) if waits_for_database else start_check.require())
    quota = DailyQuota(Plans.from_settings(settings), utc_now)
    stripe = StripeGateway(settings)
    stack.push_async_callback(stripe.aclose)
    installation = InstallationId(uow)
    syncs = SubscriptionSync(
        uow, stripe.subscriptions, installation, SubscriptionRows(timedelta(days=settings.grace_days))
    )
    return Foundation(redis, uow, revisions, quota, chatroom_cache, reply_events, stripe, installation, syncs)
