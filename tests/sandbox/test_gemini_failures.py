"""The real SDK against the sandbox: every failure as the product will meet it."""

import contextlib
import json
import re

import httpx2
import pytest
from google.genai import client as genai_client
from google.genai import errors, types

from tests.sandbox.running import MODEL, Chunks, Gemini, Sandbox, finish_of, text_of, turn


@pytest.mark.parametrize(
    ("word", "kind", "code", "status"),
    [
        ("503", errors.ServerError, 503, "UNAVAILABLE"),
        ("500", errors.ServerError, 500, "INTERNAL"),
        ("429", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("429-bare", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("429-day", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("400", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("403", errors.ClientError, 403, "PERMISSION_DENIED"),
        ("region", errors.ClientError, 400, "FAILED_PRECONDITION"),
        ("billing", errors.ClientError, 403, "PERMISSION_DENIED"),
        ("400-html", errors.ClientError, 400, "Bad Request"),
        ("404-html", errors.ClientError, 404, "Not Found"),
        ("502-html", errors.ServerError, 502, "Bad Gateway"),
    ],
)
def test_refusals_are_the_sdks_errors(
    gemini: Gemini, word: str, kind: type[errors.APIError], code: int, status: str
) -> None:
    for ask in (gemini.stream, gemini.whole):
        with pytest.raises(kind) as caught:
            ask(f"Hello [sandbox:{word}]")
        assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize(
    ("word", "quota", "delay"),
    [("429", "PerMinute", "2s"), ("429-bare", None, None), ("429-day", "PerDay", "43200s")],
)
def test_rate_limits_say_which_quota_and_when_to_come_back(
    gemini: Gemini, word: str, quota: str | None, delay: str | None
) -> None:
    with pytest.raises(errors.ClientError) as caught:
        gemini.stream(f"Hello [sandbox:{word}]")
    details = caught.value.details["error"].get("details", [])
    by_type = {detail["@type"].rpartition(".")[2]: detail for detail in details}
    assert by_type.get("RetryInfo", {}).get("retryDelay") == delay
    assert (quota is None) == ("QuotaFailure" not in by_type)
    if quota:
        assert quota in by_type["QuotaFailure"]["violations"][0]["quotaId"]


def test_wrong_and_missing_keys_are_told_apart(gemini: Gemini) -> None:
    async def use(client: genai_client.AsyncClient) -> types.GenerateContentResponse:
        return await client.models.generate_content(model=MODEL, contents="Hello")

    with pytest.raises(errors.ClientError, match="API_KEY_INVALID") as caught:
        gemini.run(use, key="bad-key")
    assert caught.value.code == 400


def test_prompt_that_is_blocked_has_no_candidates(gemini: Gemini) -> None:
    for answer in (gemini.whole("[sandbox:prompt-blocked]"), *gemini.stream("[sandbox:prompt-blocked]")):
        assert not answer.candidates
        assert answer.prompt_feedback
        assert answer.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT


@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")
@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("other", "OTHER"),
        ("language", "LANGUAGE"),
        ("malformed-call", "MALFORMED_FUNCTION_CALL"),
        ("new-reason", "REASON_OF_THE_FUTURE"),
    ],
)
def test_answer_may_end_for_unusual_reasons_with_text_and_without(
    gemini: Gemini, word: str, reason: str
) -> None:
    for pieces in (3, 0):
        chunks = gemini.stream(f"[sandbox:{word}={pieces}]")
        assert (len(chunks), bool(text_of(chunks))) == (pieces + 1, pieces > 0)
        assert finish_of(chunks) == reason


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("tail-cut", httpx2.ReadError),
        ("tail-garbage", errors.UnknownApiResponseError),
        ("tail-503", errors.ServerError),
        ("tail-text", None),
        ("tail-total", None),
    ],
)
def test_whole_answer_may_be_followed_by_something(
    gemini: Gemini, word: str, kind: type[Exception] | None
) -> None:
    got: Chunks = []

    async def use(client: genai_client.AsyncClient) -> None:
        async for chunk in await client.models.generate_content_stream(
            model=MODEL, contents=f"[sandbox:{word}] [sandbox:pieces=5]"
        ):
            got.append(chunk)

    with pytest.raises(kind) if kind else contextlib.nullcontext():
        gemini.run(use)
    assert finish_of(got[:5]) is types.FinishReason.STOP
    assert len(got) == (5 if kind else 6)


def test_comments_come_before_the_pieces(sandbox: Sandbox) -> None:
    """The SDK's own reader takes them as JSON."""
    answer = sandbox.generate("[sandbox:comments] [sandbox:pieces=3]", method="streamGenerateContent")
    assert answer.text.count(": keep-alive\r\n\r\ndata: ") == 3


