"""Ask before an act on many rows."""

import sys

import click

from app.cli.output import Output


def require_confirmation(output: Output, question: str, *, is_given: bool) -> None:
    """Ask on the terminal, unless `--yes` is given; without a terminal it is required.

    Raises:
        click.UsageError: there is no terminal to ask on.
        click.Abort: the answer is no.
    """
    if is_given:
        return
    if output.as_json or not sys.stdin.isatty():
        raise click.UsageError(f"{question} Confirm it with --yes.")
    click.confirm(question, abort=True, err=True)
