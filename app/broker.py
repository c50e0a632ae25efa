"""Celery's way to Redis, for jobs that are wake-ups: lost, they cost a moment; the rows are the queue."""

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


def register() -> None:
    """Have `redis://` mean this transport; by a name of its own Flower would not know the broker."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
