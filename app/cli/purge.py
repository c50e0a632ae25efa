"""The command `purge`: rows that are no longer needed."""

from collections.abc import Mapping

import click

from app.cli.commands import command
from app.cli.output import Output, table
from app.cli.progress import CountLine
from app.cli.running import current_actor, operate


@command(
    epilog="""\b
Example:
  python -m app purge

\b
A worker does the same every hour. Ages are measured by the database's clock.
"""
)
@click.pass_obj
def purge(output: Output) -> None:
    """Erase the rows that are no longer needed, now."""
    line = CountLine()

    def show(erased: Mapping[str, int]) -> None:
        line.show(f"{sum(erased.values())} rows erased")

    try:
        erased = operate(lambda services: services.purge.run_for(current_actor(), on_progress=show))
    finally:
        line.end()
    rows = [(kind.replace("_", " "), count) for kind, count in erased.items()]
    output.show({"erased": erased}, *table(("ROWS", "ERASED"), rows, empty=""))
