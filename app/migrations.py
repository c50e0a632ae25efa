"""The schema revision that this code needs, and the migration to it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from app.config import Settings

_ROOT: Final = Path(__file__).resolve().parents[1]
SETTINGS_ATTRIBUTE: Final = "settings"
"""Attribute of Alembic's configuration that holds the settings; without it `env.py` reads its own."""


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revisions of this code's migrations."""

    head: str
    known: frozenset[str]

    @classmethod
    def of_this_code(cls) -> "Revisions":
        """Read the migrations' files."""
        scripts = ScriptDirectory.from_config(_config())
        [head] = scripts.get_heads()
        return cls(head, frozenset(script.revision for script in scripts.walk_revisions()))

    def is_fit(self, revision: str | None) -> bool:
        """Whether this code can use a database of this revision: its own head, or a later, unknown one."""
        return revision == self.head or (revision is not None and revision not in self.known)


async def migrate(settings: Settings) -> None:
    """Run the missing migrations, one process at a time; other processes wait.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: the database cannot be reached or refuses.
    """
    config = _config()
    config.attributes[SETTINGS_ATTRIBUTE] = settings
    # In a thread: Alembic is synchronous, and its env.py runs its own loop.
    await asyncio.to_thread(command.upgrade, config, "head")


def _config() -> Config:
    return Config(_ROOT / "alembic.ini")
