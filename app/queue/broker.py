"""Celery's way to Redis, for jobs that are wake-ups: lost, they cost a moment; the rows are the queue."""

import json
from base64 import b64encode
from typing import Any
from uuid import uuid4

from celery import Celery
from celery.app import events
from celery.events import EventDispatcher
from kombu.asynchronous import get_event_loop
from kombu.asynchronous.timer import Entry
from kombu.transport import TRANSPORT_ALIASES, redis

_EVENTS_SECONDS = 0.25


class _Channel(redis.Channel):
    ack_emulation = False
    """Keep no second copy of every job in Redis while it waits: two round trips less before it runs."""
    do_restore = False
    """Give nothing back on closing. Of a connection that is lost this cannot work: kombu's attempt raises
    an AttributeError there, which ends the worker."""


class Transport(redis.Transport):
    """Redis without acknowledgements beyond this process; they still bound what is fetched ahead."""

    Channel = _Channel


def task_message(celery: Celery, task: str, task_id: str, arguments: dict[str, str | None]) -> str:
    """What starts a task, as the transport keeps it in Redis: Celery's message in kombu's envelope."""
    message = celery.amqp.as_task_v2(task_id, task, kwargs=arguments, ignore_result=True)
    return json.dumps(
        {
            "headers": message.headers,
            "body": b64encode(json.dumps(message.body).encode()).decode(),
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "properties": {
                **message.properties,
                "body_encoding": "base64",
                "delivery_info": {"exchange": "", "routing_key": celery.conf.task_default_queue},
                "delivery_mode": 2,
                "delivery_tag": str(uuid4()),
                "priority": 0,
            },
        }
    )


class Dispatcher(EventDispatcher):
    """What Flower is told, in one try each; what did not get through is kept until the broker is back.

    Celery's sign of life is repeated until it gets through: with Redis away that stops the worker's main
    thread, which hears no SIGTERM any more. And it sends each event of a task at once, which takes the
    interpreter from a reply that is just about to begin; here they go together, a moment later.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  # handed on as they are
        """As Celery makes it; in a worker, from its main thread."""
        super().__init__(*arguments, **options)
        self._flushes: Entry | None = None
        if options.get("buffer_group") and (hub := get_event_loop()):
            self.on_send_buffered = None
            self._flushes = hub.call_repeatedly(_EVENTS_SECONDS, self.flush)

    def close(self) -> None:
        """Send nothing more."""
        if self._flushes is not None:
            self._flushes.cancel()
        super().close()

    def send(self, *arguments: Any, **fields: Any) -> None:  # noqa: ANN401  # handed on as they are
        """Send an event."""
        super().send(*arguments, **{**fields, "retry": False})


class Events(events.Events):
    """Celery's events by this dispatcher."""

    dispatcher_cls = f"{__name__}:{Dispatcher.__name__}"


def register() -> None:
    """Have `redis://` mean this transport; by a name of its own Flower would not know the broker."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
