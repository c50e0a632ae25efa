"""TypeScript clients that generators make compile under --strict and do what the API promises."""

from pathlib import Path

import pytest

from tests.clients.tools import Tools
from tests.support.stack import Stack
from tests.support.user import User, some_number


@pytest.fixture(scope="module")
def compiled(tools: Tools, document: Path) -> Path:
    """Every client, type-checked with all its generated code; the folder of the scripts."""
    tools.copy("typescript")
    tools.npm("openapi-typescript", str(document), "-o", "schema.ts")
    tools.npm("openapi-ts", "--no-log-file")
    tools.npm("tsc", "--project", "tsconfig.json")
    tools.npm("tsc", "--project", "tsconfig.hey.json")
    return tools.folder / "out"


def _keep(tools: Tools, script: Path, promise: str, stack: Stack, user: User) -> None:
    """Run one promise of a compiled client; it fails with the program's output."""
    tools.node(script, promise, API=stack.base_url, TOKEN=user.token, NUMBER=some_number())


@pytest.mark.parametrize(
    "promise",
    [
        "signs_in_and_is_answered",
        "reads_typed_events",
        "resumes_a_cut_stream",
        "renames_an_archived_room",
        "tells_failures_apart_by_their_code",
    ],
)
def test_openapi_fetch(tools: Tools, compiled: Path, stack: Stack, user: User, promise: str) -> None:
    _keep(tools, compiled / "openapi_fetch.js", promise, stack, user)


@pytest.mark.parametrize(
    "promise",
    [
        "signs_in",
        "sends_a_message_and_is_charged_once",
        "reads_typed_events",
        "resumes_a_cut_stream_by_itself",
        "resumes_a_cut_post_that_has_a_key",
        "renames_an_archived_room",
    ],
)
def test_hey_api(tools: Tools, compiled: Path, stack: Stack, user: User, promise: str) -> None:
    _keep(tools, compiled / "hey_api.js", promise, stack, user)


def test_hey_api_sends_a_refused_message_once(tools: Tools, compiled: Path, stack: Stack, user: User) -> None:
    """A day's limit is no failed connection: a client that tries again is refused again."""
    room = user.open_room()
    for each in range(5):
        user.say(room, f"Message {each}")
    _keep(tools, compiled / "hey_api.js", "is_refused_once", stack, user)
