"""The commands `keys`: keys of the admin API."""

import click

from app.cli.commands import group
from app.cli.output import Output, table
from app.cli.running import current_actor, operate
from app.models import AdminKey, Scope


@group()
def keys() -> None:
    """Create, list and revoke keys of the admin API."""


@keys.command(
    epilog="""\b
Example:
  python -m app keys create support-desk --scope read --scope support

\b
The key is shown once, and stored only as a digest.
"""
)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([each.value for each in Scope]),
    multiple=True,
    required=True,
    help="What the key allows; may be repeated. No scope includes another.",
)
@click.pass_obj
def create(output: Output, *, name: str, scopes: tuple[str, ...]) -> None:
    """Create a key, and print it."""
    actor, wanted = current_actor(), frozenset(map(Scope, scopes))
    created = operate(lambda services: services.admin.keys.create(actor, name=name, scopes=wanted))
    output.show({"name": name, "scopes": created.row.scopes, "key": created.key}, created.key)


@keys.command("list")
@click.pass_obj
def list_keys(output: Output) -> None:
    """List all keys, open ones first."""
    found = [_fields(row) for row in operate(lambda services: services.admin.keys.listing())]
    columns = ("NAME", "SCOPES", "CREATED (UTC)", "LAST USED (UTC)", "REVOKED (UTC)")
    rows = [tuple(key.values())[1:] for key in found]
    output.show({"keys": found}, *table(columns, rows, empty="No key."))


@keys.command()
@click.argument("name")
@click.pass_obj
def revoke(output: Output, *, name: str) -> None:
    """Revoke a key at once."""
    actor = current_actor()
    row = operate(lambda services: services.admin.keys.revoke(actor, name=name))
    output.show({"key": _fields(row)}, f"The key {name} is revoked.")


def _fields(row: AdminKey) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "scopes": row.scopes,
        "created_at": row.created_at,
        "last_used_at": row.last_used_at,
        "revoked_at": row.revoked_at,
    }
