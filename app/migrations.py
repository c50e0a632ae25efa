"""The schema revision that this code needs, and the migration to it.

Only a process that migrates loads Alembic, which takes 8 MB and 0.2 s.
"""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.config import Settings

if TYPE_CHECKING:
    from alembic.config import Config

_ROOT: Final = Path(__file__).resolve().parents[1]
_ASSIGNMENT: Final = re.compile(r'^(revision|down_revision) = "(\w+)"$', re.MULTILINE)
SETTINGS_ATTRIBUTE: Final = "settings"
"""Attribute of Alembic's configuration that holds the settings; without it `env.py` reads its own."""


class MigrationFailedError(Exception):
    """Alembic cannot migrate; the message says why."""


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revisions of this code's migrations."""

    head: str
    known: frozenset[str]

    @classmethod
    def of_this_code(cls) -> "Revisions":
        """Read the migrations' files, without running them."""
        names: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
        for file in (_ROOT / "alembic" / "versions").glob("*.py"):
            for name, value in _ASSIGNMENT.findall(file.read_text(encoding="utf-8")):
                names[name].add(value)
        [head] = names["revision"] - names["down_revision"]
        return cls(head, frozenset(names["revision"]))

    def is_fit(self, revision: str | None) -> bool:
        """Whether this code can use a database of this revision: its own head, or a later, unknown one."""
        return revision == self.head or (revision is not None and revision not in self.known)


async def migrate(settings: Settings) -> None:
    """Run the missing migrations, one process at a time; other processes wait.

    Raises:
        MigrationFailedError: Alembic gives up, as when another session holds a lock for too long.
        OSError, TimeoutError, asyncpg.PostgresError: the database cannot be reached or refuses.
    """
    # In a thread: Alembic is synchronous, and its env.py runs its own loop.
    await asyncio.to_thread(migrate_now, settings)


def migrate_now(settings: Settings) -> None:
    """Run the missing migrations in this thread, which runs no event loop; see `migrate`."""
    from alembic import command  # noqa: PLC0415  # see the file's first lines
    from alembic.util import CommandError  # noqa: PLC0415  # the same

    config = alembic_config()
    config.attributes[SETTINGS_ATTRIBUTE] = settings
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise MigrationFailedError(str(error)) from error


def alembic_config() -> "Config":
    """Return Alembic's configuration, as its command reads it."""
    from alembic.config import Config  # noqa: PLC0415  # see the file's first lines

    return Config(_ROOT / "alembic.ini")
