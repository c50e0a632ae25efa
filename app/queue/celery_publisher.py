"""Publish wake-ups through Celery, to a broker that this process has no connection to."""

import asyncio
import queue
import threading

import structlog
from kombu.exceptions import OperationalError

from app.config import Settings
from app.database import forbid_in_transaction
from app.queue.application import create_celery
from app.queue.wake_ups import WakeUp
from app.redis_client.breaker import Breaker
from app.redis_client.wire import reason_of

_MAX_WAITING = 10_000

log = structlog.get_logger(__name__)


class CeleryPublisher:
    """Publishes to any broker of Celery, in its own thread, through a bounded queue."""

    def __init__(self, settings: Settings) -> None:
        self._address = settings.broker.redis
        self._close_seconds = 2 * settings.redis_command_seconds
        self._celery = create_celery(settings, socket_seconds=settings.redis_command_seconds)
        self._breaker = Breaker()
        # Bounded by `publish`; unlike queue.Queue it wakes its reader in C.
        self._wake_ups: queue.SimpleQueue[WakeUp | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    async def publish(self, wake_up: WakeUp) -> None:
        """Pass a wake-up to the thread."""
        forbid_in_transaction()
        if self._wake_ups.qsize() >= _MAX_WAITING:
            log.warning("wake_up_dropped", task=wake_up.name, reason="full")
        else:
            self._wake_ups.put(wake_up)

    async def aclose(self) -> None:
        """Publish the waiting wake-ups, then end the thread."""
        self._wake_ups.put(None)
        await asyncio.to_thread(self._thread.join, timeout=self._close_seconds)

    def _run(self) -> None:
        while (wake_up := self._wake_ups.get()) is not None:
            if self._breaker.is_open:
                log.info("wake_up_dropped", task=wake_up.name, reason="broker unavailable")
                continue
            try:
                self._celery.send_task(
                    wake_up.name,
                    kwargs=wake_up.arguments(),
                    task_id=wake_up.task_id,
                    retry=True,
                    # A broken connection shows only on use: retry once, at once, on a new one.
                    retry_policy={
                        "max_retries": 1,
                        "interval_start": 0,
                        "interval_step": 0,
                        "interval_max": 0,
                    },
                )
            except (OperationalError, OSError) as error:
                self._breaker.trip()
                log.warning(
                    "wake_up_dropped",
                    task=wake_up.name,
                    error=type(error).__name__,
                    reason=reason_of(error, self._address),
                )
