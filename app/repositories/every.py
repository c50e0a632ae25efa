"""All repositories on one connection."""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncSession

from app.repositories.billing import BillingRepository
from app.repositories.billing_event import StripeEventRepository
from app.repositories.chatroom import ChatroomRepository
from app.repositories.chatroom_key import ChatroomKeyRepository
from app.repositories.checkout import CheckoutRepository
from app.repositories.claims import ClaimRepository
from app.repositories.deletion import DeletionRepository
from app.repositories.export import ExportRepository
from app.repositories.installation import InstallationRepository
from app.repositories.leases import LeaseRepository
from app.repositories.message import MessageRepository
from app.repositories.password import PasswordRepository
from app.repositories.periodic_job import PeriodicJobRepository
from app.repositories.purge import PurgeRepository
from app.repositories.reply import ReplyRepository
from app.repositories.room_model import RoomModelRepository
from app.repositories.schema import SchemaRepository
from app.repositories.search import SearchRepository
from app.repositories.sending import SendingRepository
from app.repositories.session import SessionRepository
from app.repositories.subscription import SubscriptionRepository
from app.repositories.usage import UsageRepository
from app.repositories.user import UserRepository
from app.repositories.worker import WorkerRepository


@dataclass
class Repositories:
    """The repositories, each made when it is first asked for."""

    session: AsyncSession

    @cached_property
    def users(self) -> UserRepository:
        """People."""
        return UserRepository(self.session)

    @cached_property
    def passwords(self) -> PasswordRepository:
        """People's passwords."""
        return PasswordRepository(self.session)

    @cached_property
    def sessions(self) -> SessionRepository:
        """Signed-in devices."""
        return SessionRepository(self.session)

    @cached_property
    def chatrooms(self) -> ChatroomRepository:
        """Rooms."""
        return ChatroomRepository(self.session)

    @cached_property
    def chatroom_keys(self) -> ChatroomKeyRepository:
        """Idempotency-Keys that rooms were opened with."""
        return ChatroomKeyRepository(self.session)

    @cached_property
    def messages(self) -> MessageRepository:
        """Messages as people see them."""
        return MessageRepository(self.session)

    @cached_property
    def sending(self) -> SendingRepository:
        """Messages on their way in."""
        return SendingRepository(self.session)

    @cached_property
    def search(self) -> SearchRepository:
        """Messages by their words."""
        return SearchRepository(self.session)

    @cached_property
    def claims(self) -> ClaimRepository:
        """Claims of replies."""
        return ClaimRepository(self.session)

    @cached_property
    def leases(self) -> LeaseRepository:
        """Leases of claimed replies."""
        return LeaseRepository(self.session)

    @cached_property
    def replies(self) -> ReplyRepository:
        """Replies as they are read and cancelled."""
        return ReplyRepository(self.session)

    @cached_property
    def usage(self) -> UsageRepository:
        """The daily quota."""
        return UsageRepository(self.session)

    @cached_property
    def subscriptions(self) -> SubscriptionRepository:
        """What Stripe last said."""
        return SubscriptionRepository(self.session)

    @cached_property
    def deletions(self) -> DeletionRepository:
        """Accounts on their way out."""
        return DeletionRepository(self.session)

    @cached_property
    def exports(self) -> ExportRepository:
        """Everything held about a person."""
        return ExportRepository(self.session)

    @cached_property
    def periodic_jobs(self) -> PeriodicJobRepository:
        """Work that comes again and again."""
        return PeriodicJobRepository(self.session)

    @cached_property
    def purges(self) -> PurgeRepository:
        """What nobody needs any more."""
        return PurgeRepository(self.session)

    @cached_property
    def room_models(self) -> RoomModelRepository:
        """Models of rooms of an earlier version."""
        return RoomModelRepository(self.session)

    @cached_property
    def billing(self) -> BillingRepository:
        """Customers, and whose look at Stripe counts."""
        return BillingRepository(self.session)

    @cached_property
    def installation(self) -> InstallationRepository:
        """The installation's id."""
        return InstallationRepository(self.session)

    @cached_property
    def stripe_events(self) -> StripeEventRepository:
        """The inbox of Stripe's events."""
        return StripeEventRepository(self.session)

    @cached_property
    def checkouts(self) -> CheckoutRepository:
        """People's customers at Stripe, and their wishes to buy."""
        return CheckoutRepository(self.session)

    @cached_property
    def schema(self) -> SchemaRepository:
        """The schema's revision."""
        return SchemaRepository(self.session)

    @cached_property
    def workers(self) -> WorkerRepository:
        """Worker processes."""
        return WorkerRepository(self.session)
