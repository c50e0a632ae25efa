"""The places of a worker process: how many replies it works on at once, and of whom."""

from collections import Counter
from uuid import UUID

from app.repositories.claims import ClaimLimits

_MOST_AT_ONCE = 50


class WorkerSlots:
    """Counts the replies in work by user.

    Args:
        size: replies at once.
        per_user: replies of one user at once while others wait. It is at most half of the places, so that
            even a small process keeps some for others.
    """

    def __init__(self, size: int, *, per_user: int) -> None:
        self.size = size
        self.share = max(1, min(per_user, size // 2))
        self._held: Counter[UUID] = Counter()

    @property
    def free(self) -> int:
        """How many places are free."""
        return max(self.size - self._held.total(), 0)

    @property
    def is_empty(self) -> bool:
        """Whether no reply is in work."""
        return not self._held

    def take(self, user_id: UUID) -> None:
        """Take a place for a reply of this user."""
        self._held[user_id] += 1

    def release(self, user_id: UUID) -> bool:
        """Give a place back; True if the user's next replies may have waited for it."""
        was_at_share = self._held[user_id] >= self.share
        self._held -= Counter({user_id: 1})
        return was_at_share

    def is_within_share(self, user_id: UUID) -> bool:
        """Whether this user holds no more places than while others wait."""
        return self._held[user_id] <= self.share

    def limits(self) -> ClaimLimits:
        """Return how many replies may be claimed now: a few dozen, so that all of them begin soon.

        A user beyond its share gets a place only while more than half of all are free: whoever comes next
        finds one at once, and a user that is alone is not slowed down much.
        """
        spare = max(self.free - self.size // 2, 0)
        return ClaimLimits(
            places=min(self.free, _MOST_AT_ONCE), held=dict(self._held), share=self.share, spare=spare
        )
