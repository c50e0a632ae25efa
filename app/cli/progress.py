"""Progress on stderr, on a terminal only."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import click

from app.cli.failures import ExitCode
from app.errors import AppError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that the operation refused."""

    id: str
    code: str
    message: str


@dataclass(slots=True)
class Outcomes(Generic[R]):
    """The results of an operation on many items, and its failures."""

    done: list[R] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)


async def each_of(items: Sequence[T], operation: Callable[[T], Awaitable[R]], *, label: str) -> Outcomes[R]:
    """Run an operation on each item; a refused one does not stop the others."""
    outcomes: Outcomes[R] = Outcomes()
    async for item in _shown(items, label):
        try:
            outcomes.done.append(await operation(item))
        except AppError as error:
            outcomes.failed.append(Failure(str(item), error.code, error.detail))
    return outcomes


async def _shown(items: Sequence[T], label: str) -> AsyncIterator[T]:
    is_hidden = len(items) < 2 or not sys.stderr.isatty()  # noqa: PLR2004  # one item needs no bar
    with click.progressbar(items, label=label, file=sys.stderr, hidden=is_hidden) as shown:
        for item in shown:
            yield item


def failure_lines(outcomes: Outcomes[R]) -> list[str]:
    """Return a line for each refused item."""
    return [f"{each.id}: {each.message}" for each in outcomes.failed]


def exit_code_of(outcomes: Outcomes[R]) -> ExitCode:
    """Return the exit code: that of a failure if an item was refused."""
    return ExitCode.FAILED if outcomes.failed else ExitCode.DONE


class CountLine:
    """A line on stderr that says how far a run of unknown length is."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._width = 0

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._is_shown:
            click.echo(f"\r{text.ljust(self._width)}", nl=False, err=True)
            self._width = len(text)

    def end(self) -> None:
        """Go to the next line."""
        if self._width:
            click.echo(err=True)
