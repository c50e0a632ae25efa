"""The settings of the log alone, for what runs without all settings: a migration, and a refusal to start."""

import os
from contextlib import suppress

from pydantic import ValidationError

from app.config.dotenv_file import dotenv_variables
from app.config.sections import LogSettings
from app.config.texts import trimmed
from app.log_lines.plain import report_refusal


def log_options() -> LogSettings:
    """Read `LOG_LEVEL` and `LOG_FORMAT` from the environment or `.env`; a malformed one counts as empty."""
    given = {**os.environ}
    with suppress(OSError, UnicodeDecodeError):
        given = {**dotenv_variables(), **{k: v for k, v in given.items() if v}}
    options = LogSettings()
    for field in ("log_level", "log_format"):
        if value := trimmed(given.get(field.upper()) or ""):
            with suppress(ValidationError):
                options = LogSettings.model_validate({**options.model_dump(), field: value})
    return options


def refuse_to_start(*problems: str, heading: str = "") -> None:
    """Tell on stderr why this process does not start, in the form of its log."""
    report_refusal(problems, heading=heading, chosen_form=log_options().log_format)
