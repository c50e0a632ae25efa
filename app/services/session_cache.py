"""Which sessions were found open lately, so that most requests need not ask Postgres."""

import time
from collections import OrderedDict
from uuid import UUID

from app.models import Plan

FRESH_SECONDS = 5.0
_MOST_SESSIONS = 50_000


class SessionCache:
    """Remembers for at most `FRESH_SECONDS` from the start of the read; the row decides, nothing is told."""

    def __init__(self) -> None:
        self._read: OrderedDict[tuple[UUID, UUID], tuple[float, Plan]] = OrderedDict()

    def plan_of(self, session_id: UUID, user_id: UUID) -> Plan | None:
        """The plan of this user, if this session of theirs was found open a moment ago."""
        read_at, plan = self._read.get((session_id, user_id), (-FRESH_SECONDS, Plan.BASIC))
        return plan if time.monotonic() - read_at < FRESH_SECONDS else None

    def remember(self, session_id: UUID, user_id: UUID, plan: Plan, *, read_at: float) -> None:
        """Note an open session and the plan; `read_at` is the monotonic time before the rows were read."""
        self._read[session_id, user_id] = (read_at, plan)
        self._read.move_to_end((session_id, user_id))
        if len(self._read) > _MOST_SESSIONS:
            self._read.popitem(last=False)
