"""Failures of a command, and the exit codes."""

from enum import IntEnum

import click


class ExitCode(IntEnum):
    """The exit codes of every command; 3 is that of the other processes for refused settings."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2
    SETTINGS_REFUSED = 3
    INTERRUPTED = 130


class CommandFailedError(click.ClickException):
    """The command failed, or found problems; the message is one sentence for the operator."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class SettingsRefusedError(CommandFailedError):
    """The settings are refused; the message lists every problem."""

    exit_code = ExitCode.SETTINGS_REFUSED
