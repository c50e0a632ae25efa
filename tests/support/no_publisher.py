"""A publisher that wakes nobody, for tests that run the service's code themselves."""

from app.queue.jobs import Job


class NoPublisher:
    """Drops every job."""

    async def publish(self, job: Job) -> None:
        """Drop it."""
