"""The program: its commands, and the exit code of each failure."""

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from app import __version__
from app.cli.commands import LazyCommand, LazyGroup
from app.cli.failures import CommandFailedError, ExitCode
from app.cli.output import Output
from app.errors import AppError

NAME: Final = "python -m app"
_SECTIONS: Final = {
    "This installation": {
        "check": LazyCommand(
            "app.cli.check", "check", "Check all settings and connections, and name every problem."
        ),
        "migrate": LazyCommand("app.cli.migrate", "migrate", "Migrate the database to this version."),
        "purge": LazyCommand("app.cli.purge", "purge", "Erase the rows that are no longer needed, now."),
    },
    "Replies and payments": {
        "replies": LazyCommand("app.cli.replies", "replies", "List, show, retry and cancel replies."),
        "webhooks": LazyCommand("app.cli.webhooks", "webhooks", "List and replay the events of Stripe."),
        "reconcile": LazyCommand(
            "app.cli.reconcile", "reconcile", "Compare all subscriptions with Stripe, and repair them."
        ),
    },
    "Users and access": {
        "users": LazyCommand(
            "app.cli.users", "users", "Find accounts, grant Pro, set limits, ban, and end sessions."
        ),
        "keys": LazyCommand("app.cli.keys", "keys", "Create, list and revoke keys of the admin API."),
        "audit": LazyCommand("app.cli.audit", "audit", "List what operators did."),
    },
}
_EXAMPLES: Final = """\b
Examples:
  python -m app check
  python -m app replies list --status failed --since 1h
  python -m app replies retry --failed-since 2h --error model_not_configured
  python -m app --json webhooks list --unprocessed
  python -m app reconcile --dry-run
  python -m app users find +14155550123
  python -m app keys create support-desk --scope read --scope support

\b
Exit codes: 0 done; 1 the command failed, or found problems; 2 wrong usage;
3 the settings are refused, as by the other processes; 130 interrupted.
"""


def _version(context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's signature
    if value:
        click.echo(__version__)
        context.exit()


@click.command(
    cls=LazyGroup,
    sections=_SECTIONS,
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("-v", "--verbose", is_flag=True, help="Write the log to stderr.")
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version."
)
@click.pass_obj
def program(output: Output, *, verbose: bool) -> None:
    """Operate this installation: check it, repair it, and serve its users.

    The commands read the environment and the file .env of the working directory, as the other processes do,
    and work on the database, on Redis and on Stripe directly: the API need not run.
    """
    output.is_verbose = verbose


def main(arguments: Sequence[str]) -> int:
    """Run a command; return the exit code."""
    output = Output()
    try:
        code = program.main(args=list(arguments), prog_name=NAME, standalone_mode=False, obj=output)
    except Exception as error:  # noqa: BLE001  # the end of the program: each becomes a sentence
        return _end_of(error, output)
    except KeyboardInterrupt:
        return _end_of(click.Abort(), output)
    return code if isinstance(code, int) else ExitCode.DONE


def _end_of(error: Exception, output: Output) -> int:
    """Print a failure; return the exit code."""
    match error:
        case click.UsageError():
            error.show()
            return ExitCode.WRONG_USAGE
        case click.Abort():
            click.echo("Interrupted.", err=True)
            return ExitCode.INTERRUPTED
        case BrokenPipeError():
            return _end_of_a_closed_pipe()
        case CommandFailedError():
            output.show_failure(error.code, error.message)
            return error.exit_code
        case AppError():
            output.show_failure(error.code, _detail_of(error))
        case _ if output.is_verbose:
            raise error
        case _:
            sentence = f"{type(error).__name__}: {error} (-v shows the traceback)"
            output.show_failure("internal_error", sentence)
    return ExitCode.FAILED


def _detail_of(error: AppError) -> str:
    """Return the sentence of an expected failure, with the fields that it names."""
    fields = error.members.get("errors")
    problems = [each for each in fields if isinstance(each, dict)] if isinstance(fields, list) else []
    named = [f"{str(each['pointer']).strip('/').replace('_', ' ')} {each['message']}" for each in problems]
    return "; ".join(named) or error.detail


def _end_of_a_closed_pipe() -> int:
    """Let Python's last flush of stdout succeed although its reader has ended, as `| head` does."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.FAILED
