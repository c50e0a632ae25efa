"""The revisions that this code knows are Alembic's."""

from alembic.script import ScriptDirectory
from app.migrations import Revisions, alembic_config


def test_revisions_are_those_of_alembic() -> None:
    """Red when a migration's file is read otherwise than Alembic runs it."""
    scripts = ScriptDirectory.from_config(alembic_config())
    known = frozenset(script.revision for script in scripts.walk_revisions())
    [head] = scripts.get_heads()
    assert Revisions.of_this_code() == Revisions(head, known)
