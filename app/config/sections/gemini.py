"""Settings of Gemini: key, models, limits of a reply."""

from typing import ClassVar

from pydantic import SecretStr, field_validator

from app.config.forms import (
    CommaSeparated,
    Count,
    HeaderSecret,
    PathPart,
    PositiveCount,
    PositiveSeconds,
    WebAddress,
    path_part,
)
from app.config.sections.base import Section


class GeminiSettings(Section):
    """Gemini's API and models."""

    section_title: ClassVar[str] = "Gemini"

    gemini_api_key: HeaderSecret = SecretStr("")
    """Key of Google AI Studio; `./dev run` and docker-compose use the sandbox if neither this nor
    `GEMINI_BASE_URL` is set."""
    gemini_base_url: WebAddress = "https://generativelanguage.googleapis.com"
    """Address of Gemini's API, or of a sandbox."""
    gemini_api_version: PathPart = "v1beta"
    """Version of Gemini's API."""
    gemini_model: PathPart = "gemini-3.8-flash"
    """Model of chatrooms that name none, or one that is no longer offered."""
    gemini_models: CommaSeparated = ()
    """Comma-separated further models that a chatroom may name."""
    gemini_timeout_seconds: PositiveSeconds = 120
    """Timeout of one attempt at a reply, in seconds."""
    gemini_max_output_tokens: PositiveCount = 8192
    """Maximum length of a reply, in tokens."""
    context_token_budget: Count = 32_000
    """Maximum length of the conversation that is sent to Gemini, in estimated tokens."""

    @field_validator("gemini_models")
    @classmethod
    def _model_names(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(path_part, models))
