"""The services of operators, for the admin API and the command line."""

from dataclasses import dataclass

from app.bootstrap.foundation import Foundation
from app.kit.clock import utc_now
from app.kit.paging import CursorSigner
from app.services.generation.offered_models import OfferedModels
from app.services.generation.reply_canceller import ReplyCanceller
from app.services.identity.mobile_number import MobileNumbers
from app.services.identity.session_cache import SessionCache
from app.services.operations.admin_keys import AdminKeyService
from app.services.operations.admin_lists import AdminLists
from app.services.operations.audit import AuditService
from app.services.operations.message_text import MessageTextService
from app.services.operations.reconciliation_request import ReconciliationRequests
from app.services.operations.replies_admin import RepliesAdmin
from app.services.operations.user_admin import UserAdminService
from app.services.operations.webhooks_admin import WebhooksAdmin


@dataclass(frozen=True, slots=True)
class AdminServices:
    """The use cases of operators."""

    keys: AdminKeyService
    users: UserAdminService
    message_texts: MessageTextService
    audit: AuditService


@dataclass(frozen=True, slots=True)
class AdminApiServices(AdminServices):
    """The use cases of the admin API."""

    replies: RepliesAdmin
    webhooks: WebhooksAdmin
    lists: AdminLists
    reconciliation: ReconciliationRequests


def admin_services(
    base: Foundation, *, numbers: MobileNumbers, open_sessions: SessionCache, cursors: CursorSigner
) -> AdminServices:
    """Build them; `open_sessions` is the cache of this process, empty on the command line."""
    canceller = ReplyCanceller(base.uow, base.quota)
    return AdminServices(
        keys=AdminKeyService(base.uow),
        users=UserAdminService(base.uow, base.quota, canceller, numbers, open_sessions, utc_now),
        message_texts=MessageTextService(base.uow),
        audit=AuditService(base.uow, cursors),
    )


def admin_api_services(
    base: Foundation,
    *,
    numbers: MobileNumbers,
    open_sessions: SessionCache,
    cursors: CursorSigner,
    models: OfferedModels,
) -> AdminApiServices:
    """Build the services of an API process."""
    shared = admin_services(base, numbers=numbers, open_sessions=open_sessions, cursors=cursors)
    replies = RepliesAdmin(base.uow, base.quota, ReplyCanceller(base.uow, base.quota), models, utc_now)
    webhooks = WebhooksAdmin(base.uow)
    return AdminApiServices(
        keys=shared.keys,
        users=shared.users,
        message_texts=shared.message_texts,
        audit=shared.audit,
        replies=replies,
        webhooks=webhooks,
        lists=AdminLists(replies, webhooks, cursors),
        reconciliation=ReconciliationRequests(base.uow),
    )
