"""What Google refuses in a request that parses: the key, the turns, the limits."""

from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from sandbox.gemini.catalogue import INPUT_TOKEN_LIMIT, Model
from sandbox.gemini.problems import GoogleError, invalid_argument, unparsable
from sandbox.gemini.requests import Content, GenerateContentRequest, Message, ThinkingLevel

PAYLOAD_BYTES = 20_971_520
M = TypeVar("M", bound=Message)


def check_key(request: Request) -> None:
    """Refuse a request without a key, and keys that are wrong by agreement: bad…, invalid, unset."""
    key = request.headers.get("x-goog-api-key") or request.query_params.get("key")
    if not key:
        raise GoogleError(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). "
            "Please use API Key or other form of API consumer identity to call this API.",
        )
    if key.startswith("bad") or key in {"invalid", "unset"}:
        raise GoogleError(
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com",
                    "metadata": {"service": "generativelanguage.googleapis.com"},
                }
            ],
        )


def parse(kind: type[M], body: bytes) -> M:
    """Read a body, strictly."""
    if len(body) > PAYLOAD_BYTES:
        raise invalid_argument(f"Request payload size exceeds the limit: {PAYLOAD_BYTES} bytes.")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise unparsable(error) from None


def check_contents(contents: list[Content]) -> None:
    """Refuse a conversation that is empty, has empty turns, strange roles or no question at its end."""
    if not contents:
        raise _violation("contents", "contents is not specified")
    for number, content in enumerate(contents):
        _check_parts(f"contents[{number}]", content)
        if content.role not in {None, "user", "model"}:
            raise _violation(f"contents[{number}].role", "Please use a valid role: user, model.")
    if contents[-1].role == "model":
        raise _violation("contents", "Please ensure that multiturn requests end with a user turn.")


def check_generate(asked: GenerateContentRequest, model: Model) -> None:
    """Refuse what the chosen model does not take."""
    check_contents(asked.contents)
    if asked.system_instruction is not None:
        _check_parts("systemInstruction", asked.system_instruction)
    categories = [setting.category for setting in asked.safety_settings]
    if len(set(categories)) < len(categories):
        raise _violation("safetySettings", "Only one safety setting may be given for each category.")
    thinking = asked.generation_config.thinking_config
    if thinking and thinking.thinking_level and thinking.thinking_budget is not None:
        raise _violation(
            "generationConfig.thinkingConfig",
            "You can only set one of thinking budget and thinking level.",
        )
    if thinking and thinking.thinking_level is ThinkingLevel.MINIMAL and not model.minimal_thinking:
        raise _violation(
            "generationConfig.thinkingConfig.thinkingLevel",
            "Thinking level MINIMAL is not supported for this model.",
        )
    check_size(asked.prompt_tokens)


def check_size(tokens: int) -> None:
    """Refuse more than the context window holds."""
    if tokens > INPUT_TOKEN_LIMIT:
        raise invalid_argument(
            f"The input token count ({tokens}) exceeds the maximum number of tokens allowed "
            f"({INPUT_TOKEN_LIMIT})."
        )


def _check_parts(path: str, content: Content) -> None:
    if not content.parts:
        raise _violation(f"{path}.parts", "contents.parts must not be empty.")
    for number, part in enumerate(content.parts):
        if not part.text:
            raise _violation(
                f"{path}.parts[{number}].data", "required oneof field 'data' must have one initialized field"
            )


def _violation(field: str, description: str) -> GoogleError:
    return invalid_argument(f"* GenerateContentRequest.{field}: {description}\n", (field, description))
