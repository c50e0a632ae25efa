"""The help of the command line: complete, quick, and as documented."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.cli.output import Output
from app.cli.program import NAME, program
from tests.support.process import ROOT

_PAGE = (ROOT / "docs" / "administration.md").read_text().partition("\n## Command line\n")[2]
_PAGE, _, _DOCUMENTS = _PAGE.partition("\n### JSON documents\n")


def _commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield all commands, with the words that name each."""
    context = click.Context(group, obj=Output())
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


_ALL = dict(_commands(program))
_LEAVES = {path: command for path, command in _ALL.items() if not isinstance(command, click.Group)}


def _help(*words: str) -> str:
    done = CliRunner().invoke(program, [*words, "--help"], obj=Output(), prog_name=NAME)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("path", list(_ALL), ids=" ".join)
def test_the_help_of_each_command_says_what_it_does(path: tuple[str, ...]) -> None:
    shown = _help(*path)
    assert f"Usage: {NAME} {' '.join(path)} [OPTIONS]" in shown
    assert "--json" in shown
    sentence = shown.splitlines()[2].strip()
    assert sentence[0].isupper()
    for parameter in _ALL[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.name} has no help"


def test_the_groups_say_the_first_sentences_of_their_commands() -> None:
    """The help of the program does not import its commands."""
    shown = " ".join(_help().split())
    for (name, *rest), command in _ALL.items():
        if not rest:
            assert command.help is not None
            assert f"{name} {' '.join(command.help.split(chr(10) * 2)[0].split())}" in shown


@pytest.mark.parametrize("path", [(), *_ALL], ids=" ".join)
def test_each_example_in_the_help_can_be_parsed(path: tuple[str, ...]) -> None:
    command = _ALL.get(path, program)
    for line in (command.epilog or "").splitlines():
        if line.strip().startswith(NAME):
            words = re.findall(r'"[^"]*"|\S+', line.strip().removeprefix(NAME))
            _parse(program, [word.strip('"') for word in words])


def _parse(command: click.Command, words: list[str]) -> None:
    """Parse the words as the program does, without running the command."""
    context = click.Context(command, obj=Output())
    rest = command.parse_args(context, words)
    if isinstance(command, click.Group):
        _, found, further = command.resolve_command(context, [*context._protected_args, *context.args])  # noqa: SLF001  # click's way to the next word
        assert found is not None, rest
        _parse(found, further)


def test_the_page_has_each_command_and_no_other() -> None:
    documented = re.findall(r"^\| `([a-z- ]+)` \|", _PAGE, re.MULTILINE)
    assert sorted(documented) == sorted(" ".join(path) for path in _LEAVES)


def test_the_page_has_the_document_of_each_command() -> None:
    documented = re.findall(r"^\| `([a-z- ]+)` \|", _DOCUMENTS, re.MULTILINE)
    assert sorted(documented) == sorted(" ".join(path) for path in _LEAVES)


@pytest.mark.parametrize("path", list(_LEAVES), ids=" ".join)
def test_the_page_names_only_options_that_exist(path: tuple[str, ...]) -> None:
    [row] = [line for line in _PAGE.splitlines() if line.startswith(f"| `{' '.join(path)}` |")]
    known = {name for parameter in _LEAVES[path].params for name in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", row)) <= known


def test_the_help_loads_neither_the_database_nor_the_settings(tmp_path: Path) -> None:
    """Red if the program imports its commands before they are needed."""
    code = (
        "import sys; from app.cli.program import main; main(['--help']);"
        " sys.exit(bool({'sqlalchemy', 'pydantic', 'celery'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0
