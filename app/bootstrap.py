"""The one wiring: settings → resources and services; the API and the worker use the same."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.celery_app import CeleryPublisher
from app.config import OtpDelivery, Settings
from app.database import create_engine, create_session_factory
from app.gemini_client.google import GoogleGemini
from app.redis_client.account_keys import AccountKeys
from app.redis_client.breaker import Breaker
from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.connection import RedisConnection
from app.redis_client.daily_count import DailyCountMirror
from app.redis_client.otp_store import OtpStore
from app.redis_client.reply_events import ReplyEvents
from app.redis_client.reply_listener import ReplyListener
from app.security import derive_key
from app.services.account import AccountService
from app.services.auth import AuthService
from app.services.cancellation import CancellationService
from app.services.chatroom import ChatroomService
from app.services.clock import utc_now
from app.services.context import ContextBuilder
from app.services.erasure import ErasureService
from app.services.export import ExportService
from app.services.health import HealthService
from app.services.leases import LeaseKeeper
from app.services.message import MessageService
from app.services.otp_sender import OtpSender
from app.services.paging import CursorSigner
from app.services.periodic import PeriodicJobs
from app.services.purge import PurgeService
from app.services.quota import CarriedCount, DailyQuota
from app.services.reply import ReplyService, RetryPolicy
from app.services.reply_feed import ReplyFeed
from app.services.reply_stream import ReplyStreams
from app.services.session import SessionService
from app.services.session_cache import SessionCache
from app.services.slots import Slots
from app.services.subscription import SubscriptionService
from app.services.summary import SummaryPlan
from app.services.turns import Turns
from app.services.upkeep import RoomUpkeep, Upkeep
from app.services.user import UserService
from app.sms_client import create_sms_client
from app.unit_of_work import UnitOfWork

_API_TRANSACTION_SECONDS = 2.0  # somebody waits for the answer
_WORKER_TRANSACTION_SECONDS = 10.0  # a reply waits for a row lock rather than being written again

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Foundation:
    """What both kinds of process stand on."""

    redis: RedisConnection
    uow: UnitOfWork
    quota: DailyQuota
    chatroom_cache: ChatroomCache


@dataclass(frozen=True, slots=True)
class ApiServices:
    """The use cases of an API process."""

    auth: AuthService
    sessions: SessionService
    users: UserService
    accounts: AccountService
    exports: ExportService
    chatrooms: ChatroomService
    messages: MessageService
    subscriptions: SubscriptionService
    health: HealthService
    cancellations: CancellationService
    streams: ReplyStreams
    feed: ReplyFeed


@dataclass(frozen=True, slots=True)
class WorkerServices:
    """The use cases of a worker process."""

    uow: UnitOfWork
    replies: ReplyService
    leases: LeaseKeeper
    erasure: ErasureService
    periodic: PeriodicJobs


async def _open_foundation(
    settings: Settings, stack: AsyncExitStack, *, transaction_seconds: float
) -> Foundation:
    breaker = Breaker()
    engine = create_engine(settings.database_url.get_secret_value())
    stack.push_async_callback(engine.dispose)
    redis = RedisConnection(settings.redis_url.get_secret_value(), breaker)
    stack.push_async_callback(redis.aclose)
    publisher = CeleryPublisher(settings, breaker)
    stack.push_async_callback(asyncio.to_thread, publisher.close)
    chatroom_cache = ChatroomCache(redis, ttl_seconds=settings.chatroom_cache_seconds)
    uow = UnitOfWork(
        create_session_factory(engine),
        chatroom_cache,
        DailyCountMirror(redis),
        publisher,
        limit_seconds=transaction_seconds,
    )
    quota = DailyQuota(settings.basic_messages_per_day, utc_now)
    return Foundation(redis, uow, quota, chatroom_cache)


def _root_secret(settings: Settings) -> bytes:
    """`JWT_SECRET_KEY`; outside production a random one will do, until the process ends."""
    secret = settings.jwt_secret_key.get_secret_value()
    if not secret:
        log.warning("jwt_secret_key_missing", consequence="sign-ins end with this process")
        return secrets.token_bytes(32)
    return secret.encode()


@asynccontextmanager
async def api_services(settings: Settings) -> AsyncIterator[ApiServices]:
    """Everything that an API process uses, opened on the running loop and closed in order."""
    async with AsyncExitStack() as stack:
        base = await _open_foundation(settings, stack, transaction_seconds=_API_TRANSACTION_SECONDS)
        listener = ReplyListener(settings.redis_url.get_secret_value())
        listener.start()
        stack.push_async_callback(listener.aclose)
        sender = OtpSender(create_sms_client(settings))
        stack.push_async_callback(sender.aclose)
        root = _root_secret(settings)
        feed = ReplyFeed(base.uow, listener)
        watching = asyncio.create_task(feed.watch(), name="reply-feed")
        stack.callback(watching.cancel)
        events = ReplyEvents(base.redis)
        otps = OtpStore(
            base.redis, ttl_seconds=settings.otp_ttl_seconds, resend_seconds=settings.otp_resend_seconds
        )
        open_sessions = SessionCache()
        carried = CarriedCount(derive_key(root, "carried-usage"), utc_now)
        sessions = SessionService(
            uow=base.uow,
            access_key=root,
            open_sessions=open_sessions,
            looks=Turns(),
            clock=utc_now,
            access_lifetime=timedelta(hours=settings.access_token_hours),
            refresh_lifetime=timedelta(days=settings.refresh_token_days),
        )
        yield ApiServices(
            auth=AuthService(
                uow=base.uow,
                otps=otps,
                sender=sender,
                sessions=sessions,
                carried=carried,
                otp_key=derive_key(root, "otp"),
                clock=utc_now,
                default_region=settings.default_region,
                show_otp=settings.otp_delivery is OtpDelivery.RESPONSE,
            ),
            sessions=sessions,
            users=UserService(base.uow, base.quota, utc_now),
            accounts=AccountService(
                uow=base.uow,
                quota=base.quota,
                carried=carried,
                open_sessions=open_sessions,
                events=events,
                otps=otps,
                clock=utc_now,
            ),
            exports=ExportService(base.uow, utc_now),
            chatrooms=ChatroomService(
                base.uow,
                base.chatroom_cache,
                CursorSigner(derive_key(root, "cursor")),
                utc_now,
                settings.selectable_models,
            ),
            messages=MessageService(base.uow, base.quota, Turns(), feed, utc_now, settings.message_max_chars),
            cancellations=CancellationService(base.uow, base.quota, feed, events),
            streams=ReplyStreams(base.uow, feed, events),
            subscriptions=SubscriptionService(base.uow, base.quota, utc_now),
            health=HealthService(base.uow, base.redis),
            feed=feed,
        )


@asynccontextmanager
async def worker_services(settings: Settings, *, slots: int) -> AsyncIterator[WorkerServices]:
    """Everything that a worker process uses; `slots` replies at once."""
    async with AsyncExitStack() as stack:
        base = await _open_foundation(settings, stack, transaction_seconds=_WORKER_TRANSACTION_SECONDS)
        gemini = GoogleGemini(settings)
        stack.push_async_callback(gemini.aclose)
        upkeep = Upkeep(RoomUpkeep(base.uow, gemini, SummaryPlan(settings.context_token_budget), utc_now))
        stack.push_async_callback(upkeep.aclose)
        leases = LeaseKeeper(base.uow, lease_seconds=settings.reply_lease_seconds)
        events = ReplyEvents(base.redis)
        yield WorkerServices(
            uow=base.uow,
            replies=ReplyService(
                uow=base.uow,
                gemini=gemini,
                events=events,
                leases=leases,
                slots=Slots(slots),
                quota=base.quota,
                context=ContextBuilder(settings.context_token_budget, settings.gemini_max_output_tokens),
                upkeep=upkeep,
                policy=RetryPolicy(settings.reply_max_retries, settings.reply_max_losses),
                clock=utc_now,
            ),
            leases=leases,
            erasure=ErasureService(base.uow, base.quota, events, AccountKeys(base.redis), utc_now),
            periodic=PeriodicJobs(base.uow, (PurgeService(base.uow, utc_now).job(),)),
        )
