"""What goes over the wire, byte by byte: framing, envelopes, and what is refused."""

import itertools
import json

import httpx
import pytest
from pydantic import JsonValue

from tests.sandbox.running import MODEL, Sandbox

USER: dict[str, JsonValue] = {"role": "user", "parts": [{"text": "Hello"}]}
GENERATE = f"/v1beta/models/{MODEL}:generateContent"
STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent"


def refused(answer: httpx.Response, code: int, status: str) -> dict[str, JsonValue]:
    """Check Google's envelope and return what is in it."""
    error: dict[str, JsonValue] = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (code, code, status)
    assert answer.headers["content-type"].startswith("application/json")
    return error


def fields_refused(answer: httpx.Response) -> list[str]:
    """Check for a 400 and list the fields it complains about."""
    details = refused(answer, 400, "INVALID_ARGUMENT")["details"]
    assert isinstance(details, list)
    assert isinstance(details[0], dict)
    assert details[0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    violations = details[0]["fieldViolations"]
    assert isinstance(violations, list)
    return [str(each.get("field", "")) for each in violations if isinstance(each, dict)]


def test_health(sandbox: Sandbox) -> None:
    answer = sandbox.http.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_stream_is_framed_as_events_and_every_chunk_says_its_usage(sandbox: Sandbox) -> None:
    answer = sandbox.generate(sandbox.prompt("How are you?"), method="streamGenerateContent")
    assert answer.headers["content-type"] == "text/event-stream"
    events = answer.text.split("\r\n\r\n")
    assert events.pop() == ""
    assert len(events) > 10
    assert all(event.startswith("data: {") for event in events)
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    for chunk in chunks:
        assert set(chunk) == {"candidates", "usageMetadata", "modelVersion", "responseId"}
        assert chunk["candidates"][0]["index"] == 0
        assert chunk["candidates"][0]["content"]["role"] == "model"
        usage = chunk["usageMetadata"]
        assert usage["totalTokenCount"] == (
            usage["promptTokenCount"] + usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]
        )
    counts = [chunk["usageMetadata"]["candidatesTokenCount"] for chunk in chunks]
    assert all(before <= after for before, after in itertools.pairwise(counts))
    assert ["finishReason" in chunk["candidates"][0] for chunk in chunks] == [False] * (len(chunks) - 1) + [
        True
    ]
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"
    assert {chunk["modelVersion"] for chunk in chunks} == {MODEL}
    assert len({chunk["responseId"] for chunk in chunks}) == 1


def test_stream_without_alt_is_an_array_with_the_same_text(sandbox: Sandbox) -> None:
    text = sandbox.prompt("How are you?")
    body = {"contents": [{"parts": [{"text": text}]}]}
    answer = sandbox.http.post(STREAM, json=body)
    assert answer.headers["content-type"].startswith("application/json")
    streamed = "".join(chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in answer.json())
    whole = sandbox.generate(text).json()
    assert streamed == whole["candidates"][0]["content"]["parts"][0]["text"]


def test_error_in_the_middle_of_an_array_leaves_valid_json(sandbox: Sandbox) -> None:
    body = {"contents": [{"parts": [{"text": sandbox.prompt("[sandbox:midstream-503]")}]}]}
    *chunks, last = sandbox.http.post(STREAM, json=body).json()
    assert len(chunks) == 3
    assert last["error"]["status"] == "UNAVAILABLE"


def test_error_in_the_middle_of_a_stream_of_events_is_bare(sandbox: Sandbox) -> None:
    answer = sandbox.generate(sandbox.prompt("[sandbox:midstream-503]"), method="streamGenerateContent")
    *events, last = answer.text.split("\r\n\r\n")
    assert answer.status_code == 200
    assert len(events) == 3
    assert last.startswith('{\n  "error": {\n')
    assert json.loads(last)["error"]["code"] == 503


def test_both_spellings_are_read(sandbox: Sandbox) -> None:
    config = {"max_output_tokens": 5, "stop_sequences": ["x"], "thinking_config": {"thinking_level": "low"}}
    for fields in (
        {"generation_config": config},
        {"generationConfig": {"maxOutputTokens": "5", "thinkingConfig": {"thinkingLevel": "LOW"}}},
        {
            "system_instruction": {"parts": [{"text": "Be short."}]},
            "generationConfig": {"maxOutputTokens": 5},
        },
    ):
        answer = sandbox.generate("Hello", **fields)
        assert answer.status_code == 200, answer.text
        assert answer.json()["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_key_may_come_in_the_query(sandbox: Sandbox) -> None:
    answer = httpx.post(f"{sandbox.url}{GENERATE}?key=k", json={"contents": [USER]})
    assert answer.status_code == 200


def test_tokens_of_a_whole_request_are_counted(sandbox: Sandbox) -> None:
    whole = {"contents": [USER], "systemInstruction": {"parts": [{"text": "12345678"}]}}
    count = f"/v1beta/models/{MODEL}:countTokens"
    answer = sandbox.http.post(count, json={"generateContentRequest": whole})
    assert answer.json()["totalTokens"] == 4
    refused(sandbox.http.post(count, json={}), 400, "INVALID_ARGUMENT")
    both = {"contents": [USER], "generateContentRequest": whole}
    refused(sandbox.http.post(count, json=both), 400, "INVALID_ARGUMENT")


def test_models_are_listed(sandbox: Sandbox) -> None:
    models = sandbox.http.get("/v1beta/models").json()["models"]
    assert f"models/{MODEL}" in [model["name"] for model in models]
    assert sandbox.http.get(f"/v1/models/{MODEL}").json() in models
    refused(sandbox.http.get("/v1/models/gemini-1.0"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "word", ["[sandbox:504]", "[sandbox:wait]", "[sandbox:wait=soon]", "[sandbox:503=2]"]
)
def test_magic_word_that_does_not_exist_is_refused_rather_than_ignored(sandbox: Sandbox, word: str) -> None:
    assert word in sandbox.generate(word).json()["error"]["message"]
