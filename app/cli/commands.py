"""Commands and groups that all know `--json`, before and after their names, and load on use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from app.cli.output import Output


def _as_json(context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's signature
    if value:
        context.ensure_object(Output).as_json = True


def _json_option() -> click.Option:
    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=_as_json,
        help="Print one JSON document instead of a table.",
    )


class Command(click.Command):
    """A command with `--json`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  # passed on unchanged
        super().__init__(*arguments, **options)
        self.params.append(_json_option())


class Group(click.Group):
    """A group with `--json`."""

    command_class = Command

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  # passed on unchanged
        super().__init__(*arguments, **options)
        self.params.append(_json_option())


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """A command in a module that is imported when the command runs; `summary` is its sentence in the help."""

    module: str
    attribute: str
    summary: str

    def load(self) -> click.Command:
        """Import the command."""
        command = getattr(import_module(self.module), self.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.module}.{self.attribute} is no command")
        return command


class LazyGroup(Group):
    """A group whose help lists sections of commands without importing them."""

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401  # passed on unchanged
        sections: Mapping[str, Mapping[str, LazyCommand]],
        **options: Any,  # noqa: ANN401  # the same
    ) -> None:
        super().__init__(*arguments, **options)
        self.sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names in the order of the help."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # the same
        """Import a command."""
        for commands in self.sections.values():
            if cmd_name in commands:
                return commands[cmd_name].load()
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # the same
        """Write each section with its commands."""
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, command.summary) for name, command in commands.items()])


def command(*arguments: Any, **options: Any) -> Callable[[Callable[..., Any]], Command]:  # noqa: ANN401  # passed on
    """Declare a command outside of a group, as `click.command` does."""
    return click.command(*arguments, cls=Command, **options)


def group(*arguments: Any, **options: Any) -> Callable[[Callable[..., Any]], Group]:  # noqa: ANN401  # passed on
    """Declare a group, as `click.group` does."""
    return click.group(*arguments, cls=Group, **options)
