"""Pages of replies and of Stripe's events, for the admin API."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.kit.paging import CursorSigner
from app.kit.utc_text import utc_text
from app.models import MessageStatus
from app.repositories.event_administration import EventFilter
from app.repositories.reply_administration import ReplyFilter
from app.schemas.admin_operations import AdminEvent, AdminEventPage, AdminReply, AdminReplyPage
from app.services.operations.replies_admin import RepliesAdmin
from app.services.operations.webhooks_admin import WebhooksAdmin


@dataclass(frozen=True, slots=True)
class AdminLists:
    """Lists in pages, newest first."""

    replies_admin: RepliesAdmin
    webhooks_admin: WebhooksAdmin
    cursors: CursorSigner

    async def replies(
        self, *, status: MessageStatus | None, hours: int, cursor: str | None, limit: int
    ) -> AdminReplyPage:
        """Return replies in this state, or all, that ended or were stored at most `hours` ago.

        Raises:
            CursorInvalid: not a cursor of this list.
        """
        scope = f"admin-replies:{status}:{hours}"
        wanted = ReplyFilter(
            statuses=frozenset({status} if status else ()),
            since=timedelta(hours=hours),
            before=self.cursors.start(scope, cursor, UUID),
        )
        rows = await self.replies_admin.find(wanted, limit=limit + 1)
        page = self.cursors.page(scope, rows, limit=limit, position=lambda row: (str(row.id),))
        return AdminReplyPage(
            replies=[AdminReply.model_validate(row) for row in page.rows], next_cursor=page.next_cursor
        )

    async def events(self, *, unprocessed: bool, cursor: str | None, limit: int) -> AdminEventPage:
        """Return Stripe's stored events, or only those that are not processed.

        Raises:
            CursorInvalid: not a cursor of this list.
        """
        scope = f"admin-events:{unprocessed}"
        wanted = EventFilter(
            is_unprocessed=unprocessed, before=self.cursors.start(scope, cursor, _time_and_event)
        )
        rows = await self.webhooks_admin.find(wanted, limit=limit + 1)
        page = self.cursors.page(
            scope, rows, limit=limit, position=lambda row: (utc_text(row.received_at), row.id)
        )
        return AdminEventPage(
            events=[AdminEvent.model_validate(row) for row in page.rows], next_cursor=page.next_cursor
        )


def _time_and_event(time: str, event_id: str) -> tuple[datetime, str]:
    return datetime.fromisoformat(time), event_id
