"""Celery's settings.

The reply's row is the queue; a task is only a fast wake-up. So tasks are acknowledged early, and there is no
result backend.
"""

from typing import Final

from celery import Celery
from celery.signals import setup_logging

from app import broker
from app.config import Settings, get_settings
from app.log import configure_logging

QUEUE: Final = "ai_processing"
_TASK_SECONDS = 30 * 60
_WORKER_SOCKET_SECONDS = 3.0


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


@setup_logging.connect
def _configure_logging(**_: object) -> None:
    configure_logging(get_settings())


broker.register()
celery = create_celery(get_settings())
