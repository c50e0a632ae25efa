"""Count the tokens of an attempt: by the model's own counts where it sent any, else by estimates."""

import math
from dataclasses import dataclass

from app.gemini_client import ModelError, TokenUsage


@dataclass(slots=True)
class AttemptUsage:
    """Token counts of a running attempt, so that it is counted however it ends.

    `earlier_…`: tokens of earlier attempts that were lost with their worker and are in no day's count yet.
    """

    earlier_input_tokens: int = 0
    earlier_output_tokens: int = 0
    bytes_per_token: float = 4.0
    prompt_bytes: int = 0
    counts: TokenUsage | None = None
    """The latest count of each kind that the model sent; counts are cumulative."""
    has_text: bool = False
    uncounted_bytes: int = 0
    """Bytes of text that no count of the model covers."""

    def call(self, *, prompt_bytes: int, bytes_per_token: float) -> None:
        """Record the prompt that is about to be sent."""
        self.prompt_bytes, self.bytes_per_token = prompt_bytes, bytes_per_token

    def add_text(self, text: str) -> None:
        """Record a part of the answer."""
        self.has_text = True
        self.uncounted_bytes += len(text.encode())

    def add_counts(self, counts: TokenUsage) -> None:
        """Record the model's counts; without output tokens they do not cover the text."""
        self.counts = self.counts.updated(counts) if self.counts else counts
        if counts.output_tokens:
            self.uncounted_bytes = 0

    def fail(self, error: ModelError) -> None:
        """Record a failure: a prompt that was not sent has no tokens."""
        if not error.is_sent:
            self.prompt_bytes = 0

    @property
    def has_output(self) -> bool:
        """Whether this attempt generated text or output tokens; thinking tokens are output."""
        counts = self.counts
        return self.has_text or (counts is not None and counts.output_tokens + counts.thinking_tokens > 0)

    @property
    def input_tokens(self) -> int:
        """The tokens of the prompt and of earlier prompts that are not counted yet."""
        counted = self.counts.input_tokens if self.counts else 0
        return self.earlier_input_tokens + (counted or self._estimate(self.prompt_bytes))

    @property
    def output_tokens(self) -> int:
        """The tokens of answer and thoughts, and of earlier ones that are not counted yet."""
        counted = self.counts.output_tokens + self.counts.thinking_tokens if self.counts else 0
        return self.earlier_output_tokens + counted + self._estimate(self.uncounted_bytes)

    def _estimate(self, text_bytes: int) -> int:
        return math.ceil(text_bytes / self.bytes_per_token)
