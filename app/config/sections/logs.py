"""Settings of logs, metrics and traces."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, field_validator

from app.config.forms import AnyCase, HeaderSecret, WebAddress
from app.config.sections.base import Section


class LogFormat(StrEnum):
    """The form of a log line."""

    JSON = "json"
    CONSOLE = "console"


class LogSettings(Section):
    """Logs, metrics and traces."""

    section_title: ClassVar[str] = "Logs, metrics and traces"

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
    otel_exporter_otlp_endpoint: WebAddress | None = None
    """Address of an OpenTelemetry collector that receives traces (OTLP over HTTP, as in
    `http://collector:4318`); if empty, there are no traces."""

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error", "critical"):
            raise ValueError("must be one of debug, info, warning, error, critical")
        return value.lower()
