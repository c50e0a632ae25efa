"""Publish wake-ups to Celery's queue; drop those that cannot be published, since workers also poll."""

from typing import TYPE_CHECKING

import structlog

from app.config import Settings
from app.database import forbid_in_transaction
from app.queue.task_message import QUEUE, task_message
from app.queue.wake_ups import WakeUp
from app.redis_client.connection import RedisConnection, RedisUnavailableError

if TYPE_CHECKING:
    from app.queue.celery_publisher import CeleryPublisher

log = structlog.get_logger(__name__)


def publisher(settings: Settings, redis: RedisConnection) -> "RedisPublisher | CeleryPublisher":
    """Return the fastest publisher: over the process's own Redis connections if the queue is there."""
    if settings.broker.redis == settings.redis:
        return RedisPublisher(redis)
    from app.queue.celery_publisher import CeleryPublisher  # noqa: PLC0415  # it alone needs Celery

    return CeleryPublisher(settings)


class RedisPublisher:
    """Pushes Celery's messages onto the queue from the event loop.

    Celery's own publishing blocks, so it needs a thread. That thread waits for the interpreter lock while the
    loop answers the request: one or two milliseconds before every reply.
    """

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def publish(self, wake_up: WakeUp) -> None:
        """Publish one wake-up."""
        forbid_in_transaction()
        message = task_message(wake_up)
        try:
            await self._redis.run("LPUSH", QUEUE, message)
        except RedisUnavailableError:
            log.info("wake_up_dropped", task=wake_up.name, reason="broker unavailable")

    async def aclose(self) -> None:
        """Do nothing: published messages are in the queue already."""
