"""Tokens of an attempt at a reply: Gemini's own counts where it gave any, else estimates."""

import math
from dataclasses import dataclass

from app.gemini_client import ModelError, TokenUsage


@dataclass(slots=True)
class AttemptUsage:
    """Count an attempt while it runs, so that it is counted however it ends.

    `earlier_…`: tokens of attempts before it that were lost with their worker and are in no day's count yet.
    """

    earlier_input_tokens: int = 0
    earlier_output_tokens: int = 0
    bytes_per_token: float = 4.0
    prompt_bytes: int = 0
    counts: TokenUsage | None = None
    """Gemini's latest, each by itself; they are cumulative."""
    has_text: bool = False
    uncounted_bytes: int = 0
    """Text that no count of Gemini's covers."""

    def call(self, *, prompt_bytes: int, bytes_per_token: float) -> None:
        """Note that the prompt is about to be sent."""
        self.prompt_bytes, self.bytes_per_token = prompt_bytes, bytes_per_token

    def add_text(self, text: str) -> None:
        """Note a piece of the answer."""
        self.has_text = True
        self.uncounted_bytes += len(text.encode())

    def add_counts(self, counts: TokenUsage) -> None:
        """Note Gemini's counts; without output tokens among them they say nothing about the text."""
        self.counts = self.counts.updated(counts) if self.counts else counts
        if counts.output_tokens:
            self.uncounted_bytes = 0

    def fail(self, error: ModelError) -> None:
        """Note a failure: a prompt that was not sent costs nothing."""
        if not error.is_sent:
            self.prompt_bytes = 0

    @property
    def has_output(self) -> bool:
        """Whether this attempt generated anything; thinking tokens are output, too."""
        counts = self.counts
        return self.has_text or (counts is not None and counts.output_tokens + counts.thinking_tokens > 0)

    @property
    def input_tokens(self) -> int:
        """Tokens of the prompt, and of earlier prompts not counted yet."""
        counted = self.counts.input_tokens if self.counts else 0
        return self.earlier_input_tokens + (counted or self._estimate(self.prompt_bytes))

    @property
    def output_tokens(self) -> int:
        """Tokens of answer and thoughts, and of earlier ones not counted yet."""
        counted = self.counts.output_tokens + self.counts.thinking_tokens if self.counts else 0
        return self.earlier_output_tokens + counted + self._estimate(self.uncounted_bytes)

    def _estimate(self, text_bytes: int) -> int:
        return math.ceil(text_bytes / self.bytes_per_token)
