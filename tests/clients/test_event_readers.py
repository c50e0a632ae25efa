"""Libraries that read server-sent events see every event once, and no empty one."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.clients.install import HERE
from tests.clients.tools import Tools
from tests.support.listener import events_address
from tests.support.stack import Stack
from tests.support.user import Json, User, ok


def _lines(user: User, address: str) -> list[str]:
    """A stream as it is on the wire."""
    with user.http.stream("GET", address) as answer:
        return list(answer.iter_lines())


@pytest.fixture(scope="module")
def readers(tools: Tools) -> Path:
    """The compiled readers in TypeScript."""
    tools.copy("typescript")
    tools.npm("tsc", "--project", "tsconfig.readers.json")
    return tools.folder / "out" / "event_source.js"


def _begin(user: User, content: str) -> Json:
    reply: Json = ok(user.post(user.open_room(), content, Prefer="respond-async"))["reply"]
    return reply


def test_no_library_makes_an_event_of_a_keep_alive(
    tools: Tools, readers: Path, stack: Stack, user: User
) -> None:
    """The reply begins after a silence that is longer than the 10 seconds between two comments."""
    address = stack.base_url + events_address(_begin(user, "[sandbox:wait=14] Hello"))
    env = {"TOKEN": user.token, "EVENTS": address}
    with ThreadPoolExecutor() as pool:
        lines = pool.submit(_lines, user, address)
        runs = [
            pool.submit(tools.node, readers, "eventsource_reads_no_empty_event", **env),
            pool.submit(tools.node, readers, "fetch_event_source_reads_no_empty_event", **env),
            pool.submit(tools.python, HERE / "python" / "read_events.py", **env),
        ]
        for run in runs:
            run.result()
    assert ": still here" in lines.result()


def test_eventsource_resumes_a_cut_stream_by_itself(
    tools: Tools, readers: Path, stack: Stack, user: User
) -> None:
    address = stack.base_url + events_address(_begin(user, "[sandbox:pieces=60] [sandbox:pace=30] Cut"))
    tools.node(readers, "eventsource_resumes_a_cut_stream", TOKEN=user.token, EVENTS=address)
