"""The command `reconcile`: all subscriptions as Stripe has them."""

import click

from app.bootstrap.operator import OperatorServices
from app.cli.commands import command
from app.cli.output import Output, table
from app.cli.progress import CountLine
from app.cli.running import current_actor, operate
from app.services.billing.reconciliation import MAX_CANCELLATIONS
from app.services.billing.subscription_drift import Drift
from app.services.billing.sync_preview import StoredState


@command(
    epilog="""\b
Examples:
  python -m app reconcile --dry-run
  python -m app reconcile

\b
A worker does the same every hour. With --dry-run nothing is changed, neither here nor at Stripe.
"""
)
@click.option("--dry-run", is_flag=True, help="Only show what would be repaired.")
@click.pass_obj
def reconcile(output: Output, *, dry_run: bool) -> None:
    """Compare all subscriptions with Stripe, and repair them."""
    line = CountLine()

    def show(drift: Drift) -> None:
        line.show(f"{drift.compared} subscriptions compared, {drift.repaired} repaired")

    async def work(services: OperatorServices) -> Drift:
        if dry_run:
            return await services.reconciliation.preview(on_progress=show)
        return await services.reconciliation.run_for(current_actor(), on_progress=show)

    try:
        drift = operate(work)
    finally:
        line.end()
    document = {
        "dry_run": dry_run,
        "compared": drift.compared,
        "repaired": drift.repaired,
        "planned": drift.planned,
        "to_cancel": sorted(drift.to_cancel),
        "unresolved": drift.unresolved,
        "ignored": drift.ignored,
    }
    output.show(
        document, *(_planned_lines(drift) if dry_run else _repaired_lines(drift)), *_left_lines(drift)
    )


def _planned_lines(drift: Drift) -> list[str]:
    rows = [
        (
            each.subscription_id,
            each.user_id,
            _state(each.before),
            _state(each.after),
            ", ".join(each.to_cancel),
        )
        for each in drift.planned
    ]
    head = f"{len(drift.planned)} of {drift.compared} subscriptions would be repaired. Nothing was changed."
    if not rows:
        return [head]
    columns = ("SUBSCRIPTION", "USER", "STORED", "AT STRIPE", "WOULD CANCEL")
    return [*table(columns, rows, empty=""), head]


def _repaired_lines(drift: Drift) -> list[str]:
    return [f"{drift.repaired} of {drift.compared} subscriptions were repaired."]


def _left_lines(drift: Drift) -> list[str]:
    lines = [
        f"{count} live subscriptions are left unchanged: {reason.value.replace('_', ' ')}."
        for reason, count in sorted(drift.unresolved.items())
    ]
    if len(drift.to_cancel) > MAX_CANCELLATIONS:
        lines.append(
            f"{len(drift.to_cancel)} would be cancelled at Stripe; more than {MAX_CANCELLATIONS} at once are"
            " never cancelled, because the database may be the wrong one."
        )
    return lines


def _state(state: StoredState | None) -> str:
    if state is None:
        return "-"
    end = "" if state.current_period_end is None else f" until {state.current_period_end:%Y-%m-%d}"
    return f"{state.status}{end}{', ends then' if state.cancel_at_period_end else ''}"
