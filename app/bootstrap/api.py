"""The services of an API process."""

import warnings
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from jwt.warnings import InsecureKeyLengthWarning

from app import metrics, tracing
from app.bootstrap.admin import AdminApiServices, admin_api_services
from app.bootstrap.codes import mobile_numbers, otp_service
from app.bootstrap.foundation import open_foundation
from app.bootstrap.limits import rate_limiter, room_limit
from app.config import Settings
from app.kit.background import TaskSet, run_forever
from app.kit.clock import utc_now
from app.kit.paging import CursorSigner
from app.kit.user_limiter import PerUserLimiter
from app.redis_client.concurrency_leases import ConcurrencyLeases, LimitedResource
from app.redis_client.memory import RedisMemory
from app.redis_client.password_attempts import PasswordAttemptStore
from app.redis_client.reply_listener import ReplyListener
from app.security import derive_key
from app.services.account.account import AccountService
from app.services.account.export import ExportService
from app.services.account.user import UserService
from app.services.billing.checkout import CheckoutService
from app.services.billing.customer import CustomerService
from app.services.billing.return_addresses import ReturnAddresses
from app.services.billing.subscription import SubscriptionService
from app.services.billing.webhook import WebhookService
from app.services.chat.chatroom import ChatroomService
from app.services.chat.message import MessageService
from app.services.chat.room_export import RoomExportService
from app.services.chat.search import SearchService
from app.services.generation.cancellation import CancellationService
from app.services.generation.offered_models import OfferedModels
from app.services.generation.reply_canceller import ReplyCanceller
from app.services.generation.reply_feed import ReplyFeed
from app.services.generation.reply_stream import ReplyStreams
from app.services.identity.auth import AuthService
from app.services.identity.chained_tokens import ChainedTokens
from app.services.identity.otp import OtpService
from app.services.identity.otp_sender import OtpSender
from app.services.identity.password import PasswordService
from app.services.identity.password_attempts import PasswordAttempts
from app.services.identity.password_hasher import PasswordHasher
from app.services.identity.refresh import RefreshService
from app.services.identity.refresh_tokens import RefreshTokens
from app.services.identity.session import SessionService
from app.services.identity.session_cache import SessionCache
from app.services.identity.tokens import TokenIssuer
from app.services.operations.health import HealthService
from app.services.operations.monitoring import MonitoringService
from app.services.operations.stored_state import StoredState
from app.services.usage.concurrency import ConcurrencyLimiter
from app.services.usage.quota import UsageCarryover
from app.services.usage.request_limit import RequestLimit
from app.sms_client import create_sms_client

_TRANSACTION_SECONDS = 2.0  # a client waits for the response
_CLOSE_SECONDS = 1.0
_CHECK_SECONDS = 0.9  # /health answers within a second, even if a frozen database ends no query

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ApiServices:
    """The use cases of an API process."""

    auth: AuthService
    otps: OtpService
    sessions: SessionService
    refreshes: RefreshService
    passwords: PasswordService
    users: UserService
    accounts: AccountService
    exports: ExportService
    room_exports: RoomExportService
    chatrooms: ChatroomService
    models: OfferedModels
    search: SearchService
    messages: MessageService
    subscriptions: SubscriptionService
    checkouts: CheckoutService
    customers: CustomerService
    webhooks: WebhookService
    health: HealthService
    cancellations: CancellationService
    streams: ReplyStreams
    feed: ReplyFeed
    request_limit: RequestLimit
    concurrency: ConcurrencyLimiter
    monitoring: MonitoringService
    admin: AdminApiServices


