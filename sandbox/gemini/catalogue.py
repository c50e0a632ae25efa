"""The models the sandbox knows, and what each of them takes."""

from dataclasses import dataclass

from pydantic import JsonValue

from sandbox.gemini.problems import GoogleError

INPUT_TOKEN_LIMIT = 1_048_576
OUTPUT_TOKEN_LIMIT = 65_536


@dataclass(frozen=True, slots=True)
class Model:
    """One model; `minimal_thinking` says whether it takes the thinking level `minimal`."""

    name: str
    display_name: str
    minimal_thinking: bool = True

    def described(self) -> dict[str, JsonValue]:
        """Describe it as `GET /models/{model}` does."""
        return {
            "name": f"models/{self.name}",
            "version": self.name.split("-")[1],
            "displayName": self.display_name,
            "description": f"{self.display_name}, played by the sandbox",
            "inputTokenLimit": INPUT_TOKEN_LIMIT,
            "outputTokenLimit": OUTPUT_TOKEN_LIMIT,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
            "temperature": 1,
            "maxTemperature": 2,
            "topP": 0.95,
            "topK": 64,
            "thinking": True,
        }


MODELS = {
    model.name: model
    for model in (
        Model("gemini-3.8-flash", "Gemini 3.8 Flash", minimal_thinking=False),
        Model("gemini-3.7-flash", "Gemini 3.7 Flash", minimal_thinking=False),
        Model("gemini-3.6-flash", "Gemini 3.6 Flash"),
        Model("gemini-3.5-flash", "Gemini 3.5 Flash"),
        Model("gemini-3.5-flash-lite", "Gemini 3.5 Flash-Lite"),
        Model("gemini-3.1-flash-lite", "Gemini 3.1 Flash-Lite"),
        Model("gemini-3.1-pro-preview", "Gemini 3.1 Pro Preview"),
        Model("gemini-2.5-pro", "Gemini 2.5 Pro"),
        Model("gemini-2.5-flash", "Gemini 2.5 Flash"),
        Model("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite"),
    )
}


def model_named(name: str, version: str) -> Model:
    """Find a model; raises NOT_FOUND in Google's words."""
    try:
        return MODELS[name]
    except KeyError:
        raise GoogleError(
            404,
            "NOT_FOUND",
            f"models/{name} is not found for API version {version}, or is not supported for this method. "
            "Call ListModels to see the list of available models and their supported methods.",
        ) from None
