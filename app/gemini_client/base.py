"""The protocol of a streaming chat model, with its prompts, results and errors."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from app.models import Role


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation that the model continues; the last turn is the user's."""

    model: str
    turns: tuple[Turn, ...]
    system_instruction: str | None = None
    max_output_tokens: int = 8192


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next characters of the answer, exactly as the model sent them."""

    text: str


class FinishReason(StrEnum):
    """The reason why an answer ended."""

    STOP = "stop"
    MAX_TOKENS = "max_tokens"
    SAFETY = "safety"
    RECITATION = "recitation"
    PROMPT_BLOCKED = "prompt_blocked"
    OTHER = "other"

    @property
    def is_blocked(self) -> bool:
        """Whether the model refused the prompt or its answer was withheld."""
        return self in (FinishReason.SAFETY, FinishReason.RECITATION, FinishReason.PROMPT_BLOCKED)


MAX_TOKEN_COUNT = 2**31 - 1
"""The greatest count that is accepted, and that a reply's row can store."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the model counts and bills them, each from 0 to `MAX_TOKEN_COUNT`."""

    input_tokens: int
    output_tokens: int
    thinking_tokens: int

    def updated(self, later: "TokenUsage") -> "TokenUsage":
        """Return these counts, replaced by those of `later` that are not 0."""
        return TokenUsage(
            later.input_tokens or self.input_tokens,
            later.output_tokens or self.output_tokens,
            later.thinking_tokens or self.thinking_tokens,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """The end of an answer: the last item of a stream, exactly once."""

    finish_reason: FinishReason
    usage: TokenUsage


class ModelFailure(StrEnum):
    """The kind of a failed attempt; its value is the stable `error.code` of the reply."""

    TIMEOUT = "model_timeout"
    UNAVAILABLE = "model_unavailable"
    RATE_LIMITED = "model_rate_limited"
    QUOTA_EXHAUSTED = "model_quota_exhausted"
    INTERRUPTED = "model_interrupted"
    EMPTY = "model_answer_empty"
    REJECTED = "model_request_rejected"
    NOT_CONFIGURED = "model_not_configured"


class ModelError(Exception):
    """A failed attempt. `retry_after`: seconds before which a retry makes no sense."""

    def __init__(
        self,
        failure: ModelFailure,
        reason: str,
        *,
        retryable: bool,
        retry_after: float | None = None,
        is_sent: bool = True,
    ) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason
        self.retryable = retryable
        self.retry_after = retry_after
        self.is_sent = is_sent
        """Whether the prompt may have reached the model; False if no connection was made."""


class ChatModel(Protocol):
    """A streaming model. One client per process, used on one event loop."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[TextDelta | TokenUsage | Completion, None]:
        """Yield the text in chunks with the token counts so far, then one `Completion`.

        A count covers all text yielded before it; a count of 0 is unknown. Cancelling the task that awaits
        the next item ends the request at once.

        Raises:
            ModelError: the attempt failed, possibly in the middle of the text.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
