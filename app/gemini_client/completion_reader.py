"""Read an answer from the chunks of its stream: text, token counts and finish reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import structlog

from app.gemini_client.base import (
    MAX_TOKEN_COUNT,
    Completion,
    FinishReason,
    ModelError,
    ModelFailure,
    TextDelta,
    TokenUsage,
)
from app.gemini_client.chunks import Candidate, Chunk

_MAX_CHARS_PER_TOKEN: Final = 32  # about 4 on average; a long token is a run of one character
_MAX_REASON_CHARS = 60
_MAX_CHUNKS_AFTER_END = 100

# Google's values (generativelanguage and Vertex AI, Candidate.FinishReason). All others mean OTHER.
_FINISH_REASONS: Final = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.MAX_TOKENS,
    "CONTINUATION": FinishReason.MAX_TOKENS,
    "SAFETY": FinishReason.SAFETY,
    "PROHIBITED_CONTENT": FinishReason.SAFETY,
    "BLOCKLIST": FinishReason.SAFETY,
    "SPII": FinishReason.SAFETY,
    "MODEL_ARMOR": FinishReason.SAFETY,
    "IMAGE_SAFETY": FinishReason.SAFETY,
    "IMAGE_PROHIBITED_CONTENT": FinishReason.SAFETY,
    "RECITATION": FinishReason.RECITATION,
    "IMAGE_RECITATION": FinishReason.RECITATION,
}
_UNSPECIFIED: Final = ("FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED")
"""Defaults of Google's enumerations, which some gateways send: they mean unknown."""
_MISSING_SIGNATURE = "MISSING_THOUGHT_SIGNATURE"
_ACCOUNT_LIMITED = "PUP_LIMITED_DISABLED"
"""The account of the API key is limited or disabled for violations of Google's Prohibited Use Policy."""
_FINAL_WITHOUT_TEXT: Final = ("MAX_TOKENS", "CONTINUATION", "LANGUAGE", "ESCALATION")
"""Finish reasons that a retry would repeat if the answer has no text."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Ending:
    """The finish reason of an answer, and Google's name for it."""

    finish: FinishReason
    name: str

    @property
    def is_failed_attempt(self) -> bool:
        """Whether the model produced something other than an answer, such as a call of an unknown tool."""
        return (
            self.name.startswith("MALFORMED_")
            or self.name.endswith(("_CALL", "_CALLS"))
            or self.name == _MISSING_SIGNATURE
        )


class CompletionReader:
    """The state of one answer. It is complete after a finish reason; later chunks only add counts."""

    def __init__(self, max_output_tokens: int) -> None:
        self.usage = TokenUsage(0, 0, 0)
        self.has_text = False
        self._max_output_tokens = max_output_tokens
        self._chars_left = max_output_tokens * _MAX_CHARS_PER_TOKEN
        self._ending: _Ending | None = None
        self._is_last_unspecified = False
        self._chunks_after_end = self._chars_after_end = 0

    @property
    def is_complete(self) -> bool:
        """Whether a finish reason was read."""
        return self._ending is not None

    @property
    def is_over(self) -> bool:
        """Whether to stop reading: the answer exceeds its limit, or too many chunks follow its end."""
        return self._chars_left == 0 or self._chunks_after_end == _MAX_CHUNKS_AFTER_END

    def read(self, chunk: Chunk) -> Iterator[TextDelta | TokenUsage]:
        """Yield the text and counts of a chunk."""
        candidate = _first_candidate(chunk)
        if text := _text(candidate):
            if self.is_complete:
                self._chars_after_end += len(text)
            else:
                text = text[: self._chars_left]
                self.has_text, self._chars_left = True, self._chars_left - len(text)
                yield TextDelta(text)
        if counts := _usage(chunk):
            self.usage = self.usage.updated(counts)
            yield counts
        if self.is_complete:
            self._chunks_after_end += 1
        else:
            self._end(chunk, candidate)

    def _end(self, chunk: Chunk, candidate: Candidate | None) -> None:
        block = chunk.prompt_feedback.block_reason if chunk.prompt_feedback else None
        finish = candidate.finish_reason if candidate else None
        self._is_last_unspecified = finish is not None and finish in _UNSPECIFIED
        if block is not None and block not in _UNSPECIFIED:
            self._ending = _Ending(FinishReason.PROMPT_BLOCKED, block[:_MAX_REASON_CHARS])
        elif self._chars_left == 0:
            log.warning("model_answer_cut", max_output_tokens=self._max_output_tokens)
            self._ending = _Ending(FinishReason.MAX_TOKENS, "MAX_TOKENS")
        elif finish is not None and not self._is_last_unspecified:
            name = finish[:_MAX_REASON_CHARS]
            self._ending = _Ending(_FINISH_REASONS.get(name, FinishReason.OTHER), name)

    def result(self) -> Completion:
        """Return the end of the answer, after the last chunk.

        Raises:
            ModelError: the answer is incomplete or empty, or is no answer.
        """
        ending = self._ending
        if ending is None and self._is_last_unspecified:
            ending = _Ending(FinishReason.OTHER, _UNSPECIFIED[0])
        if ending is None:
            reason = "the stream ended without a finish reason"
            raise ModelError(ModelFailure.INTERRUPTED, reason, retryable=True)
        reason = f"finish reason {ending.name}"
        if ending.is_failed_attempt:
            failure = ModelFailure.INTERRUPTED if self.has_text else ModelFailure.EMPTY
            raise ModelError(failure, reason, retryable=True)
        if not ending.finish.is_blocked and not self.has_text:
            if ending.name == _ACCOUNT_LIMITED:
                raise ModelError(ModelFailure.NOT_CONFIGURED, reason, retryable=False)
            is_retryable = ending.name not in _FINAL_WITHOUT_TEXT
            raise ModelError(ModelFailure.EMPTY, f"no text, {reason}", retryable=is_retryable)
        if self._chars_after_end:
            log.warning("model_text_after_end_ignored", chars=self._chars_after_end)
        if ending.finish is FinishReason.OTHER or ending.finish.is_blocked:
            log.warning("model_answer_ended", finish_reason=ending.finish.value, reason=ending.name)
        return Completion(ending.finish, self.usage)


def _first_candidate(chunk: Chunk) -> Candidate | None:
    """Return the candidate with index 0; only one is requested."""
    return next((candidate for candidate in chunk.candidates or () if not candidate.index), None)


def _text(candidate: Candidate | None) -> str:
    parts = candidate.content.parts if candidate and candidate.content else None
    text = "".join(part.text for part in parts or () if part.text and not part.thought)
    return _without_unstorable(text)


def _without_unstorable(text: str) -> str:
    """Replace what a UTF-8 text column cannot store: NUL and unpaired surrogates."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


def _usage(chunk: Chunk) -> TokenUsage | None:
    """Return the counts of a chunk, which are cumulative, or None."""
    counts = chunk.usage_metadata
    if counts is None:
        return None
    return TokenUsage(
        input_tokens=_storable(counts.prompt_token_count),
        output_tokens=_storable(counts.candidates_token_count),
        thinking_tokens=_storable(counts.thoughts_token_count),
    )


def _storable(count: int | None) -> int:
    """Return the count within the bounds of a row; None counts as 0."""
    return min(max(count or 0, 0), MAX_TOKEN_COUNT)
