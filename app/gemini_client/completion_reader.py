"""Collect an answer from the chunks of its stream: text, token counts, and how it ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import structlog
from google.genai import types

from app.gemini_client.base import (
    MAX_TOKEN_COUNT,
    Completion,
    FinishReason,
    ModelError,
    ModelFailure,
    TextDelta,
    TokenUsage,
)

_MAX_CHARS_PER_TOKEN: Final = 32  # Gemini's tokens are about 4; a long one is a run of spaces or of one sign
_MAX_WORD_CHARS = 60
_MAX_CHUNKS_AFTER_END = 100

# Google's words (generativelanguage and Vertex AI, Candidate.FinishReason). All others mean OTHER.
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
"""Defaults of Google's enumerations, which some gateways write out: they state nothing."""
_MISSING_SIGNATURE = "MISSING_THOUGHT_SIGNATURE"
_ACCOUNT_LIMITED = "PUP_LIMITED_DISABLED"
"""The account of the API key is limited or disabled for violations of Google's Prohibited Use Policy."""
_SAME_AGAIN: Final = ("MAX_TOKENS", "CONTINUATION", "LANGUAGE", "ESCALATION")
"""Without text: the same prompt would end in the same way."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Ending:
    """How the answer ended, and Google's word for it."""

    finish: FinishReason
    word: str

    @property
    def is_failed_try(self) -> bool:
        """Whether the model produced something that is no answer, such as a call of an unknown tool."""
        return (
            self.word.startswith("MALFORMED_")
            or self.word.endswith(("_CALL", "_CALLS"))
            or self.word == _MISSING_SIGNATURE
        )


class Reading:
    """The state of one answer: whole once a finish reason was seen; later chunks may only add counts."""

    def __init__(self, max_output_tokens: int) -> None:
        self.usage = TokenUsage(0, 0, 0)
        self.has_text = False
        self._max_output_tokens = max_output_tokens
        self._chars_left = max_output_tokens * _MAX_CHARS_PER_TOKEN
        self._ending: _Ending | None = None
        self._is_last_unspecified = False
        self._chunks_after_end = self._chars_after_end = 0

    @property
    def is_whole(self) -> bool:
        """Whether the answer has ended."""
        return self._ending is not None

    @property
    def is_over(self) -> bool:
        """Whether to stop reading: the answer is longer than any, or chunks follow its end for ever."""
        return self._chars_left == 0 or self._chunks_after_end == _MAX_CHUNKS_AFTER_END

    def take(self, chunk: types.GenerateContentResponse) -> Iterator[TextDelta | TokenUsage]:
        """Yield what is new in a chunk."""
        candidate = _first_candidate(chunk)
        if text := _text(candidate):
            if self.is_whole:
                self._chars_after_end += len(text)
            else:
                text = text[: self._chars_left]
                self.has_text, self._chars_left = True, self._chars_left - len(text)
                yield TextDelta(text)
        if counts := _usage(chunk):
            self.usage = self.usage.updated(counts)
            yield counts
        if self.is_whole:
            self._chunks_after_end += 1
        else:
            self._end(chunk, candidate)

    def _end(self, chunk: types.GenerateContentResponse, candidate: types.Candidate | None) -> None:
        block = chunk.prompt_feedback.block_reason if chunk.prompt_feedback else None
        finish = candidate.finish_reason if candidate else None
        self._is_last_unspecified = finish is not None and finish.value in _UNSPECIFIED
        if block is not None and block.value not in _UNSPECIFIED:
            self._ending = _Ending(FinishReason.PROMPT_BLOCKED, str(block.value)[:_MAX_WORD_CHARS])
        elif self._chars_left == 0:
            log.warning("model_answer_cut", max_output_tokens=self._max_output_tokens)
            self._ending = _Ending(FinishReason.MAX_TOKENS, "MAX_TOKENS")
        elif finish is not None and not self._is_last_unspecified:
            word = str(finish.value)[:_MAX_WORD_CHARS]
            self._ending = _Ending(_FINISH_REASONS.get(word, FinishReason.OTHER), word)

    def result(self) -> Completion:
        """Return the answer's end, after the last chunk.

        Raises:
            ModelError: there is no whole answer.
        """
        ending = self._ending
        if ending is None and self._is_last_unspecified:
            ending = _Ending(FinishReason.OTHER, _UNSPECIFIED[0])
        if ending is None:
            reason = "the stream ended without a finish reason"
            raise ModelError(ModelFailure.INTERRUPTED, reason, retryable=True)
        reason = f"finish reason {ending.word}"
        if ending.is_failed_try:
            failure = ModelFailure.INTERRUPTED if self.has_text else ModelFailure.EMPTY
            raise ModelError(failure, reason, retryable=True)
        if not ending.finish.is_blocked and not self.has_text:
            if ending.word == _ACCOUNT_LIMITED:
                raise ModelError(ModelFailure.NOT_CONFIGURED, reason, retryable=False)
            is_retryable = ending.word not in _SAME_AGAIN
            raise ModelError(ModelFailure.EMPTY, f"no text, {reason}", retryable=is_retryable)
        if self._chars_after_end:
            log.warning("model_text_after_end_ignored", chars=self._chars_after_end)
        if ending.finish is FinishReason.OTHER or ending.finish.is_blocked:
            log.warning("model_answer_ended", finish_reason=ending.finish.value, reason=ending.word)
        return Completion(ending.finish, self.usage)


def _first_candidate(chunk: types.GenerateContentResponse) -> types.Candidate | None:
    """Return the candidate that is the answer: one is asked for, and a second one is not part of it."""
    return next((candidate for candidate in chunk.candidates or () if not candidate.index), None)


def _text(candidate: types.Candidate | None) -> str:
    parts = candidate.content.parts if candidate and candidate.content else None
    text = "".join(part.text for part in parts or () if part.text and not part.thought)
    return _without_unstorable(text)


def _without_unstorable(text: str) -> str:
    """The same, but for what no UTF-8 text column can hold: NUL and unpaired surrogates."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


def _usage(chunk: types.GenerateContentResponse) -> TokenUsage | None:
    """Return the counts that a chunk states; they are cumulative."""
    counts = chunk.usage_metadata
    if counts is None:
        return None
    return TokenUsage(
        input_tokens=_believable(counts.prompt_token_count),
        output_tokens=_believable(counts.candidates_token_count),
        thinking_tokens=_believable(counts.thoughts_token_count),
    )


def _believable(count: int | None) -> int:
    """The count, within bounds: whatever Gemini says can be stored."""
    return min(max(count or 0, 0), MAX_TOKEN_COUNT)
