"""Runs migrations on `DATABASE_URL`, one process at a time."""

import asyncio
import os

import sqlalchemy as sa
from dotenv import dotenv_values
from sqlalchemy import Connection

from alembic import context
from app.config import PostgresAddress, Settings
from app.config.dotenv_file import DOTENV_FILE, ENCODING, dotenv_problems
from app.config.texts import trimmed
from app.database import Database, is_away, reason_of
from app.migrations import SETTINGS_ATTRIBUTE
from app.models import Base

_ONE_AT_A_TIME = 7_126_330_001  # an advisory lock of our own: replicas that start together migrate in turn


def _run(connection: Connection) -> None:
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


async def _migrate(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(_run)
    await database.aclose()


def _of(settings: Settings) -> Database:
    return Database.at(
        settings.postgres,
        connect_seconds=settings.database_connect_seconds,
        is_pooled=settings.has_transaction_pooler,
        is_kept=False,
    )


def _of_environment() -> Database:
    """Read the three settings of the database; a migration needs no other ones."""
    names = ("DATABASE_URL", "DATABASE_POOLER", "DATABASE_CONNECT_SECONDS")
    if unreadable := dotenv_problems():
        raise SystemExit("\n".join(unreadable))
    written = dotenv_values(DOTENV_FILE, encoding=ENCODING)
    url, pooler, seconds = (trimmed(os.environ.get(name) or written.get(name) or "") for name in names)
    if not url:
        raise SystemExit("DATABASE_URL is missing")
    try:
        address = PostgresAddress.parse(url)
        connect_seconds = float(seconds or Settings.model_fields["database_connect_seconds"].default)
    except ValueError as error:
        raise SystemExit(f"DATABASE_URL {error}") from None
    return Database.at(
        address,
        connect_seconds=connect_seconds,
        is_pooled=pooler.lower() == "transaction" or address.is_pooled,
        is_kept=False,
    )


def main() -> None:
    """Migrate with the settings of the process that asks for it, or with those of the environment."""
    settings = context.config.attributes.get(SETTINGS_ATTRIBUTE)
    if settings is not None:
        asyncio.run(_migrate(_of(settings)))
        return
    try:
        asyncio.run(_migrate(_of_environment()))
    except Exception as error:
        if not is_away(error):
            raise
        raise SystemExit(f"The database cannot be reached: {reason_of(error)}") from None


main()
