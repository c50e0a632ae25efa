"""Celery's Redis transport for wake-ups, which may be lost: polls find the rows."""

from typing import Any

from celery.app import events
from celery.events import EventDispatcher
from kombu.asynchronous import get_event_loop
from kombu.asynchronous.timer import Entry
from kombu.transport import TRANSPORT_ALIASES, redis

_EVENTS_SECONDS = 0.25


class _Channel(redis.Channel):
    ack_emulation = False
    """Keep no second copy of a message until it is acknowledged: saves two round trips before a task runs."""
    do_restore = False
    """Requeue nothing on closing: on a lost connection kombu's attempt raises an AttributeError, which ends
    the worker."""


class Transport(redis.Transport):
    """Redis without acknowledgements in the broker; within the process they still bound the prefetch."""

    Channel = _Channel


class Dispatcher(EventDispatcher):
    """Sends events to Flower without retries, in batches; keeps them while the broker is unavailable.

    Celery retries its heartbeat until it is sent: without Redis that blocks the worker's main thread, which
    then ignores SIGTERM. It also sends each event of a task at once, which takes the interpreter lock from a
    reply that is about to start.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  # passed on unchanged
        """Create it as Celery does: in a worker, on its main thread."""
        super().__init__(*arguments, **options)
        self._flushes: Entry | None = None
        if options.get("buffer_group") and (hub := get_event_loop()):
            self.on_send_buffered = None
            self._flushes = hub.call_repeatedly(_EVENTS_SECONDS, self.flush)

    def close(self) -> None:
        """Stop sending."""
        if self._flushes is not None:
            self._flushes.cancel()
        super().close()

    def send(self, *arguments: Any, **fields: Any) -> None:  # noqa: ANN401  # passed on unchanged
        """Send an event."""
        super().send(*arguments, **{**fields, "retry": False})


class Events(events.Events):
    """Celery's events, sent by this dispatcher."""

    dispatcher_cls = f"{__name__}:{Dispatcher.__name__}"


def register() -> None:
    """Register this transport as `redis://`: Flower does not know a broker of another name."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
