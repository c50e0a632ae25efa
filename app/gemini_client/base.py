"""What the product asks of a language model."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from app.models import Role


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation to be continued; the last turn is the person's."""

    model: str
    turns: tuple[Turn, ...]
    system_instruction: str | None = None
    max_output_tokens: int = 8192


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next characters of the answer, byte for byte as the model gave them."""

    text: str


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    MAX_TOKENS = "max_tokens"
    SAFETY = "safety"
    RECITATION = "recitation"
    PROMPT_BLOCKED = "prompt_blocked"
    OTHER = "other"

    @property
    def is_blocked(self) -> bool:
        """Whether the model refused rather than answered; an ending for another reason is no refusal."""
        return self in (FinishReason.SAFETY, FinishReason.RECITATION, FinishReason.PROMPT_BLOCKED)


MAX_TOKEN_COUNT = 2**31 - 1
"""The greatest count that is believed, and that a reply's row can hold."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as Gemini counts and bills them; none negative or above `MAX_TOKEN_COUNT`."""

    input_tokens: int
    output_tokens: int
    thinking_tokens: int

    def updated(self, later: "TokenUsage") -> "TokenUsage":
        """Return these counts with those that `later` states; a zero states nothing."""
        return TokenUsage(
            later.input_tokens or self.input_tokens,
            later.output_tokens or self.output_tokens,
            later.thinking_tokens or self.thinking_tokens,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """The end of an answer: the last thing a stream yields, exactly once."""

    finish_reason: FinishReason
    usage: TokenUsage


class ModelFailure(StrEnum):
    """Why there is no answer; a reply's stable `error.code`."""

    TIMEOUT = "model_timeout"
    UNAVAILABLE = "model_unavailable"
    RATE_LIMITED = "model_rate_limited"
    QUOTA_EXHAUSTED = "model_quota_exhausted"
    INTERRUPTED = "model_interrupted"
    EMPTY = "model_answer_empty"
    REJECTED = "model_request_rejected"
    NOT_CONFIGURED = "model_not_configured"


class ModelError(Exception):
    """A failed attempt: whether another one makes sense, and not before how many seconds."""

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
        """Whether the prompt may have reached the model; False if there was no connection."""


class ChatModel(Protocol):
    """A model that streams. One client per process, used on one event loop."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[TextDelta | TokenUsage | Completion, None]:
        """Yield pieces of text and the token counts so far, then one `Completion`.

        A count covers all text that was yielded before it; one that is 0 was not stated.

        Cancelling the task that awaits the next item ends the request at once.

        Raises:
            ModelError: the attempt failed, also in the middle of the text.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
