"""The services of a worker process."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from app import tracing
from app.bootstrap.foundation import open_foundation
from app.config import Settings
from app.gemini_client.google import GoogleGemini
from app.kit.clock import utc_now
from app.metrics import Process
from app.metrics.worker import begin as begin_metrics
from app.redis_client.account_keys import AccountKeys
from app.services.account.erasure import AccountErasure
from app.services.account.stripe_cleanup import StripeCustomerCleanup
from app.services.billing.reconciliation import Reconciliation
from app.services.billing.stripe_inbox import StripeInbox
from app.services.chat.batch_erasure import BatchErasure
from app.services.chat.room_erasure import RoomErasure
from app.services.chat.room_models import RoomModels
from app.services.generation.context import ContextBuilder
from app.services.generation.dispatcher import ReplyDispatcher, Start
from app.services.generation.follow_ups import FollowUpRunner, RoomFollowUp
from app.services.generation.leases import LeaseKeeper
from app.services.generation.offered_models import OfferedModels
from app.services.generation.reply import ReplyService
from app.services.generation.reply_canceller import ReplyCanceller
from app.services.generation.reply_reports import ReplyReport, ReplyReports
from app.services.generation.retry_policy import RetryPolicy
from app.services.generation.summary import SummaryPolicy
from app.services.generation.worker_slots import WorkerSlots
from app.services.operations.monitoring import MonitoringService
from app.services.operations.purge import PurgeService
from app.services.periodic import PeriodicTasks
from app.stripe_client.outage import StripeOutage
from app.unit_of_work import UnitOfWork

_TRANSACTION_SECONDS = 10.0  # waiting for a row lock is cheaper than generating a reply again


@dataclass(frozen=True, slots=True)
class WorkerServices:
    """The use cases of a worker process."""

    uow: UnitOfWork
    dispatcher: ReplyDispatcher
    leases: LeaseKeeper
    account_erasure: AccountErasure
    room_erasure: RoomErasure
    periodic: PeriodicTasks
    inbox: StripeInbox
    reports: ReplyReports
    monitoring: MonitoringService


@asynccontextmanager
async def worker_services(
    settings: Settings,
    *,
    slots: int,
    start: Start,
    is_stopping: Callable[[], bool],
    publish_report: Callable[[ReplyReport], None],
) -> AsyncIterator[WorkerServices]:
    """Open the services of a worker process; `slots` replies run at once, each started by `start`."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(tracing.traced(settings, process="chat-worker"))
        base = await open_foundation(settings, stack, transaction_seconds=_TRANSACTION_SECONDS)
        model = GoogleGemini(settings)
        stack.push_async_callback(model.aclose)
        models = OfferedModels(settings.selectable_models)
        begin_metrics(places=slots, models=models.names)
        summary_policy = SummaryPolicy(settings.context_token_budget)
        follow_ups = FollowUpRunner(RoomFollowUp(base.uow, model, summary_policy, utc_now, models))
        stack.push_async_callback(follow_ups.aclose)
        leases = LeaseKeeper(base.uow, lease_seconds=settings.reply_lease_seconds)
        canceller = ReplyCanceller(base.uow, base.quota)
        batches = BatchErasure(base.uow, canceller, AccountKeys(base.redis), is_stopping)
        outage = StripeOutage()
        reports = ReplyReports(publish_report)
        replies = ReplyService(
            uow=base.uow,
            model=model,
            events=base.reply_events,
            leases=leases,
            quota=base.quota,
            context=ContextBuilder(
                base.uow, settings.context_token_budget, settings.gemini_max_output_tokens, models
            ),
            follow_ups=follow_ups,
            reports=reports,
            policy=RetryPolicy(settings.reply_max_retries, settings.reply_max_worker_losses),
        )
        yield WorkerServices(
            uow=base.uow,
            dispatcher=ReplyDispatcher(
                base.uow,
                replies,
                WorkerSlots(slots, per_user=settings.reply_places_per_user),
                lease_seconds=settings.reply_lease_seconds,
                poll_seconds=settings.reply_poll_seconds,
                start=start,
            ),
            leases=leases,
            account_erasure=AccountErasure(
                base.uow,
                batches,
                StripeCustomerCleanup(
                    base.stripe.customers, base.stripe.checkouts, base.stripe.subscriptions
                ),
                base.installation,
                outage,
                utc_now,
            ),
            room_erasure=RoomErasure(base.uow, batches),
            periodic=PeriodicTasks(
                base.uow,
                (
                    PurgeService(base.uow).periodic_task(),
                    RoomModels(base.uow, models).periodic_task(),
                    Reconciliation(
                        base.uow, base.stripe.subscriptions, base.syncs, base.installation, is_stopping
                    ).periodic_task(),
                ),
                outage,
            ),
            inbox=StripeInbox(base.uow, base.syncs, outage, is_stopping),
            reports=reports,
            monitoring=MonitoringService(Process.WORKER, settings.metrics_token.get_secret_value()),
        )
