"""The services of a command for operators."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from app.bootstrap.admin import AdminServices, admin_services
from app.bootstrap.foundation import open_foundation
from app.config import Settings
from app.kit.clock import utc_now
from app.kit.paging import CursorSigner
from app.services.billing.reconciliation import Reconciliation
from app.services.generation.offered_models import OfferedModels
from app.services.generation.reply_canceller import ReplyCanceller
from app.services.identity.mobile_number import MobileNumbers
from app.services.identity.session_cache import SessionCache
from app.services.operations.purge import PurgeService
from app.services.operations.replies_admin import RepliesAdmin
from app.services.operations.webhooks_admin import WebhooksAdmin

_TRANSACTION_SECONDS = 30.0  # an operator's list may scan the messages of a week
_CURSOR_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class OperatorServices:
    """The use cases of operators."""

    admin: AdminServices
    replies: RepliesAdmin
    webhooks: WebhooksAdmin
    reconciliation: Reconciliation
    purge: PurgeService


@asynccontextmanager
async def operator_services(settings: Settings) -> AsyncIterator[OperatorServices]:
    """Open the services of one command on the running loop. It never migrates the database.

    Raises:
        StartRefusedError: the database is unreachable, or not of this version.
    """
    settings = settings.model_copy(update={"migrate_on_start": False})
    async with AsyncExitStack() as stack:
        base = await open_foundation(
            settings, stack, transaction_seconds=_TRANSACTION_SECONDS, waits_for_database=False
        )
        canceller = ReplyCanceller(base.uow, base.quota)
        yield OperatorServices(
            admin=admin_services(
                base,
                numbers=MobileNumbers(settings.default_region, settings.code_countries),
                open_sessions=SessionCache(),
                cursors=CursorSigner(secrets.token_bytes(_CURSOR_KEY_BYTES)),  # no cursor leaves the process
            ),
            replies=RepliesAdmin(
                base.uow, base.quota, canceller, OfferedModels(settings.selectable_models), utc_now
            ),
            webhooks=WebhooksAdmin(base.uow),
            reconciliation=Reconciliation(
                base.uow, base.stripe.subscriptions, base.syncs, base.installation, lambda: False
            ),
            purge=PurgeService(base.uow),
        )
