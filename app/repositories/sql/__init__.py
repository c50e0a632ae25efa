"""Named SQL statements, read from the .sql files of this folder.

A line `-- name: some_name` begins a statement, which ends with the file or before the next such line. A file
without such lines is one statement, named like the file. Values are named parameters (`:user_id`), so that a
statement can be pasted into psql once these are set.
"""

import re
from functools import cache
from importlib.resources import files

from app.database import Statement

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def statement(*names: str) -> str:
    """Return the named texts, one behind the other: parts that statements share are texts of their own.

    Raises:
        KeyError: no file has a statement of this name.
    """
    return "".join(_statements()[name] for name in names)


def query(*names: str, **types: str) -> Statement:
    """Return the joined texts as a statement whose parameters have these types of PostgreSQL."""
    return Statement.of(statement(*names), **types)


def split_statements(content: str, *, default_name: str) -> dict[str, str]:
    """Split a file's text into its statements by name; each keeps its comments.

    Raises:
        ValueError: a name occurs twice, or text precedes the first name.
    """
    before, *parts = _NAME.split(content)
    if not parts:
        return {default_name: content}
    names, bodies = parts[::2], parts[1::2]
    if before.strip() or len(set(names)) < len(names):
        message = f"not a list of named statements: {default_name}.sql"
        raise ValueError(message)
    return {name: f"-- {name}{body.rstrip()}\n" for name, body in zip(names, bodies, strict=True)}


@cache
def _statements() -> dict[str, str]:
    """Read all files once.

    Raises:
        ValueError: two files have a statement of the same name.
    """
    found: dict[str, str] = {}
    for file in sorted(files(__name__).iterdir(), key=lambda file: file.name):
        stem, _, extension = file.name.rpartition(".")
        if extension != "sql":
            continue
        statements = split_statements(file.read_text(encoding="utf-8"), default_name=stem)
        if repeated := found.keys() & statements.keys():
            message = f"statements named twice: {', '.join(sorted(repeated))}"
            raise ValueError(message)
        found |= statements
    return found
