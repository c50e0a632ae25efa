"""Limit the replies in work at once: per worker process, and per user within it."""

from collections import Counter
from uuid import UUID

from app.repositories.claims import ClaimLimits

_MAX_PER_CLAIM = 50


class WorkerSlots:
    """Counts the replies in work by user.

    Args:
        size: replies at once.
        per_user: replies of one user at once while other users wait. It is at most half of `size`, so that
            even a small process keeps slots for others.
    """

    def __init__(self, size: int, *, per_user: int) -> None:
        self.size = size
        self.share = max(1, min(per_user, size // 2))
        self._held: Counter[UUID] = Counter()

    @property
    def free(self) -> int:
        """The number of free slots."""
        return max(self.size - self._held.total(), 0)

    @property
    def is_empty(self) -> bool:
        """Whether no reply is in work."""
        return not self._held

    def occupy(self, user_id: UUID) -> None:
        """Occupy a slot for a reply of this user."""
        self._held[user_id] += 1

    def release(self, user_id: UUID) -> bool:
        """Free a slot; return whether the user held its share, so that its next replies may be waiting."""
        was_at_share = self._held[user_id] >= self.share
        self._held -= Counter({user_id: 1})
        return was_at_share

    def is_within_share(self, user_id: UUID) -> bool:
        """Return whether this user holds at most its share."""
        return self._held[user_id] <= self.share

    def limits(self) -> ClaimLimits:
        """Return how many replies may be claimed now: at most 50, so that all of them start soon.

        A user beyond its share gets a slot only while more than half of all are free: other users' next
        replies find a slot at once, and a user that is alone is not slowed down much.
        """
        spare = max(self.free - self.size // 2, 0)
        return ClaimLimits(
            slots=min(self.free, _MAX_PER_CLAIM), held=dict(self._held), share=self.share, spare=spare
        )
