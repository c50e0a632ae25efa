"""The commands `replies`: list, show, retry and cancel replies."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import click

from app.bootstrap.operator import OperatorServices
from app.cli.commands import group
from app.cli.confirmation import require_confirmation
from app.cli.failures import ExitCode
from app.cli.output import Output, details, fields_of, table
from app.cli.parameters import DURATION, LIMIT
from app.cli.progress import each_of, exit_code_of, failure_lines
from app.cli.running import current_actor, operate
from app.models import MessageStatus
from app.repositories.reply_administration import ReplyFilter, ReplySummary
from app.services.operations.reply_results import CancelledReplies, CancelOutcome

_DEFAULT_SINCE: Final = timedelta(days=1)
_UNFINISHED: Final = frozenset({MessageStatus.PENDING, MessageStatus.GENERATING})
_REASON_HELP: Final = "For the audit log: no name, number or address."


@group()
def replies() -> None:
    """List, show, retry and cancel replies."""


@replies.command(
    "list",
    epilog="""\b
Examples:
  python -m app replies list --status failed --since 1h
  python -m app replies list --status pending --status generating
  python -m app replies list --user 01900000-0000-7000-8000-000000000000 --error model_not_configured
""",
)
@click.option(
    "--status",
    "statuses",
    type=click.Choice([each.value for each in MessageStatus]),
    multiple=True,
    help="Only replies of this status; may be repeated.",
)
@click.option(
    "--since",
    type=DURATION,
    help="Only replies that ended, or were stored, in this time; 1d unless all of --status are unfinished.",
)
@click.option("--user", "user_id", type=click.UUID, help="Only replies to this user.")
@click.option("--error", "error_code", help="Only replies with this error code.")
@click.option("--limit", type=LIMIT, default=50, show_default=True, help="At most so many, the newest first.")
@click.pass_obj
def list_replies(
    output: Output,
    *,
    statuses: tuple[str, ...],
    since: timedelta | None,
    user_id: UUID | None,
    error_code: str | None,
    limit: int,
) -> None:
    """List replies, the newest first, without their texts."""
    wanted_statuses = frozenset(map(MessageStatus, statuses))
    if since is None and not (wanted_statuses and wanted_statuses <= _UNFINISHED):
        since = _DEFAULT_SINCE
    wanted = ReplyFilter(statuses=wanted_statuses, since=since, user_id=user_id, error_code=error_code)
    found = operate(lambda services: services.replies.find(wanted, limit=limit))
    rows = [
        (each.id, each.status, each.error_code, each.user_id, each.model, each.attempt, each.created_at)
        for each in found
    ]
    columns = ("ID", "STATUS", "ERROR", "USER", "MODEL", "ATTEMPT", "CREATED (UTC)")
    output.show({"replies": found}, *table(columns, rows, empty="No reply."))


@replies.command()
@click.argument("reply_id", metavar="ID", type=click.UUID)
@click.option("--text", is_flag=True, help="Show the texts, too; recorded, and shown in the user's export.")
@click.option("--reason", help="Why the texts have to be read; required for --text. " + _REASON_HELP)
@click.pass_obj
def show(output: Output, *, reply_id: UUID, text: bool, reason: str | None) -> None:
    """Show a reply: its state, its attempts and its errors."""
    if text and not (reason or "").strip():
        raise click.UsageError("--text needs --reason: the user's export shows it.")

    async def work(services: OperatorServices) -> tuple[ReplySummary, dict[str, str]]:
        found = await services.replies.get(reply_id=reply_id)
        texts = {}
        if text and reason is not None:
            for name, message_id in (("message_text", found.message_id), ("reply_text", found.id)):
                read = await services.admin.message_texts.read(current_actor(), message_id, reason=reason)
                texts[name] = read.content
        return found, texts

    found, texts = operate(work)
    document = fields_of(found) | texts
    output.show({"reply": document}, *details(document))


@replies.command(
    epilog="""\b
