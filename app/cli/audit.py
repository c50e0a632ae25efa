"""The commands `audit`: the acts of operators."""

from uuid import UUID

import click

from app.cli.commands import group
from app.cli.output import Output, table
from app.cli.running import operate


@group()
def audit() -> None:
    """List what operators did."""


@audit.command(
    "list",
    epilog="""\b
Examples:
  python -m app audit list --limit 20
  python -m app audit list --user 01900000-0000-7000-8000-000000000000
""",
)
@click.option(
    "--user", "user_id", type=click.UUID, help="Only acts that concern this user, also a deleted one."
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="At most so many, the newest first.",
)
@click.pass_obj
def list_entries(output: Output, *, user_id: UUID | None, limit: int) -> None:
    """List the audit log, the newest act first."""
    page = operate(lambda services: services.admin.audit.listing(user_id=user_id, cursor=None, limit=limit))
    rows = [
        (each.at, each.actor, each.action, each.subject_id, each.user_id, each.reason)
        for each in page.entries
    ]
    columns = ("TIME (UTC)", "OPERATOR", "ACT", "SUBJECT", "USER", "REASON")
    entries = [each.model_dump(mode="json") for each in page.entries]
    output.show({"entries": entries}, *table(columns, rows, empty="No act."))
