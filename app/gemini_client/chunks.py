"""The chunks of an answer's stream, with the fields that this service reads (GenerateContentResponse)."""

import json
from typing import Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from app.gemini_client.api_errors import ErrorResponse


class _Part(BaseModel):
    text: str | None = None
    thought: bool | None = None


class _Content(BaseModel):
    parts: list[_Part] | None = None


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, hide_input_in_errors=True)


class Candidate(_Camel):
    """One of the alternative answers; only one is requested."""

    index: int | None = None
    content: _Content | None = None
    finish_reason: str | None = None


class _PromptFeedback(_Camel):
    block_reason: str | None = None


class UsageMetadata(_Camel):
    """Cumulative token counts."""

    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None


class Chunk(_Camel):
    """One event of the stream; all fields are optional."""

    candidates: list[Candidate] | None = None
    prompt_feedback: _PromptFeedback | None = None
    usage_metadata: UsageMetadata | None = None

    @property
    def has_content(self) -> bool:
        """Whether it is part of an answer; gateways send empty objects to keep a connection open."""
        return bool(self.candidates or self.usage_metadata)

    @classmethod
    def parse(cls, event: bytes) -> Self:
        """Read the JSON of an event.

        Raises:
            ErrorResponse: the event is an error.
            ValueError: it is not JSON, or not of this form.
            RecursionError: it is nested too deeply.
        """
        body = json.loads(event)
        if isinstance(body, dict) and "error" in body:
            raise ErrorResponse(None, body)
        return cls.model_validate(body)
