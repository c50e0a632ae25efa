"""Whether a broker that is no Redis can be reached."""

import asyncio

from kombu.exceptions import KombuError

from app.config import Settings
from app.queue.application import create_celery


async def unreachable_reason(settings: Settings, *, seconds: float) -> str | None:
    """Connect to the broker within `seconds`; return None if it accepts the connection, otherwise why not."""
    return await asyncio.to_thread(_connect, settings, seconds)


def _connect(settings: Settings, seconds: float) -> str | None:
    try:
        with create_celery(settings).connection_for_write(connect_timeout=seconds) as connection:
            connection.connect()
    except _failures() as error:
        return f"{type(error).__name__}: {getattr(error, 'strerror', None) or type(error).__name__}"
    return None


def _failures() -> tuple[type[Exception], ...]:
    from amqp.exceptions import AMQPError  # noqa: PLC0415  # a process on Redis alone needs no AMQP

    return (OSError, KombuError, AMQPError)
