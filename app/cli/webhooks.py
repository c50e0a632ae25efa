"""The commands `webhooks`: list and replay Stripe's stored events."""

from datetime import timedelta

import click

from app.cli.commands import group
from app.cli.confirmation import require_confirmation
from app.cli.output import Output, table
from app.cli.parameters import DURATION, LIMIT
from app.cli.progress import each_of, exit_code_of, failure_lines
from app.cli.running import current_actor, operate
from app.repositories.event_administration import EventFilter


@group()
def webhooks() -> None:
    """List and replay the events of Stripe."""


@webhooks.command(
    "list",
    epilog="""\b
Examples:
  python -m app webhooks list --unprocessed
  python -m app webhooks list --failed --since 1d
""",
)
@click.option("--unprocessed", is_flag=True, help="Only events that are not processed.")
@click.option("--failed", is_flag=True, help="Only events that were processed without success so far.")
@click.option("--since", type=DURATION, help="Only events received in this time.")
@click.option("--limit", type=LIMIT, default=50, show_default=True, help="At most so many, the newest first.")
@click.pass_obj
def list_events(
    output: Output, *, unprocessed: bool, failed: bool, since: timedelta | None, limit: int
) -> None:
    """List events, the newest first; processed ones are kept for 60 days."""
    wanted = EventFilter(is_unprocessed=unprocessed, has_failed=failed, since=since)
    found = operate(lambda services: services.webhooks.find(wanted, limit=limit))
    rows = [
        (
            each.id,
            each.type,
            each.subscription_id,
            each.received_at,
            each.processed_at,
            each.outcome,
            each.attempts,
        )
        for each in found
    ]
    columns = ("ID", "TYPE", "SUBSCRIPTION", "RECEIVED (UTC)", "PROCESSED (UTC)", "OUTCOME", "ATTEMPTS")
    output.show({"events": found}, *table(columns, rows, empty="No event."))


@webhooks.command(
    epilog="""\b
Examples:
  python -m app webhooks replay evt_1Abc
  python -m app webhooks replay --failed-since 1d --yes

\b
A worker processes the event again. It fetches the present state from Stripe, so a replay is safe at any time.
"""
)
@click.argument("event_ids", metavar="[EVENT_ID]...", nargs=-1)
@click.option("--failed-since", type=DURATION, help="All events received in this time that failed so far.")
@click.option("--reason", help="For the audit log: no name, number or address.")
@click.option("--yes", is_flag=True, help="Do not ask for a confirmation.")
@click.pass_obj
def replay(
    output: Output,
    *,
    event_ids: tuple[str, ...],
    failed_since: timedelta | None,
    reason: str | None,
    yes: bool,
) -> int:
    """Make events due again, processed or not."""
    if bool(event_ids) == (failed_since is not None):
        raise click.UsageError("Name the ids of events, or --failed-since.")
    if failed_since is not None:
        found = operate(lambda services: services.webhooks.find_failed(since=failed_since))
        event_ids = tuple(each.id for each in reversed(found))
        require_confirmation(output, f"Replay {len(event_ids)} events?", is_given=yes or not event_ids)
    actor = current_actor()
    outcomes = operate(
        lambda services: each_of(
            event_ids,
            lambda event_id: services.webhooks.replay(actor, event_id=event_id, reason=reason),
            label="Replaying",
        )
    )
    output.show(
        {"replayed": outcomes.done, "failed": outcomes.failed},
        f"{len(outcomes.done)} of {len(event_ids)} events are due again.",
        *failure_lines(outcomes),
    )
    return exit_code_of(outcomes)