@pytest.mark.parametrize("word", ["safety", "recitation"])
def test_answer_that_is_blocked_breaks_off_and_ends_without_content(gemini: Gemini, word: str) -> None:
    chunks = gemini.stream(f"[sandbox:{word}]")
    assert len(chunks) == 4
    assert text_of(chunks[:3])
    assert finish_of(chunks) == types.FinishReason(word.upper())
    whole = gemini.whole(f"[sandbox:{word}]")
    assert whole.candidates
    assert whole.candidates[0].content is None


@pytest.mark.parametrize(
    ("word", "reason"),
    [("empty", types.FinishReason.STOP), ("thinking-only", types.FinishReason.MAX_TOKENS)],
)
def test_answer_may_have_no_text_at_all(gemini: Gemini, word: str, reason: types.FinishReason) -> None:
    for chunks in (gemini.stream(f"[sandbox:{word}]"), [gemini.whole(f"[sandbox:{word}]")]):
        assert (len(chunks), text_of(chunks), finish_of(chunks)) == (1, "", reason)


def test_answer_is_cut_at_the_limit(gemini: Gemini) -> None:
    chunks = gemini.stream("[sandbox:max-tokens]")
    assert (len(chunks), finish_of(chunks)) == (3, types.FinishReason.MAX_TOKENS)
    assert chunks[-1].text


def test_truncated_stream_looks_like_a_success_but_has_no_finish_reason(gemini: Gemini) -> None:
    chunks = gemini.stream("[sandbox:truncate]")
    assert (len(chunks), finish_of(chunks)) == (3, None)
    assert text_of(chunks)


@pytest.mark.parametrize(
    ("word", "pieces", "kind"),
    [
        ("midstream-503", 3, errors.ServerError),
        ("garbage", 3, errors.UnknownApiResponseError),
        ("cut", 3, httpx2.ReadError),
        ("cut=7", 7, httpx2.ReadError),
        ("disconnect", 0, httpx2.ReadError),
    ],
)
def test_stream_that_breaks_raises_after_what_was_sent(
    gemini: Gemini, sandbox: Sandbox, word: str, pieces: int, kind: type[Exception]
) -> None:
    prompt = sandbox.prompt(f"[sandbox:{word}]")
    got: Chunks = []

    async def use(client: genai_client.AsyncClient) -> None:
        async for chunk in await client.models.generate_content_stream(model=MODEL, contents=prompt):
            got.append(chunk)

    with pytest.raises(kind):
        gemini.run(use)
    assert len(got) == pieces
    call = sandbox.call(prompt)
    assert (call["ended"], call["pieces_sent"], call["word"]) == ("failed", pieces, word.partition("=")[0])


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("midstream-503", errors.ServerError),
        ("garbage", json.JSONDecodeError),
        ("cut", httpx2.ReadError),
        ("disconnect", httpx2.ReadError),
    ],
)
def test_whole_answer_breaks_likewise(gemini: Gemini, word: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        gemini.whole(f"[sandbox:{word}]")


@pytest.mark.parametrize("word", ["hang", "stall"])
def test_silence_ends_in_the_clients_timeout(gemini: Gemini, sandbox: Sandbox, word: str) -> None:
    prompt = sandbox.prompt(f"[sandbox:{word}]")

    async def use(client: genai_client.AsyncClient) -> None:
        async for _ in await client.models.generate_content_stream(model=MODEL, contents=prompt):
            pass

    with pytest.raises(httpx2.ReadTimeout):
        gemini.run(use, read_timeout=0.3)
    assert sandbox.wait_for(prompt, lambda call: call["ended"] is not None)["ended"] == "client_closed"


def test_counted_word_fails_so_often_and_then_answers(gemini: Gemini, sandbox: Sandbox) -> None:
    prompt, other = sandbox.prompt("[sandbox:503*2]"), sandbox.prompt("[sandbox:503*2]")
    for _ in range(2):
        with pytest.raises(errors.ServerError):
            gemini.stream(prompt)
    assert finish_of(gemini.stream(prompt)) is types.FinishReason.STOP
    with pytest.raises(errors.ServerError):
        gemini.stream(other)
    assert [call["ended"] for call in sandbox.calls(prompt)] == ["failed", "failed", "finished"]


def test_counted_words_act_one_after_the_other(gemini: Gemini, sandbox: Sandbox) -> None:
    prompt = sandbox.prompt("[sandbox:503*1] [sandbox:truncate*1] Hello")
    with pytest.raises(errors.ServerError):
        gemini.stream(prompt)
    assert finish_of(gemini.stream(prompt)) is None
    assert finish_of(gemini.stream(prompt)) is types.FinishReason.STOP


def test_words_before_the_last_turn_do_nothing(gemini: Gemini) -> None:
    chunks = gemini.stream(
        [turn("user", "[sandbox:503]"), turn("model", "[sandbox:cut]"), turn("user", "Hello")]
    )
    assert finish_of(chunks) is types.FinishReason.STOP
    assert not re.search(r"\[sandbox:", text_of(chunks))
