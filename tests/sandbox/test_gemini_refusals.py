"""What the sandbox refuses, as Google does: keys, paths, bodies, fields, sizes."""

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


def test_no_key_is_forbidden(sandbox: Sandbox) -> None:
    refused(httpx.post(f"{sandbox.url}{GENERATE}", json={"contents": [USER]}), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize("key", ["bad-key", "invalid", "unset"])
def test_wrong_key_is_an_invalid_argument(sandbox: Sandbox, key: str) -> None:
    answer = sandbox.http.post(GENERATE, json={"contents": [USER]}, headers={"x-goog-api-key": key})
    details = refused(answer, 400, "INVALID_ARGUMENT")["details"]
    assert isinstance(details, list)
    assert isinstance(details[0], dict)
    assert details[0]["reason"] == "API_KEY_INVALID"


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/gemini-1.0:generateContent",
        f"/v2/models/{MODEL}:generateContent",
        f"/v1beta/models/{MODEL}:embedContent",
        "/v1beta/nothing",
        "/health/",
    ],
)
def test_unknown_model_or_path_is_not_found(sandbox: Sandbox, path: str) -> None:
    refused(sandbox.http.post(path, json={"contents": [USER]}), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b'{"contents": "\xff"}',
        b'{"contents": [{"parts": [{"text": "\\ud800"}]}]}',
        b"[" * 10_000,
    ],
)
def test_what_is_no_json_is_an_invalid_argument(sandbox: Sandbox, body: bytes) -> None:
    refused(sandbox.http.post(GENERATE, content=body), 400, "INVALID_ARGUMENT")


def with_config(**config: JsonValue) -> dict[str, JsonValue]:
    return {"contents": [USER], "generationConfig": config}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"contents": [USER], "colour": "red"}, ""),
        ({"contents": [{**USER, "name": "Ada"}]}, "contents[0]"),
        ({"contents": [{"role": "user", "parts": [{"txt": "Hello"}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"role": "user", "parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": [{"role": "user", "parts": []}]}, "contents[0].parts"),
        ({"contents": [{"role": "user", "parts": [{}]}]}, "contents[0].parts[0].data"),
        ({"contents": [{"role": "user", "parts": [{"text": ""}]}]}, "contents[0].parts[0].data"),
        ({"contents": [{**USER, "role": "assistant"}]}, "contents[0].role"),
        ({"contents": [USER, {**USER, "role": "model"}]}, "contents"),
        ({"contents": [USER], "systemInstruction": {"parts": []}}, "systemInstruction.parts"),
        ({"contents": [USER], "systemInstruction": "Be short."}, "systemInstruction"),
        (with_config(temperature=2.1), "generationConfig.temperature"),
        (with_config(temperature=-0.1), "generationConfig.temperature"),
        (with_config(topP=1.1), "generationConfig.topP"),
        (with_config(maxOutputTokens=0), "generationConfig.maxOutputTokens"),
        (with_config(maxOutputTokens=70_000), "generationConfig.maxOutputTokens"),
        (with_config(candidateCount=2), "generationConfig.candidateCount"),
        (with_config(maxTokens=5), "generationConfig"),
        (
            with_config(thinkingConfig={"thinkingLevel": "deep"}),
            "generationConfig.thinkingConfig.thinkingLevel",
        ),
        (
            with_config(thinkingConfig={"thinkingLevel": "minimal"}),
            "generationConfig.thinkingConfig.thinkingLevel",
        ),
        (
            with_config(thinkingConfig={"thinkingLevel": "low", "thinkingBudget": 0}),
            "generationConfig.thinkingConfig",
        ),
        (
            {"contents": [USER], "safetySettings": [{"category": "RUDENESS", "threshold": "OFF"}]},
            "safetySettings[0].category",
        ),
        (
            {
                "contents": [USER],
                "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "MOST"}],
            },
            "safetySettings[0].threshold",
        ),
        (
            {
                "contents": [USER],
                "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}] * 2,
            },
            "safetySettings",
        ),
    ],
)
def test_what_google_refuses_is_refused_by_its_field(
    sandbox: Sandbox, body: dict[str, JsonValue], field: str
) -> None:
    assert fields_refused(sandbox.http.post(GENERATE, json=body)) == [field]
    assert fields_refused(sandbox.http.post(STREAM, params={"alt": "sse"}, json=body)) == [field]


def test_minimal_thinking_is_taken_by_the_models_that_know_it(sandbox: Sandbox) -> None:
    body = with_config(thinkingConfig={"thinkingLevel": "minimal"})
    for model, code in (("gemini-3.7-flash", 400), ("gemini-3.6-flash", 200), ("gemini-3.5-flash-lite", 200)):
        answer = sandbox.http.post(f"/v1/models/{model}:generateContent", json=body)
        assert answer.status_code == code


def test_more_than_the_context_window_is_refused(sandbox: Sandbox) -> None:
    fits, too_much = "a" * 4 * 1_048_576, "a" * (4 * 1_048_576 + 1)
    count = f"/v1beta/models/{MODEL}:countTokens"
    counted = sandbox.http.post(count, json={"contents": [{"parts": [{"text": fits}]}]}).json()
    assert counted["totalTokens"] == 1_048_576
    answer = sandbox.http.post(GENERATE, json={"contents": [{"parts": [{"text": too_much}]}]})
    refused(answer, 400, "INVALID_ARGUMENT")
