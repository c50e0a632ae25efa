"""What a client may send: the text part of Google's request messages, and nothing else."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

CHARACTERS_PER_TOKEN = 4


def tokens_of(characters: int) -> int:
    """Estimate: four characters a token, rounded up."""
    return -(-characters // CHARACTERS_PER_TOKEN)


class Message(BaseModel):
    """A protobuf message as JSON: camelCase or snake_case, unknown fields refused."""

    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, frozen=True
    )


class Part(Message):
    """A piece of a turn; the sandbox reads text only."""

    text: str | None = None


class Content(Message):
    """A turn of the conversation."""

    role: str | None = None
    parts: list[Part] = []

    @property
    def text(self) -> str:
        return "".join(part.text or "" for part in self.parts)


class ThinkingLevel(StrEnum):
    """How long a model thinks."""

    THINKING_LEVEL_UNSPECIFIED = "THINKING_LEVEL_UNSPECIFIED"
    MINIMAL = "MINIMAL"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class ThinkingConfig(Message):
    """How much the model may think; `include_thoughts` is accepted and shows none."""

    include_thoughts: bool | None = None
    thinking_budget: int | None = Field(None, ge=-1, le=32_768)
    thinking_level: ThinkingLevel | None = None

    @field_validator("thinking_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value


class GenerationConfig(Message):
    """How to generate; the options for text."""

    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    top_k: int | None = Field(None, ge=1)
    candidate_count: int | None = Field(None, ge=1, le=1)
    max_output_tokens: int | None = Field(None, ge=1, le=65_536)
    stop_sequences: list[str] = Field([], max_length=5)
    presence_penalty: float | None = Field(None, ge=-2, lt=2)
    frequency_penalty: float | None = Field(None, ge=-2, lt=2)
    seed: int | None = None
    response_mime_type: str | None = Field(None, pattern=r"^(text/plain|application/json)$")
    thinking_config: ThinkingConfig | None = None


class HarmCategory(StrEnum):
    """What a safety setting is about."""

    HARASSMENT = "HARM_CATEGORY_HARASSMENT"
    HATE_SPEECH = "HARM_CATEGORY_HATE_SPEECH"
    SEXUALLY_EXPLICIT = "HARM_CATEGORY_SEXUALLY_EXPLICIT"
    DANGEROUS_CONTENT = "HARM_CATEGORY_DANGEROUS_CONTENT"
    CIVIC_INTEGRITY = "HARM_CATEGORY_CIVIC_INTEGRITY"


class HarmBlockThreshold(StrEnum):
    """From which probability on an answer is blocked."""

    UNSPECIFIED = "HARM_BLOCK_THRESHOLD_UNSPECIFIED"
    BLOCK_LOW_AND_ABOVE = "BLOCK_LOW_AND_ABOVE"
    BLOCK_MEDIUM_AND_ABOVE = "BLOCK_MEDIUM_AND_ABOVE"
    BLOCK_ONLY_HIGH = "BLOCK_ONLY_HIGH"
    BLOCK_NONE = "BLOCK_NONE"
    OFF = "OFF"


class SafetySetting(Message):
    """One category and its threshold."""

    category: HarmCategory
    threshold: HarmBlockThreshold


class GenerateContentRequest(Message):
    """The body of generateContent and streamGenerateContent."""

    model: str | None = None
    contents: list[Content] = []
    system_instruction: Content | None = None
    generation_config: GenerationConfig = GenerationConfig()
    safety_settings: list[SafetySetting] = []

    @property
    def last_user_text(self) -> str:
        """What is to be answered."""
        return self.contents[-1].text

    @property
    def prompt_tokens(self) -> int:
        """Estimate of everything that was sent."""
        turns = (
            self.contents if self.system_instruction is None else [self.system_instruction, *self.contents]
        )
        return sum(tokens_of(len(turn.text)) for turn in turns)


class CountTokensRequest(Message):
    """The body of countTokens: contents, or a whole request."""

    contents: list[Content] = []
    generate_content_request: GenerateContentRequest | None = None
