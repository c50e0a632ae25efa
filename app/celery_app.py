"""Celery's settings, and the publisher that wakes workers without ever holding up a request.

The reply's row is the queue; a task is only a fast wake-up. So tasks are acknowledged early, there is
no result backend, and a job that cannot be published is dropped: workers find the row by themselves.
"""

import queue
import threading
from typing import Final

import structlog
from celery import Celery
from celery.signals import setup_logging
from kombu.exceptions import OperationalError

from app import broker
from app.config import Settings, get_settings
from app.database import forbid_in_transaction
from app.jobs import Job
from app.log import configure_logging
from app.redis_client.breaker import Breaker

QUEUE: Final = "ai_processing"
_TASK_SECONDS = 30 * 60
_PUBLISH_SECONDS = 0.5
_WORKER_SOCKET_SECONDS = 3.0
_MOST_WAITING_JOBS = 10_000

log = structlog.get_logger(__name__)


def create_celery(settings: Settings, *, socket_seconds: float = _WORKER_SOCKET_SECONDS) -> Celery:
    """A Celery application for this queue; `socket_seconds` bounds every wait for the broker."""
    celery = Celery(
        "app",
        broker=settings.broker_url,
        events=broker.Events,
        include=["app.tasks"],
        set_as_current=False,
    )
    celery.conf.update(
        task_default_queue=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=False,
        task_time_limit=_TASK_SECONDS,
        worker_pool="threads",
        worker_concurrency=settings.worker_concurrency,
        worker_prefetch_multiplier=1,
        worker_send_task_events=True,  # Flower sees the client's worker, whose command has no -E
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,  # a Redis that is full must not end the worker
        timezone="UTC",
    )
    if settings.broker_url.startswith("redis"):  # rediss:// and redis+socket:// too
        celery.conf.broker_transport_options = {
            "socket_timeout": socket_seconds,
            "socket_connect_timeout": min(socket_seconds, 1.0),
            "socket_keepalive": True,
            "health_check_interval": 10,
        }
    return celery


class CeleryPublisher:
    """Publishes from a thread of its own, through a bounded queue; full or broken, it drops."""

    def __init__(self, settings: Settings, breaker: Breaker) -> None:
        self._celery = create_celery(settings, socket_seconds=_PUBLISH_SECONDS)
        # A broker of its own fails on its own.
        self._breaker = breaker if settings.celery_broker_url is None else Breaker()
        # Bounded by `publish`; unlike queue.Queue it wakes its reader without a detour through Python.
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    def publish(self, job: Job) -> None:
        """Hand a job over and return at once."""
        forbid_in_transaction()
        if self._jobs.qsize() >= _MOST_WAITING_JOBS:
            log.warning("job_dropped", job=job.name, reason="full")
        else:
            self._jobs.put(job)

    def close(self) -> None:
        """Publish what waits, then end the thread."""
        self._jobs.put(None)
        self._thread.join(timeout=2 * _PUBLISH_SECONDS)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._breaker.is_open:
                log.info("job_dropped", job=job.name, reason="broker away")
                continue
            try:
                self._celery.send_task(
                    job.name,
                    kwargs=job.arguments(),
                    retry=True,
                    # A broken connection is noticed on use: one more try, at once, on a new one.
                    retry_policy={
                        "max_retries": 1,
                        "interval_start": 0,
                        "interval_step": 0,
                        "interval_max": 0,
                    },
                )
            except (OperationalError, OSError) as error:
                self._breaker.trip()
                log.warning("job_dropped", job=job.name, reason=type(error).__name__)


@setup_logging.connect
def _configure_logging(**_: object) -> None:
    configure_logging(get_settings())


broker.register()
celery = create_celery(get_settings())
