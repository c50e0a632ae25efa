"""Prints the table of faults at the end of a run, also if its tests ran in several processes."""

from collections.abc import Generator
from dataclasses import asdict
from typing import Protocol

import pytest

from tests.faults.table import Line, drawn

LINES = pytest.StashKey[list[Line]]()
_SENT = "faults"  # sent by each process of pytest-xdist to the reporting one


class _Node(Protocol):
    """A finished process of pytest-xdist, as the reporting process sees it."""

    config: pytest.Config
    workeroutput: dict[str, list[dict[str, str | int | float]]]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the lines to the reporting process, if this is another one."""
    lines = session.config.stash.get(LINES, [])
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_SENT] = [asdict(line) for line in lines]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: _Node) -> None:
    """Add the lines of a finished process; a crashed one has none."""
    lines = node.config.stash.setdefault(LINES, [])
    for cells in getattr(node, "workeroutput", {}).get(_SENT, []):
        lines.append(Line(**cells))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """Print the table last."""
    yield
    if lines := config.stash.get(LINES, []):
        terminalreporter.section("faults")
        for line in drawn(lines):
            terminalreporter.write_line(line)
