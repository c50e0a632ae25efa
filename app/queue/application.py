"""Celery's settings for the queue of wake-ups.

The row is the queue; a task is only a fast wake-up. So tasks are acknowledged early, without a result
backend.
"""

import socket
from functools import cached_property
from typing import Final

from celery import Celery

from app.config import Settings
from app.queue import broker
from app.queue.task_message import QUEUE

_TASK_SECONDS = 30 * 60
_WORKER_SOCKET_SECONDS = 3.0
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}  # seconds, seconds, probes


class _Celery(Celery):
    """Celery with a worker that prints nothing past the log."""

    @cached_property
    def Worker(self) -> type:  # noqa: N802  # Celery's name
        """The class of the command `worker`."""
        from app.queue.worker_command import Worker  # noqa: PLC0415  # the API runs no worker

        worker: type = self.subclass_with_self(Worker)
        return worker


def create_celery(settings: Settings, *, socket_seconds: float = _WORKER_SOCKET_SECONDS) -> Celery:
    """Create a Celery application for this queue; `socket_seconds` bounds every wait for a reply of Redis.

    `REDIS_CONNECT_SECONDS` bounds a connect. TLS verifies the broker as other connections to Redis do; so
    does Flower's own connection, which reads `broker_use_ssl`.
    """
    address = settings.broker
    celery = _Celery(
        "app",
        broker=address.url,
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
        broker_channel_error_retry=True,  # a full Redis must not end the worker
        timezone="UTC",
    )
    if address.use_ssl is not None:
        celery.conf.broker_use_ssl = address.use_ssl
    if address.url.startswith("redis"):  # rediss:// and redis+socket:// too
        celery.conf.broker_transport_options = {
            "socket_timeout": socket_seconds,
            "socket_connect_timeout": settings.redis_connect_seconds,
            "socket_keepalive": True,
            "socket_keepalive_options": _keepalive_options(),
            "health_check_interval": 10,
        }
    return celery


def _keepalive_options() -> dict[int, int]:
    """Return options that keep an idle connection alive behind a NAT, and detect a lost one within 45 s.

    kombu disables redis-py's own intervals, and the system's default is two hours.
    """
    return {getattr(socket, name): value for name, value in _KEEPALIVE.items() if hasattr(socket, name)}
