"""The services of operators, for the admin API and the command line."""

from dataclasses import dataclass

from app.bootstrap.foundation import Foundation
from app.kit.clock import utc_now
from app.kit.paging import CursorSigner
from app.services.generation.reply_canceller import ReplyCanceller
from app.services.identity.mobile_number import MobileNumbers
from app.services.identity.session_cache import SessionCache
from app.services.operations.admin_keys import AdminKeyService
from app.services.operations.audit import AuditService
from app.services.operations.message_text import MessageTextService
from app.services.operations.user_admin import UserAdminService


@dataclass(frozen=True, slots=True)
class AdminServices:
    """The use cases of operators."""

    keys: AdminKeyService
    users: UserAdminService
    message_texts: MessageTextService
    audit: AuditService


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
