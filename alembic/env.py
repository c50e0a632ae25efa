"""Runs migrations on `DATABASE_URL`, one process at a time."""

import asyncio
import os
import time
from typing import NoReturn

import sqlalchemy as sa
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alembic import context
from alembic.util import CommandError
from app.config import PostgresAddress, Settings, log_options, refuse_to_start
from app.config.dotenv_file import dotenv_problems, dotenv_variables
from app.config.texts import trimmed
from app.database import Database, is_locked_out, is_unavailable, reason_of
from app.log import configure_logging
from app.migrations import SETTINGS_ATTRIBUTE
from app.models import Base

_ONE_AT_A_TIME = 7_126_330_001  # an advisory lock of our own: replicas that start together migrate in turn
# Whoever wants a table behind a migration that waits for it waits, too, and requests have two seconds.
_LOCK_TIMEOUT = "1s"
_TRIES, _LONGEST_PAUSE_SECONDS = 6, 8
_GIVEN_UP = (
    "another session holds a lock on a table that has to be changed, see pg_stat_activity;"
    " nothing was changed, run it again when that session has ended"
)
_BETWEEN_STEPS_SECONDS, _LONGEST_STANDSTILL_SECONDS = 0.05, 60
_STANDSTILL = (
    "another session holds a lock on messages, see pg_stat_activity; the schema is complete, but some old"
    " messages are found by their former words only; run it again when that session has ended"
)

# Read from the table: after waiting for the lock, the session's cache may still have a function that is gone.
_IS_LEFT_TO_DO = (
    "SELECT count(*) FROM pg_proc WHERE proname = 'remake_search_words' AND pg_function_is_visible(oid)"
)

log = structlog.get_logger("migration")


def _run(connection: Connection) -> None:
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
    connection.execute(sa.text("SELECT set_config('lock_timeout', :time, true)"), {"time": _LOCK_TIMEOUT})
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


async def _migrate(database: Database) -> None:
    """Migrate in one transaction; when a lock is not to be had, roll back, let others pass, and try again."""
    for number in range(1, _TRIES + 1):
        try:
            async with database.engine.begin() as connection:
                await connection.run_sync(_run)
            break
        except DBAPIError as error:
            if not is_locked_out(error):
                raise
            if number == _TRIES:
                raise CommandError(_GIVEN_UP) from error
            pause = min(2 ** (number - 1), _LONGEST_PAUSE_SECONDS)
            log.warning("migration_locked_out", reason=reason_of(error), number=number, retry_in=pause)
        await asyncio.sleep(pause)
    await _remake_search_words(database)
    await database.aclose()


async def _remake_search_words(database: Database) -> None:
    """Go on with the words of old messages, in short transactions, until all have the newest forms."""
    last_progress = time.monotonic()
    while True:
        async with database.engine.begin() as connection:
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
            if not await connection.scalar(sa.text(_IS_LEFT_TO_DO)):
                return
            passed = await connection.scalar(sa.text("SELECT remake_search_words()"))
            if passed is None:
                await connection.execute(sa.text("DROP FUNCTION remake_search_words()"))
                await connection.execute(sa.text("DROP TABLE search_remake"))
                return
        if passed:
            last_progress = time.monotonic()
        elif time.monotonic() - last_progress > _LONGEST_STANDSTILL_SECONDS:
            raise CommandError(_STANDSTILL)
        await asyncio.sleep(_BETWEEN_STEPS_SECONDS)


def _of(settings: Settings) -> Database:
    return Database.from_url(
        settings.postgres,
        connect_seconds=settings.database_connect_seconds,
        is_pooled=settings.has_transaction_pooler,
    )


def _of_environment() -> Database:
    """Read the three settings of the database; a migration needs no other ones."""
    names = ("DATABASE_URL", "DATABASE_POOLER", "DATABASE_CONNECT_SECONDS")
    if unreadable := dotenv_problems():
        _refuse(*unreadable)
    written = dotenv_variables()
    url, pooler, seconds = (trimmed(os.environ.get(name) or written.get(name) or "") for name in names)
    if not url:
        _refuse("DATABASE_URL is missing")
    try:
        address = PostgresAddress.parse(url)
        connect_seconds = float(seconds or Settings.model_fields["database_connect_seconds"].default)
    except ValueError as error:
        _refuse(f"DATABASE_URL {error}")
    return Database.from_url(
        address,
        connect_seconds=connect_seconds,
        is_pooled=pooler.lower() == "transaction" or address.is_pooled,
    )


def _refuse(*problems: str) -> NoReturn:
    refuse_to_start(*problems)
    raise SystemExit(1)


def main() -> None:
    """Migrate with the settings of the process that asks for it, or with those of the environment."""
    settings = context.config.attributes.get(SETTINGS_ATTRIBUTE)
    if settings is not None:
        asyncio.run(_migrate(_of(settings)))
        return
    configure_logging(log_options())
    try:
        asyncio.run(_migrate(_of_environment()))
    except CommandError as error:  # Alembic would print it
        _refuse(str(error))
    except Exception as error:
        if not is_unavailable(error):
            raise
        _refuse(f"The database cannot be reached: {reason_of(error)}")


main()
