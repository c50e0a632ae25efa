"""The runbook: its queries run, its commands exist, and its names are those of the code."""

import itertools
import re
import subprocess
import sys

import psycopg
import pytest

from app.config import Settings
from tests.support.process import ROOT
from tests.support.stack import Stack

RUNBOOK = (ROOT / "docs/runbook.md").read_text()
_QUERIES = [
    statement.strip()
    for block in re.findall(r"^```sql\n(.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL)
    for statement in block.split(";")
    if statement.strip()
]
_CALLS = [call.split() for call in re.findall(r"python -m app ([^\n`#)]+)", RUNBOOK)]
_OF_ITS_QUERIES = {"lost_workers", "blocked_by"}
_OF_POSTGRES = {"max_connections", "pg_wal", "default_transaction_read_only"}


@pytest.mark.parametrize("query", _QUERIES)
def test_a_query_runs_on_the_present_schema(stack: Stack, query: str) -> None:
    """Red when a column or a table is renamed."""
    with psycopg.connect(stack.database.url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = on")
        connection.execute(query)


def test_the_runbook_has_queries_and_commands() -> None:
    """Red when the patterns of this file find nothing any more."""
    assert len(_QUERIES) > 10
    assert {"check", "migrate", "purge", "reconcile", "replies retry"} <= set(_commands())


def _commands() -> dict[str, set[str]]:
    """Return every command that the runbook calls, with the options it gives."""
    found: dict[str, set[str]] = {}
    for words in _CALLS:
        names = itertools.takewhile(re.compile(r"[a-z][a-z-]*").fullmatch, words)
        found.setdefault(" ".join(names), set()).update(word for word in words if word.startswith("--"))
    return found


@pytest.mark.parametrize("command", _commands())
def test_a_command_exists_with_its_options(command: str) -> None:
    """Red when a command or an option is renamed."""
    helped = subprocess.run(
        [sys.executable, "-m", "app", *command.split(), "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert helped.returncode == 0, helped.stderr
    assert f"python -m app {command}" in helped.stdout
    for option in _commands()[command]:
        assert re.search(rf"{option}\b", helped.stdout), option


def test_events_columns_and_codes_are_those_of_the_code() -> None:
    """Red when an event of the log or an error code is renamed."""
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", RUNBOOK)) - _OF_ITS_QUERIES - _OF_POSTGRES
    code = "\n".join(
        path.read_text() for folder in ("app", "alembic") for path in sorted((ROOT / folder).rglob("*.py"))
    )
    assert {name for name in named if not name.startswith("chat_") and name not in code} == set()


def test_settings_are_those_of_the_configuration() -> None:
    """Red when a setting is renamed."""
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)\b", RUNBOOK))
    of_google = {
        "PERMISSION_DENIED",
        "FAILED_PRECONDITION",
        "NOT_FOUND",
        "INVALID_ARGUMENT",
        "RESOURCE_EXHAUSTED",
    }
    known = {name.upper() for name in Settings.model_fields} | of_google
    known |= {"FLOWER_BASIC_AUTH", "HTTPS_PROXY", "API_KEY_INVALID", "EVENT_ID"}
    assert named <= known


def test_links_lead_to_headings_and_files() -> None:
    for name in ("runbook.md", "monitoring.md"):
        text = (ROOT / "docs" / name).read_text()
        anchors = {
            re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        }
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if target.startswith("#"):
                assert target[1:] in anchors, target
            elif "://" not in target:
                assert (ROOT / "docs" / target.partition("#")[0]).exists(), target