Examples:
  python -m app replies retry 01900000-0000-7000-8000-000000000000
  python -m app replies retry --failed-since 2h --error model_not_configured --yes

\b
A waiting reply is due now, with all its retries. A failed one, which has to be the newest of its
room, is superseded by a new reply to the same message, which is not charged.
"""
)
@click.argument("reply_ids", metavar="[ID]...", type=click.UUID, nargs=-1)
@click.option("--failed-since", type=DURATION, help="All replies that failed in this time.")
@click.option("--error", "error_code", help="With --failed-since: only those with this error code.")
@click.option("--reason", help=_REASON_HELP)
@click.option("--yes", is_flag=True, help="Do not ask for a confirmation.")
@click.pass_obj
def retry(
    output: Output,
    *,
    reply_ids: tuple[UUID, ...],
    failed_since: timedelta | None,
    error_code: str | None,
    reason: str | None,
    yes: bool,
) -> int:
    """Retry replies that wait or have failed."""
    if bool(reply_ids) == (failed_since is not None):
        raise click.UsageError("Name the ids of replies, or --failed-since.")
    if error_code is not None and failed_since is None:
        raise click.UsageError("--error goes with --failed-since.")
    skipped = 0
    if failed_since is not None:
        found = operate(
            lambda services: services.replies.find_failed(since=failed_since, error_code=error_code)
        )
        reply_ids = tuple(each.id for each in found if each.is_latest)
        skipped = len(found) - len(reply_ids)
        require_confirmation(output, f"Retry {len(reply_ids)} replies?", is_given=yes or not reply_ids)
    actor = current_actor()
    # The oldest first, so that the queue is in the order of the messages.
    outcomes = operate(
        lambda services: each_of(
            sorted(reply_ids),
            lambda reply_id: services.replies.retry(actor, reply_id=reply_id, reason=reason),
            label="Retrying",
        )
    )
    lines = [f"{len(outcomes.done)} of {len(reply_ids)} replies are retried."]
    if skipped:
        lines.append(f"{skipped} others are not the newest of their rooms, and stay failed.")
    output.show(
        {"retried": outcomes.done, "failed": outcomes.failed, "skipped": skipped},
        *lines,
        *failure_lines(outcomes),
    )
    return exit_code_of(outcomes)


@replies.command(
    epilog="""\b
Examples:
  python -m app replies cancel 01900000-0000-7000-8000-000000000000
  python -m app replies cancel --user 01900000-0000-7000-8000-000000000001
"""
)
@click.argument("reply_ids", metavar="[ID]...", type=click.UUID, nargs=-1)
@click.option("--user", "user_id", type=click.UUID, help="All unfinished replies to this user.")
@click.option("--reason", help=_REASON_HELP)
@click.pass_obj
def cancel(output: Output, *, reply_ids: tuple[UUID, ...], user_id: UUID | None, reason: str | None) -> int:
    """Cancel replies: waiting ones at once, running ones through their workers."""
    if bool(reply_ids) == (user_id is not None):
        raise click.UsageError("Name the ids of replies, or --user.")
    actor = current_actor()
    if user_id is not None:
        of_user: CancelledReplies = operate(
            lambda services: services.replies.cancel_all_of(actor, user_id=user_id, reason=reason)
        )
        output.show(
            {"user": of_user},
            f"{of_user.cancelled} replies are cancelled, and {of_user.requested} by their workers.",
        )
        return ExitCode.DONE
    outcomes = operate(
        lambda services: each_of(
            reply_ids,
            lambda reply_id: services.replies.cancel(actor, reply_id=reply_id, reason=reason),
            label="Cancelling",
        )
    )
    names = {outcome: outcome.value.replace("_", " ") for outcome in CancelOutcome}
    lines = [f"{each.reply_id}: {names[each.outcome]}" for each in outcomes.done]
    output.show({"replies": outcomes.done, "failed": outcomes.failed}, *lines, *failure_lines(outcomes))
    return exit_code_of(outcomes)