@asynccontextmanager
async def api_services(settings: Settings) -> AsyncIterator[ApiServices]:
    """Open the services of an API process on the running loop, and close them in reverse order."""
    metrics.begin_sharing()
    async with AsyncExitStack() as stack:
        stack.callback(metrics.end_sharing)
        await stack.enter_async_context(tracing.traced(settings, process="chat-api"))
        base = await open_foundation(settings, stack, transaction_seconds=_TRANSACTION_SECONDS)
        listener = ReplyListener(settings.redis, connect_seconds=settings.redis_connect_seconds)
        listener.start()
        stack.push_async_callback(listener.aclose)
        sender = OtpSender(create_sms_client(settings))
        stack.push_async_callback(sender.aclose)
        root = _root_secret(settings)
        feed = ReplyFeed(base.uow, listener)
        background = TaskSet("api-background")
        stack.push_async_callback(background.close, _CLOSE_SECONDS)
        background.start(run_forever(feed.watch, name="reply-feed"))
        background.start(run_forever(feed.keep_alive, name="reply-heartbeats"))
        canceller = ReplyCanceller(base.uow, base.quota)
        numbers = mobile_numbers(settings)
        cursors = CursorSigner(derive_key(root, "cursor"))
        user_limiter = PerUserLimiter()
        models = OfferedModels(settings.selectable_models)
        open_sessions = SessionCache()
        carryover = UsageCarryover(derive_key(root, "carried-usage"), utc_now)
        tokens = TokenIssuer(
            access_key=root,
            refresh_tokens=RefreshTokens(derive_key(root, "refresh token")),
            access_lifetime=timedelta(hours=settings.access_token_hours),
            refresh_lifetime=timedelta(days=settings.refresh_token_days),
        )
        sessions = SessionService(base.uow, tokens, open_sessions, cursors, PerUserLimiter(), utc_now)
        hasher = PasswordHasher()
        stack.callback(hasher.close)
        otps = otp_service(settings, base, sender, numbers, root)
        quick = replace(
            base.uow, database=base.uow.database.with_reserved_connections(), limit_seconds=_CHECK_SECONDS
        )
        stripe, addresses = base.stripe, ReturnAddresses.of(settings)
        checkouts = CheckoutService(
            base.uow, stripe.customers, stripe.checkouts, base.syncs, addresses, base.installation, utc_now
        )
        request_limit = RequestLimit(rate_limiter(settings, base.redis), base.uow, utc_now)
        limits = {
            LimitedResource.STREAM: settings.streams_per_user,
            LimitedResource.EXPORT: settings.exports_per_user,
        }
        concurrency = ConcurrencyLimiter(ConcurrencyLeases(base.redis), request_limit, limits)
        yield ApiServices(
            auth=AuthService(
                uow=base.uow,
                otps=otps,
                sessions=sessions,
                numbers=numbers,
                carryover=carryover,
                clock=utc_now,
            ),
            otps=otps,
            sessions=sessions,
            refreshes=RefreshService(
                base.uow, tokens, ChainedTokens(derive_key(root, "refresh")), open_sessions, utc_now
            ),
            passwords=PasswordService(
                uow=base.uow,
                sessions=sessions,
                hasher=hasher,
                attempts=PasswordAttempts(
                    PasswordAttemptStore(base.redis), derive_key(root, "password-attempts")
                ),
                numbers=numbers,
                user_limiter=PerUserLimiter(),
                clock=utc_now,
            ),
            users=UserService(base.uow, base.quota, utc_now),
            accounts=AccountService(
                uow=base.uow,
                canceller=canceller,
                carryover=carryover,
                open_sessions=open_sessions,
                otps=otps.store,
                clock=utc_now,
            ),
            exports=ExportService(base.uow, utc_now),
            room_exports=RoomExportService(base.uow, utc_now, models),
            chatrooms=ChatroomService(
                base.uow,
                base.chatroom_cache,
                canceller,
                cursors,
                user_limiter,
                utc_now,
                models,
                room_limit(settings),
            ),
            models=models,
            search=SearchService(base.uow, cursors),
            messages=MessageService(
                base.uow,
                base.quota,
                user_limiter,
                feed,
                utc_now,
                max_chars=settings.message_max_chars,
                models=models,
                reply_wait_seconds=settings.reply_wait_seconds,
            ),
            cancellations=CancellationService(base.uow, canceller, feed, user_limiter),
            streams=ReplyStreams(base.uow, feed, base.reply_events),
            subscriptions=SubscriptionService(
                base.uow, base.quota, checkouts, stripe.subscriptions, base.syncs, sessions, utc_now
            ),
            checkouts=checkouts,
            customers=CustomerService(
                base.uow, stripe.customers, base.syncs, base.installation, cursors, settings.public_url
            ),
            webhooks=WebhookService(
                base.uow,
                utc_now,
                tuple(secret.get_secret_value() for secret in settings.stripe_webhook_secret),
                is_live=stripe.is_live,
            ),
            health=HealthService(quick, base.redis, base.revisions),
            feed=feed,
            request_limit=request_limit,
            concurrency=await stack.enter_async_context(concurrency.running()),
            admin=admin_api_services(
                base, numbers=numbers, open_sessions=open_sessions, cursors=cursors, models=models
            ),
            monitoring=MonitoringService(
                metrics.Process.API,
                settings.metrics_token.get_secret_value(),
                StoredState(quick, RedisMemory(base.redis)),
            ),
        )


def _root_secret(settings: Settings) -> bytes:
    """Return `JWT_SECRET_KEY`; without it (not in production) a secret derived from `DATABASE_URL`."""
    secret = settings.jwt_secret_key.get_secret_value()
    if not secret:
        log.warning("jwt_secret_key_missing", consequence="DATABASE_URL is enough to forge tokens")
        return derive_key(settings.postgres.identity.encode(), "jwt-secret-key")
    if settings.has_weak_jwt_secret:
        log.warning("jwt_secret_key_weak", remedy="set what `openssl rand -hex 32` prints")
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)  # PyJWT repeats this warning
    return secret.encode()
