"""Outcomes of an attempt at a reply, with the error texts that users read."""

from dataclasses import dataclass, replace
from typing import ClassVar

from app.gemini_client import Completion, FinishReason, ModelFailure, TokenUsage
from app.models import MessageStatus
from app.repositories.leases import ReplyEnd

_FAILURES = {
    ModelFailure.TIMEOUT: "The model took too long to answer. Try again.",
    ModelFailure.UNAVAILABLE: "The model is not available right now. Try again later.",
    ModelFailure.RATE_LIMITED: "The model is busy. Try again later.",
    ModelFailure.QUOTA_EXHAUSTED: "The service has used up its share of the model for now. Try again later.",
    ModelFailure.INTERRUPTED: "The answer broke off. Try again.",
    ModelFailure.EMPTY: "The model gave no answer. Try again.",
    ModelFailure.REJECTED: "The model did not accept this conversation.",
    ModelFailure.NOT_CONFIGURED: "The service's access to the model is not set up.",
}
_BLOCKS = {
    FinishReason.PROMPT_BLOCKED: "The model refused this message.",
    FinishReason.SAFETY: "The answer was withheld by the model's safety rules.",
    FinishReason.RECITATION: "The answer was withheld because it repeats protected text.",
}


@dataclass(frozen=True, slots=True)
class RetryLater:
    """A failure of the model after which another attempt is due."""

    name: ClassVar[str] = "retry"

    after_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Released:
    """An attempt that this process cannot finish; another attempt is due at once."""

    name: ClassVar[str] = "released"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a reply."""

    status: MessageStatus
    error_code: str | None = None
    error_detail: str | None = None
    last_error: str | None = None
    finish_reason: FinishReason | None = None
    usage: TokenUsage | None = None
    time_to_first_token: float | None = None
    bytes_per_token: float | None = None

    @property
    def name(self) -> str:
        """The status, as the name of this attempt's outcome."""
        return self.status.value

    def with_completion(
        self, completion: Completion, *, time_to_first_token: float | None, bytes_per_token: float | None
    ) -> "Outcome":
        """Return this outcome with the finish reason and usage of the completion. Times in seconds."""
        return replace(
            self,
            finish_reason=completion.finish_reason,
            usage=completion.usage,
            time_to_first_token=time_to_first_token,
            bytes_per_token=bytes_per_token,
        )

    def as_end(self, *, content: str, model: str | None, duration: float) -> ReplyEnd:
        """Return the columns to write. `model`: the model that was called; `duration` in seconds."""
        usage, first = self.usage, self.time_to_first_token
        return ReplyEnd(
            status=self.status,
            content=content,
            model=model,
            error_code=self.error_code,
            error_detail=self.error_detail,
            last_error=self.last_error,
            finish_reason=self.finish_reason.value if self.finish_reason else None,
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            thinking_tokens=usage.thinking_tokens if usage else None,
            time_to_first_token_ms=None if first is None else round(first * 1000),
            duration_ms=round(duration * 1000),
        )


AnyOutcome = Outcome | RetryLater | Released
"""Every outcome of an attempt."""


def failed(failure: ModelFailure, reason: str) -> Outcome:
    """Return the end of a reply that the model failed to answer. `reason` is for operators."""
    return Outcome(
        MessageStatus.FAILED,
        error_code=failure.value,
        error_detail=_FAILURES[failure],
        last_error=reason,
    )


def worker_lost() -> Outcome:
    """Return the end of a reply that has lost its worker too often."""
    return Outcome(
        MessageStatus.FAILED,
        error_code="worker_lost",
        error_detail="The answer could not be finished. Try again.",
    )


def crashed(reason: str) -> Outcome:
    """Return the end of a reply after an unexpected error. `reason` is for operators."""
    return Outcome(
        MessageStatus.FAILED,
        error_code="internal_error",
        error_detail="Something went wrong on our side. Try again.",
        last_error=reason,
    )


def cancelled() -> Outcome:
    """Return the end of a reply that the user cancelled; the text so far is kept."""
    return Outcome(MessageStatus.CANCELLED)


def blocked(completion: Completion) -> Outcome:
    """Return the end of a reply that the model refused or withheld."""
    return Outcome(
        MessageStatus.BLOCKED,
        error_code=f"blocked_{completion.finish_reason.value}",
        error_detail=_BLOCKS[completion.finish_reason],
    )


ERROR_CODES = (
    *(failure.value for failure in ModelFailure),
    *(f"blocked_{reason.value}" for reason in FinishReason if reason.is_blocked),
    "worker_lost",
    "internal_error",
)
"""Every `error.code` of a reply."""
