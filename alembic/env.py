"""Runs migrations on `DATABASE_URL`, one process at a time."""

import asyncio
import os

import sqlalchemy as sa
from dotenv import dotenv_values
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from alembic import context
from app.database import async_url
from app.models import Base

_ONE_AT_A_TIME = 7_126_330_001  # an advisory lock of our own: replicas that start together migrate in turn


def _run(connection: Connection) -> None:
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


async def _migrate(url: str) -> None:
    engine = create_async_engine(async_url(url), poolclass=pool.NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


def main() -> None:
    """Migrations need the database's address only, not the other settings."""
    url = os.environ.get("DATABASE_URL") or dotenv_values(".env").get("DATABASE_URL")
    if not url:
        raise SystemExit("DATABASE_URL is missing")
    asyncio.run(_migrate(url))


main()
