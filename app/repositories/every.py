"""All repositories on one connection."""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncSession

from app.database import PooledConnection
from app.repositories.account_deletion import AccountDeletionRepository
from app.repositories.admin_key import AdminKeyRepository
from app.repositories.audit import AuditRepository
from app.repositories.billing import BillingRepository
from app.repositories.billing_event import StripeEventRepository
from app.repositories.chatroom import ChatroomRepository
from app.repositories.chatroom_key import ChatroomKeyRepository
from app.repositories.checkout import CheckoutRepository
from app.repositories.claims import ClaimRepository
from app.repositories.database import DatabaseRepository
from app.repositories.event_administration import EventAdministrationRepository
from app.repositories.export import ExportRepository
from app.repositories.inspection import InspectionRepository
from app.repositories.installation import InstallationRepository
from app.repositories.leases import LeaseRepository
from app.repositories.message import MessageRepository
from app.repositories.password import PasswordRepository
from app.repositories.periodic_job import PeriodicJobRepository
from app.repositories.purge import PurgeRepository
from app.repositories.reply import ReplyRepository
from app.repositories.reply_administration import ReplyAdministrationRepository
from app.repositories.room_context import RoomContextRepository
from app.repositories.room_deletion import RoomDeletionRepository
from app.repositories.room_model import RoomModelRepository
from app.repositories.schema import SchemaRepository
from app.repositories.search import SearchRepository
from app.repositories.sending import SendingRepository
from app.repositories.session import SessionRepository
from app.repositories.stripe_customer import StripeCustomerRepository
from app.repositories.subscription import SubscriptionRepository
from app.repositories.usage import UsageRepository
from app.repositories.user import UserRepository
from app.repositories.user_admin import UserAdminRepository
from app.repositories.worker import WorkerRepository


@dataclass
class Repositories:
    """The repositories, each created on first use."""

    connection: PooledConnection

    @property
    def session(self) -> AsyncSession:
        """SQLAlchemy's session on the connection."""
        return self.connection.session

    @cached_property
    def users(self) -> UserRepository:
        """Accounts."""
        return UserRepository(self.connection)

    @cached_property
    def passwords(self) -> PasswordRepository:
        """Passwords."""
        return PasswordRepository(self.session)

    @cached_property
    def sessions(self) -> SessionRepository:
        """Signed-in devices."""
        return SessionRepository(self.connection)

    @cached_property
    def chatrooms(self) -> ChatroomRepository:
        """Rooms."""
        return ChatroomRepository(self.connection)

    @cached_property
    def room_contexts(self) -> RoomContextRepository:
        """Settings, summaries and past exchanges of rooms, for workers."""
        return RoomContextRepository(self.connection)

    @cached_property
    def chatroom_keys(self) -> ChatroomKeyRepository:
        """Idempotency keys of rooms."""
        return ChatroomKeyRepository(self.session)

    @cached_property
    def messages(self) -> MessageRepository:
        """Messages as clients see them."""
        return MessageRepository(self.connection)

    @cached_property
    def sending(self) -> SendingRepository:
        """Messages that are being stored."""
        return SendingRepository(self.connection)

    @cached_property
    def search(self) -> SearchRepository:
        """Full-text search."""
        return SearchRepository(self.session)

    @cached_property
    def claims(self) -> ClaimRepository:
        """Claims of replies."""
        return ClaimRepository(self.connection)

    @cached_property
    def leases(self) -> LeaseRepository:
        """Leases of claimed replies."""
        return LeaseRepository(self.connection)

    @cached_property
    def replies(self) -> ReplyRepository:
        """Replies as they are read and cancelled."""
        return ReplyRepository(self.connection)

    @cached_property
    def reply_administration(self) -> ReplyAdministrationRepository:
        """Replies of all users, for operators."""
        return ReplyAdministrationRepository(self.connection)

    @cached_property
    def usage(self) -> UsageRepository:
        """The daily quota."""
        return UsageRepository(self.connection)

    @cached_property
    def subscriptions(self) -> SubscriptionRepository:
        """Subscriptions as Stripe last reported them."""
        return SubscriptionRepository(self.session)

    @cached_property
    def account_deletions(self) -> AccountDeletionRepository:
        """Deleted accounts."""
        return AccountDeletionRepository(self.connection)

    @cached_property
    def room_deletions(self) -> RoomDeletionRepository:
        """Deleted rooms."""
        return RoomDeletionRepository(self.connection)

    @cached_property
    def exports(self) -> ExportRepository:
        """Everything stored about a user."""
        return ExportRepository(self.session)

    @cached_property
    def periodic_jobs(self) -> PeriodicJobRepository:
        """Periodic tasks."""
        return PeriodicJobRepository(self.session)

    @cached_property
    def purges(self) -> PurgeRepository:
        """Old rows to erase."""
        return PurgeRepository(self.session)

    @cached_property
    def room_models(self) -> RoomModelRepository:
        """Models of rooms of an earlier version."""
        return RoomModelRepository(self.session)

    @cached_property
    def billing(self) -> BillingRepository:
        """The order of syncs with Stripe."""
        return BillingRepository(self.session)

    @cached_property
    def installation(self) -> InstallationRepository:
        """The installation's id."""
        return InstallationRepository(self.session)

    @cached_property
    def stripe_events(self) -> StripeEventRepository:
        """Stripe events."""
        return StripeEventRepository(self.connection)

    @cached_property
    def event_administration(self) -> EventAdministrationRepository:
        """Stripe events, for operators."""
        return EventAdministrationRepository(self.session)

    @cached_property
    def stripe_customers(self) -> StripeCustomerRepository:
        """Users' customers at Stripe."""
        return StripeCustomerRepository(self.session)

    @cached_property
    def checkouts(self) -> CheckoutRepository:
        """Checkouts for Pro."""
        return CheckoutRepository(self.session)

    @cached_property
    def schema(self) -> SchemaRepository:
        """The schema's revision."""
        return SchemaRepository(self.session)

    @cached_property
    def workers(self) -> WorkerRepository:
        """Worker processes."""
        return WorkerRepository(self.session)

    @cached_property
    def inspection(self) -> InspectionRepository:
        """The server and the queues, for operators."""
        return InspectionRepository(self.session)

    @cached_property
    def database(self) -> DatabaseRepository:
        """The database as such."""
        return DatabaseRepository(self.session)

    @cached_property
    def audit_log(self) -> AuditRepository:
        """The acts of operators, to be read; `UnitOfWork.begin_audited` records them."""
        return AuditRepository(self.connection)

    @cached_property
    def admin_keys(self) -> AdminKeyRepository:
        """Keys of the admin API."""
        return AdminKeyRepository(self.connection)

    @cached_property
    def user_admin(self) -> UserAdminRepository:
        """Accounts as operators see and change them."""
        return UserAdminRepository(self.connection)
