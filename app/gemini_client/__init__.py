"""The model behind a protocol in our own words; only this package imports Google's SDK."""

from app.gemini_client.base import (
    Answer,
    Failure,
    FinishReason,
    GeminiClient,
    GeminiError,
    Prompt,
    TextPiece,
    TokenUsage,
    Turn,
)

__all__ = [
    "Answer",
    "Failure",
    "FinishReason",
    "GeminiClient",
    "GeminiError",
    "Prompt",
    "TextPiece",
    "TokenUsage",
    "Turn",
]
