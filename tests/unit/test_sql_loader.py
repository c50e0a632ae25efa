"""The loader of named SQL statements."""

import re
from pathlib import Path

import pytest

from app.repositories import sql
from app.repositories.sql import split_statements, statement

_FILES = sorted(Path(str(sql.__file__)).parent.glob("*.sql"))

_TWO = """\
-- name: first
-- Comments belong to their statement.
SELECT 1

-- name: second
SELECT 2
"""


def test_a_file_holds_several_named_statements() -> None:
    """Each text begins with its name, which pg_stat_activity shows."""
    assert split_statements(_TWO, default_name="numbers") == {
        "first": "-- first\n-- Comments belong to their statement.\nSELECT 1\n",
        "second": "-- second\nSELECT 2\n",
    }


def test_a_file_without_names_is_one_statement() -> None:
    assert split_statements("SELECT 1\n", default_name="one") == {"one": "SELECT 1\n"}


@pytest.mark.parametrize("text", [_TWO + _TWO, "SELECT 0\n" + _TWO])
def test_a_repeated_name_and_text_without_a_name_are_rejected(text: str) -> None:
    """Red when a later statement silently replaces an earlier one."""
    with pytest.raises(ValueError, match=r"numbers\.sql"):
        split_statements(text, default_name="numbers")


def test_statements_are_joined_in_the_order_of_their_names() -> None:
    release, returning = statement("release_reply"), statement("returning_reply")
    assert statement("release_reply", "returning_reply") == release + returning


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        statement("no_such_statement")


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_every_statement_of_every_file_can_be_read(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    names = re.findall(r"^-- name: (.+)$", text, re.MULTILINE) or [file.stem]
    assert all(statement(name) for name in names)
