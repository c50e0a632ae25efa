"""The language model behind a protocol of this service; only this package knows Gemini's API."""

from app.gemini_client.base import (
    ChatModel,
    Completion,
    FinishReason,
    ModelError,
    ModelFailure,
    Prompt,
    TextDelta,
    TokenUsage,
    Turn,
)

__all__ = [
    "ChatModel",
    "Completion",
    "FinishReason",
    "ModelError",
    "ModelFailure",
    "Prompt",
    "TextDelta",
    "TokenUsage",
    "Turn",
]
