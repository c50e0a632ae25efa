"""Prepare the standard variables of OpenTelemetry, which its SDK reads by itself."""

import os
from typing import Final

from app.config.dotenv_file import dotenv_variables

_PREFIX: Final = "OTEL_"


def prepare_variables() -> None:
    """Let `.env` count like the environment, and an empty variable as not set, as for all settings."""
    given = {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)}
    for name, value in given.items():
        if not value.strip():
            del os.environ[name]
    for name, value in dotenv_variables().items():
        if name.startswith(_PREFIX) and value.strip() and not given.get(name, "").strip():
            os.environ[name] = value
