"""The audit log, for operators."""

from dataclasses import dataclass
from uuid import UUID

from app.kit.paging import CursorSigner, time_and_id
from app.kit.utc_text import utc_text
from app.schemas.admin import AuditEntryOut, AuditPage
from app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class AuditService:
    """Lists the acts of operators."""

    uow: UnitOfWork
    cursors: CursorSigner

    async def listing(self, *, user_id: UUID | None, cursor: str | None, limit: int) -> AuditPage:
        """Return a page of acts, newest first, of all users or of one; also of a deleted one.

        Raises:
            CursorInvalid: not a cursor of this list.
        """
        scope = f"audit:{user_id}"
        before = self.cursors.start(scope, cursor, time_and_id)
        async with self.uow.autocommit() as tx:
            rows = await tx.audit_log.page(user_id=user_id, before=before, limit=limit + 1)
        page = self.cursors.page(
            scope, rows, limit=limit, position=lambda row: (utc_text(row.at), str(row.id))
        )
        return AuditPage(
            entries=[AuditEntryOut.model_validate(row) for row in page.rows], next_cursor=page.next_cursor
        )
