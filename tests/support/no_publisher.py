"""A publisher that wakes nobody, for tests that run the service's code themselves."""

from app.queue.wake_ups import WakeUp


class NoPublisher:
    """Drops every job."""

    async def publish(self, wake_up: WakeUp) -> None:
        """Drop it."""
