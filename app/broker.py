"""Celery's way to Redis, for jobs that are wake-ups: lost, they cost a moment; the rows are the queue."""

from typing import Any

from celery.app import events
from celery.events import EventDispatcher
from kombu.transport import TRANSPORT_ALIASES, redis


class _Channel(redis.Channel):
    ack_emulation = False
    """Keep no second copy of every job in Redis while it waits: two round trips less before it runs."""
    do_restore = False
    """Give nothing back on closing. Of a connection that is lost this cannot work: kombu's attempt raises
    an AttributeError there, which ends the worker."""


class Transport(redis.Transport):
    """Redis without acknowledgements beyond this process; they still bound what is fetched ahead."""

    Channel = _Channel


class Dispatcher(EventDispatcher):
    """What Flower is told, in one try each; what did not get through is kept until the broker is back.

    Celery's sign of life is repeated until it gets through: with Redis away that stops the worker's main
    thread, which hears no SIGTERM any more.
    """

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
