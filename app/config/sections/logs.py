"""Settings of logs and metrics."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, field_validator

from app.config.forms import AnyCase, HeaderSecret
from app.config.sections.base import Section


class LogFormat(StrEnum):
    """The form of a log line."""

    JSON = "json"
    CONSOLE = "console"


class LogSettings(Section):
    """Logs and metrics."""

    section_title: ClassVar[str] = "Logs and metrics"

    log_level: str = "info"
    """`debug`, `info`, `warning`, `error` or `critical`; options such as `--loglevel` do not change it."""
    log_format: Annotated[LogFormat | None, AnyCase] = None
    """`json` (one object a line) or `console` (short lines); if empty, `console` on a terminal and `json`
    otherwise."""
    metrics_token: HeaderSecret = SecretStr("")
    """Bearer token of `/metrics`; if empty, `/metrics` answers 404."""
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Port on which a worker serves `/metrics` and `/health/live`; 0 for none. The API serves them on its own
    port and ignores this."""

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error", "critical"):
            raise ValueError("must be one of debug, info, warning, error, critical")
        return value.lower()
