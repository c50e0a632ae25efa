"""The output of a command: a table, or one JSON document."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from uuid import UUID

import click

Document = Mapping[str, object]
_GAP = "  "


@dataclass
class Output:
    """The form of the output, which `--json` decides."""

    as_json: bool = False
    is_verbose: bool = False
    has_printed: bool = False

    def show(self, document: Document, *lines: str) -> None:
        """Print the document with `--json`, otherwise the lines; call it once."""
        if self.as_json:
            click.echo(json.dumps(_plain(document), ensure_ascii=False, indent=2))
        else:
            for line in lines:
                click.echo(line)
        self.has_printed = True

    def show_failure(self, code: str, message: str) -> None:
        """Print a failure: one sentence on stderr, and with `--json` a document, unless there is one."""
        if self.as_json and not self.has_printed:
            self.show({"error": {"code": code, "message": message}})
        click.echo(f"Error: {message}", err=True)


def current_output() -> Output:
    """Return the output of the running command."""
    return click.get_current_context().ensure_object(Output)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> list[str]:
    """Return the lines of a table, or one line with `empty` if it has no rows."""
    if not rows:
        return [empty]
    cells = [list(columns), *([cell(value) for value in row] for row in rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(columns))]
    return [
        _GAP.join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def details(values: Document) -> list[str]:
    """Return the lines of a list of names and values."""
    width = max((len(name) for name in values), default=0)
    return [f"{name.replace('_', ' ').ljust(width)}{_GAP}{cell(value)}" for name, value in values.items()]


def cell(value: object) -> str:
    """Return a value as text of one line."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(cell, value)) or "-"
    text = " ".join(str(value).split())
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def fields_of(row: object) -> dict[str, object]:
    """Return the fields of a dataclass, in their order."""
    if not is_dataclass(row):
        raise TypeError(f"{type(row).__name__} is no dataclass")
    return {field.name: getattr(row, field.name) for field in fields(row)}


def _plain(value: object) -> object:
    """Return a value as JSON has it."""
    match value:
        case Mapping():
            plain: object = {str(_plain(name)): _plain(item) for name, item in value.items()}
        case datetime():
            plain = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            plain = value.isoformat()
        case timedelta():
            plain = value.total_seconds()
        case Enum():
            plain = value.value
        case UUID():
            plain = str(value)
        case list() | tuple() | set() | frozenset():
            plain = [_plain(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            plain = {name: _plain(item) for name, item in fields_of(value).items()}
        case _:
            plain = value
    return plain
