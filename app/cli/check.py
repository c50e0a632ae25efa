"""The command `check`: all settings and connections, with every problem at once."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from textwrap import shorten
from typing import Final

import click

from app.bootstrap.inspection import installation_check
from app.cli.commands import command
from app.cli.failures import CommandFailedError, ExitCode
from app.cli.logs import configure_logging
from app.cli.output import Output, cell
from app.config.description import SettingDescription, describe_settings
from app.config.dotenv_file import dotenv_problems, unreadable_dotenv
from app.config.loading import SettingsReading, read_settings
from app.services.operations.checks.report import CheckResult, CheckState

_MIN_WIDTH: Final = 100
_MARKS: Final = {CheckState.OK: "ok", CheckState.PROBLEM: "PROBLEM", CheckState.SKIPPED: "skipped"}
_LACKS_VALUE: Final = ("is missing", "is a sample")


@command(
    epilog="""\b
Examples:
  python -m app check
  python -m app check --offline --production
  python -m app check --json

\b
Exit code 1 if there is a problem. No message is sent, no token is spent, and nothing is changed.
"""
)
@click.option("--offline", is_flag=True, help="Skip Gemini, Stripe and the provider of text messages.")
@click.option("--production", is_flag=True, help="Report also what production would refuse.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the problems.")
@click.pass_obj
def check(output: Output, *, offline: bool, production: bool, quiet: bool) -> int:
    """Check all settings and connections, and name every problem.

    Prints each setting with its value (secrets only as set or not set), its source (environment, .env or
    default) and its meaning; then the state of the database, Redis, the broker, Gemini, Stripe, the provider
    of text messages, the workers and the queues; then each problem with its remedy. It takes at most 10 s.
    """
    configure_logging(is_verbose=output.is_verbose)
    if unreadable := unreadable_dotenv():  # missing settings may be in the file
        raise CommandFailedError(f"{unreadable}.", code="settings_unreadable")
    of_file, reading = dotenv_problems(), read_settings(as_production=production)
    settings = describe_settings(reading.settings, reading.malformed)
    results = asyncio.run(_connections(reading, is_offline=offline, as_production=production))
    problems = [
        *({"subject": ".env", "problem": f"{problem}."} for problem in of_file),
        *(
            {"subject": name, "problem": _sentence(name, problem, settings)}
            for name, problem in reading.problems
        ),
        *({"subject": result.name, "problem": problem} for result in results for problem in result.problems),
    ]
    document = {
        "ok": not problems,
        "settings": settings,
        "connections": [
            {"name": each.name, "state": each.state, "facts": each.facts, "problems": each.problems}
            for each in results
        ],
        "problems": problems,
    }
    lines = [] if quiet else [*_setting_lines(settings), "", *_connection_lines(results), ""]
    output.show(document, *lines, *_problem_lines(problems))
    return ExitCode.FAILED if problems else ExitCode.DONE


async def _connections(
    reading: SettingsReading, *, is_offline: bool, as_production: bool
) -> list[CheckResult]:
    async with installation_check(reading.settings, reading.malformed) as checks:
        return await checks.run(is_offline=is_offline, as_production=as_production)


def _sentence(name: str, problem: str, settings: Sequence[SettingDescription]) -> str:
    """Return a setting's problem; add its meaning if a value has to be found."""
    meanings = {each.name: each.meaning for each in settings}
    sentence = f"{name} {problem}"
    if problem.startswith(_LACKS_VALUE) and name in meanings and ":" not in problem:
        meaning = meanings[name].partition("; ")[0].rstrip(".")
        return f"{sentence}: set it to the {meaning[:1].lower()}{meaning[1:]}."
    return f"{sentence}."


def _setting_lines(settings: Sequence[SettingDescription]) -> list[str]:
    name_width = max(len(each.name) for each in settings)
    width = max(shutil.get_terminal_size((10_000, 0)).columns, _MIN_WIDTH)
    lines: list[str] = []
    for section, members in groupby(settings, key=lambda each: each.section):
        lines += ["", section] if lines else [section]
        for each in members:
            value = "not usable" if each.value is None else cell(each.value)
            head = f"  {each.name.ljust(name_width)}  {value}  ({each.source.value})  "
            meaning = shorten(each.meaning, max(width - len(head), 30), placeholder="…")
            lines.append(f"{head}{meaning}")
    return lines


def _connection_lines(results: Sequence[CheckResult]) -> list[str]:
    width = max(len(each.name) for each in results)
    return ["Connections"] + [
        f"  {each.name.ljust(width)}  {_MARKS[each.state].ljust(7)}  "
        + ", ".join(
            f"{name.replace('_', ' ')} {cell(value)}".removeprefix("reason ")
            for name, value in each.facts.items()
        )
        for each in results
    ]


def _problem_lines(problems: Sequence[dict[str, str]]) -> list[str]:
    if not problems:
        return ["No problem found."]
    count = Counter(problem["subject"] for problem in problems).total()
    title = "1 problem:" if count == 1 else f"{count} problems:"
    return [title, *(f"  - {problem['problem']}" for problem in problems)]
