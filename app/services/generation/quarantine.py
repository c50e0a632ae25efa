"""Claim replies that may kill their workers one at a time, in a process that holds no other reply."""

import time
from uuid import UUID

from app.services.generation.reply import Claim
from app.unit_of_work import UnitOfWork

_PROBATION_SECONDS = 10.0


class Quarantine:
    """Decides when a process may claim a suspect, and when it may claim no other reply.

    A suspect is claimed while the process is empty. For its first ten seconds, or for a lease if that is
    shorter, no other reply is claimed. A process that is never empty stops claiming for at most one lease
    once a suspect has been due for a whole lease, and then claims for at least one lease before it stops
    again.
    """

    def __init__(self, uow: UnitOfWork, *, lease_seconds: float) -> None:
        self._uow = uow
        self._lease_seconds = lease_seconds
        self._suspect: UUID | None = None
        self._closed_until = 0.0
        self._may_close_at = 0.0
        self.is_awaited = False
        """Whether to query for a suspect as soon as the process is empty."""

    @property
    def is_closed(self) -> bool:
        """Whether no other reply may be claimed now."""
        return time.monotonic() < self._closed_until

    async def claim(self, *, is_empty: bool) -> Claim | None:
        """Claim a suspect that is due, if this process is empty; else check whether one is overdue.

        Raises:
            ServiceUnavailable: the database is unavailable.
        """
        if not is_empty:
            await self._close_if_late()
            return None
        claimed_at = time.monotonic()
        async with self._uow.autocommit() as tx:
            claimed = await tx.claims.suspect(lease_seconds=self._lease_seconds)
        self.is_awaited = False
        self._closed_until = 0.0
        if claimed is None:
            return None
        self._suspect = claimed.reply.id
        self._closed_until = claimed_at + min(_PROBATION_SECONDS, self._lease_seconds)
        return Claim(claimed, claimed_at)

    def ended(self, reply_id: UUID) -> None:
        """Allow other claims again if this was the suspect, and query for the next suspect."""
        if reply_id == self._suspect:
            self._suspect = None
            self._closed_until = 0.0
            self.is_awaited = True

    async def _close_if_late(self) -> None:
        now = time.monotonic()
        if self._suspect is not None or now < self._may_close_at:
            return
        async with self._uow.autocommit() as tx:
            is_late = await tx.claims.has_suspect(
                lease_seconds=self._lease_seconds, late_seconds=self._lease_seconds
            )
        if is_late:
            self._closed_until = now + self._lease_seconds
            self._may_close_at = self._closed_until + self._lease_seconds
            self.is_awaited = True
