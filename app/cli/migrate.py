"""The command `migrate`: the missing migrations, as `alembic upgrade head` runs them."""

import asyncio
from typing import Final

import asyncpg
import click
from sqlalchemy.exc import DBAPIError

from app.bootstrap.inspection import database_access
from app.cli.commands import command
from app.cli.failures import CommandFailedError, ExitCode
from app.cli.logs import configure_logging
from app.cli.output import Output
from app.cli.settings import command_settings
from app.config import Settings
from app.database import reason_of
from app.migrations import MigrationFailedError, Revisions, migrate_now

_FAILURES: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError)


@command(
    epilog="""\b
Examples:
  python -m app migrate
  python -m app migrate --check

\b
Exit code 1 with --check if migrations are missing, or if the migration failed: then nothing was changed, and
the command can be repeated. Processes that migrate at the same time do so one after the other.
"""
)
@click.option(
    "--check", "only_check", is_flag=True, help="Change nothing; exit with 1 if migrations are missing."
)
@click.pass_obj
def migrate(output: Output, *, only_check: bool) -> int:
    """Migrate the database to this version.

    Does the same as `alembic upgrade head`, under the same lock.
    """
    configure_logging(is_verbose=True)  # as Alembic's own command, which reports waits for locks
    settings, revisions = command_settings(), Revisions.of_this_code()
    found = _revision(settings)
    is_missing = not revisions.is_fit(found)
    if is_missing and not only_check:
        try:
            migrate_now(settings)
        except MigrationFailedError as error:
            raise CommandFailedError(
                f"The database cannot be migrated: {error}.", code="migration_failed"
            ) from None
        except _FAILURES as error:
            raise CommandFailedError(
                f"The database cannot be migrated: {reason_of(error)}.", code="migration_failed"
            ) from None
        is_missing, found, before = False, _revision(settings), found
        sentence = f"Migrated from {before or 'an empty database'} to {found}."
    elif is_missing:
        place = found or "no revision"
        sentence = f"Migrations are missing: the database is at {place}, needed is {revisions.head}."
    else:
        sentence = f"The database is at {found}: nothing to do."
    output.show({"revision": found, "needed": revisions.head, "is_missing": is_missing}, sentence)
    return ExitCode.FAILED if is_missing else ExitCode.DONE


def _revision(settings: Settings) -> str | None:
    try:
        return asyncio.run(_read_revision(settings))
    except _FAILURES as error:
        raise CommandFailedError(
            f"The database cannot be reached: {reason_of(error)}.", code="database_unavailable"
        ) from None


async def _read_revision(settings: Settings) -> str | None:
    async with database_access(settings) as uow:
        await uow.database.warm_up(settings.database_connect_seconds)
        async with uow.autocommit() as tx:
            return await tx.schema.revision() if await tx.schema.is_migrated() else None
