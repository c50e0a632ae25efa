"""The real SDK against the sandbox: answers."""

import pytest
from google.genai import client as genai_client
from google.genai import types

from tests.sandbox.running import MODEL, Gemini, Sandbox, finish_of, text_of, turn


def test_stream_and_whole_answer_are_the_same_and_say_the_same_usage(gemini: Gemini) -> None:
    chunks = gemini.stream("What is a quokka?")
    whole = gemini.whole("What is a quokka?")
    assert len(chunks) == 40
    assert "What is a quokka?" in text_of(chunks)
    assert text_of(chunks) == whole.text
    assert finish_of(chunks) is finish_of([whole]) is types.FinishReason.STOP
    assert chunks[-1].usage_metadata == whole.usage_metadata
    assert chunks[-1].model_version == MODEL


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_tokens_are_counted(gemini: Gemini, version: str) -> None:
    async def use(client: genai_client.AsyncClient) -> types.CountTokensResponse:
        return await client.models.count_tokens(model=MODEL, contents="12345678")

    assert gemini.run(use, version=version).total_tokens == 2


def test_models_are_listed(gemini: Gemini) -> None:
    async def use(client: genai_client.AsyncClient) -> list[str | None]:
        return [model.name async for model in await client.models.list()]

    assert f"models/{MODEL}" in gemini.run(use)


def test_every_option_the_product_sends_is_taken(gemini: Gemini, sandbox: Sandbox) -> None:
    prompt = sandbox.prompt("Hello")
    config = types.GenerateContentConfig(
        system_instruction="Answer like a pirate.",
        temperature=0.7,
        top_p=0.9,
        top_k=40,
        max_output_tokens=10,
        stop_sequences=["END"],
        seed=1,
        thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW),
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                threshold=types.HarmBlockThreshold.BLOCK_ONLY_HIGH,
            )
        ],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    chunks = gemini.stream(prompt, config)
    assert finish_of(chunks) is types.FinishReason.MAX_TOKENS
    assert len(text_of(chunks)) == 40
    usage = chunks[-1].usage_metadata
    assert usage
    assert (usage.candidates_token_count, usage.thoughts_token_count) == (10, 16)
    call = sandbox.call(prompt)
    assert call["contents"] == [{"role": "user", "parts": [{"text": prompt}]}]
    assert call["systemInstruction"] == {"role": "user", "parts": [{"text": "Answer like a pirate."}]}
    assert isinstance(call["generationConfig"], dict)
    assert call["generationConfig"]["maxOutputTokens"] == 10


def test_what_was_said_before_is_known(gemini: Gemini) -> None:
    history = [turn("user", "Hi, my name is Zoë."), turn("model", "Hello."), turn("user", "What is my name?")]
    answer = gemini.whole(history).text or ""
    assert answer.startswith("Your name is Zoë.")
    assert "2 earlier turns" in answer
    assert (gemini.whole("What is my name?").text or "").startswith("You have not told me")


def test_instruction_is_mentioned(gemini: Gemini) -> None:
    config = types.GenerateContentConfig(system_instruction="Answer like a pirate.")
    assert "“Answer like a pirate”" in (gemini.whole("Good morning", config).text or "")


def test_title_is_short_and_about_the_matter(gemini: Gemini) -> None:
    asked = "Write a short title for this conversation.\n\nUser: How do volcanoes erupt under the sea?"
    assert gemini.whole(asked).text == "Volcanoes erupt under"
    config = types.GenerateContentConfig(system_instruction="Give the conversation a title of five words.")
    assert gemini.whole("How do volcanoes erupt under the sea?", config).text == "Volcanoes erupt under"


def test_summary_is_about_the_conversation(gemini: Gemini) -> None:
    history = [
        turn("user", "My dog is Rex."),
        turn("model", "Nice."),
        turn("user", "Summarise this, please."),
    ]
    answer = gemini.whole(history).text or ""
    assert "“My dog is Rex”" in answer
    assert "their dog is Rex" in answer
    config = types.GenerateContentConfig(system_instruction=f"What was said before: {answer}")
    assert (gemini.whole("What is my dog?", config).text or "").startswith("Your dog is Rex.")


def test_every_byte_of_strange_text_survives(gemini: Gemini) -> None:
    streamed, whole = text_of(gemini.stream("[sandbox:unicode]")), gemini.whole("[sandbox:unicode]").text
    assert streamed == whole
    for piece in (
        "😀",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",
        "\u2028",
        "e\u0301",
        "שלום",
        "data: [DONE]\n",
    ):
        assert piece in streamed


def test_length_and_number_of_pieces_can_be_ordered(gemini: Gemini) -> None:
    assert len(text_of(gemini.stream("[sandbox:long]"))) == 20_000
    assert len(gemini.stream("[sandbox:pieces=7]")) == 7
    assert len(gemini.stream("[sandbox:pieces=500]")) == 500
    assert len(gemini.stream("[sandbox:slow] [sandbox:pace=0]")) == 100
