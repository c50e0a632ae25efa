"""The commands `users`: find accounts, grant, limit, ban."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import click

from app.bootstrap.operator import OperatorServices
from app.cli.commands import group
from app.cli.output import Output, details
from app.cli.parameters import MOMENT
from app.cli.running import current_actor, operate
from app.schemas.admin import AdminUser

_REASON = click.option(
    "--reason", required=True, help="For the audit log and the user's export: no name, number or address."
)
_USER_ID = click.argument("user_id", metavar="ID", type=click.UUID)


@group()
def users() -> None:
    """Find accounts, grant Pro, set limits, ban, and end sessions."""


@users.command(
    epilog="""\b
Examples:
  python -m app users find +14155550123
  python -m app users find 01900000-0000-7000-8000-000000000000
"""
)
@click.argument("number_or_id", metavar="NUMBER|ID")
@click.pass_obj
def find(output: Output, *, number_or_id: str) -> None:
    """Find the account of a mobile number, or of an id."""
    try:
        user_id = UUID(number_or_id)
    except ValueError:
        _show(output, lambda services: services.admin.users.find(mobile_number=number_or_id))
    else:
        _show(output, lambda services: services.admin.users.show(user_id))


@users.command()
@_USER_ID
@click.pass_obj
def show(output: Output, *, user_id: UUID) -> None:
    """Show an account: its plan, its usage and its sessions."""
    _show(output, lambda services: services.admin.users.show(user_id))


@users.command(
    "grant-pro",
    epilog="""\b
Example:
  python -m app users grant-pro 01900000-0000-7000-8000-000000000000 --until 2027-06-30 --reason "case 4711"
""",
)
@_USER_ID
@click.option(
    "--until", type=MOMENT, required=True, help="The date on which Pro ends, at its beginning in UTC."
)
@_REASON
@click.pass_obj
def grant_pro(output: Output, *, user_id: UUID, until: datetime, reason: str) -> None:
    """Put a user on Pro without a subscription, until a date."""
    actor = current_actor()
    _show(output, lambda services: services.admin.users.grant_pro(actor, user_id, until=until, reason=reason))


@users.command("revoke-pro")
@_USER_ID
@click.pass_obj
def revoke_pro(output: Output, *, user_id: UUID) -> None:
    """End a granted Pro; a subscription goes on."""
    actor = current_actor()
    _show(output, lambda services: services.admin.users.end_grant(actor, user_id))


@users.command(
    epilog="""\b
Examples:
  python -m app users limit 01900000-0000-7000-8000-000000000000 --messages 50 --reason "tester"
  python -m app users limit 01900000-0000-7000-8000-000000000000 --default --reason "test has ended"
"""
)
@_USER_ID
@click.option("--messages", type=click.IntRange(0, 1_000_000), help="Messages of a day on Basic.")
@click.option("--default", "is_default", is_flag=True, help="The limit of the settings.")
@_REASON
@click.pass_obj
def limit(output: Output, *, user_id: UUID, messages: int | None, is_default: bool, reason: str) -> None:
    """Set a user's own daily limit on Basic."""
    if is_default == (messages is not None):
        raise click.UsageError("Give --messages, or --default.")
    actor = current_actor()
    _show(
        output,
        lambda services: services.admin.users.set_limit(
            actor, user_id, messages_per_day=messages, reason=reason
        ),
    )


@users.command()
@_USER_ID
@_REASON
@click.pass_obj
def ban(output: Output, *, user_id: UUID, reason: str) -> None:
    """Refuse all requests of a user within 5 s, and cancel the unfinished replies."""
    actor = current_actor()
    _show(output, lambda services: services.admin.users.ban(actor, user_id, reason=reason))


@users.command()
@_USER_ID
@click.pass_obj
def unban(output: Output, *, user_id: UUID) -> None:
    """End a ban."""
    actor = current_actor()
    _show(output, lambda services: services.admin.users.unban(actor, user_id))


@users.command("end-sessions")
@_USER_ID
@click.pass_obj
def end_sessions(output: Output, *, user_id: UUID) -> None:
    """End all sessions of a user within 5 s."""
    actor = current_actor()
    ended = operate(lambda services: services.admin.users.end_sessions(actor, user_id))
    output.show({"ended": ended}, f"{ended} sessions have ended.")


def _show(output: Output, work: Callable[[OperatorServices], Awaitable[AdminUser]]) -> None:
    user = operate(work).model_dump(mode="json")
    usage = user["usage"]
    limit = "no limit" if usage["limit"] is None else f"of {usage['limit']}"
    shown = {name: value for name, value in user.items() if name != "usage"}
    output.show({"user": user}, *details(shown | {"messages_of_the_day": f"{usage['used']} {limit}"}))
