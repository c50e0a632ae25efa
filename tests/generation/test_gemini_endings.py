"""An answer is complete after a finish reason, and ends for the reason that Google sends."""

import pytest

from app.gemini_client import FinishReason, ModelFailure, TokenUsage
from tests.support.asking_gemini import ask, chunk, counts, event
from tests.support.stack import Stack
from tests.support.streaming_server import End, StreamingServer
from tests.support.user import Json, User

_WHOLE = event(
    chunk("Hello"), chunk(" there.", "STOP") | counts(prompt=7, candidates=3, thoughts=5, total=15)
)
_ERROR = b'{\n  "error": {\n    "code": 503,\n    "status": "UNAVAILABLE"\n  }\n}\n'
_TAILS: dict[str, tuple[bytes, End]] = {
    "nothing, and the connection is reset": (b"", End.RESET),
    "nothing, and the connection is closed": (b"", End.CLOSED),
    "nothing, and the connection stays open": (b"", End.SILENT),
    "comments for ever": (b": keep-alive\n\n", End.REPEATED),
    "empty objects for ever": (event({}), End.REPEATED),
    "a bare error of Google's": (_ERROR, End.WHOLE),
    "an error as an event": (event({"error": {"code": 500, "status": "INTERNAL"}}), End.WHOLE),
    "an error that is about the request": (event({"error": {"code": 400, "status": "X"}}), End.WHOLE),
    "a page": (b"<html>502</html>\n\n", End.WHOLE),
    "garbage": (b"data: {\n\n", End.WHOLE),
    "half a letter": ('data: {"candidates": [{"content": {"parts": [{"text": "ä'.encode()[:-1], End.CLOSED),
    "text": (event(chunk(" And more.")), End.WHOLE),
    "text for ever": (event(chunk(" And more.")), End.REPEATED),
    "another finish reason": (event(chunk(finish="SAFETY")), End.WHOLE),
    "a block of the prompt": (event({"promptFeedback": {"blockReason": "SAFETY"}}), End.WHOLE),
    "a second candidate": (event(chunk("No.", "SAFETY", index=1)), End.WHOLE),
    "a number instead of an object": (b"data: 5\n\n", End.WHOLE),
    "10 MB of text": (event(chunk("x" * 1000)) * 10_000, End.WHOLE),
    "10 MB in one line": (b"data: " + b"x" * 10_000_000, End.WHOLE),
}


@pytest.mark.parametrize("name", _TAILS)
def test_what_follows_a_finish_reason_changes_nothing(name: str) -> None:
    """Red when the stream is read to its end: the call fails, waits for 30 s or takes more text."""
    tail, end = _TAILS[name]
    with StreamingServer(_WHOLE, tail or b": nothing\n\n", end=end) as google:
        asked = ask(google.url)
        assert google.requests == 1
    assert asked.text == "Hello there."
    assert (asked.end.finish_reason, asked.end.usage) == (FinishReason.STOP, TokenUsage(7, 3, 5))
    assert asked.seconds < 4


def test_a_connection_that_stays_open_behind_an_answer_is_closed() -> None:
    """Red when the request is only dropped: it stays open until garbage collection."""
    with StreamingServer(_WHOLE, end=End.SILENT) as google:
        ask(google.url)
        assert google.left.wait(2)


def test_counts_after_a_finish_reason_are_used() -> None:
    parts = event(chunk("Hello.", "STOP")), event(counts(prompt=7, candidates=3, thoughts=5, total=15))
    with StreamingServer(*parts, pauses=(0, 0.3), end=End.SILENT) as google:
        asked = ask(google.url)
    assert asked.end.usage == TokenUsage(7, 3, 5)


_COUNTS: dict[str, tuple[list[Json], TokenUsage]] = {
    "only a total at the end": (
        [counts(prompt=7, candidates=3, thoughts=5, total=15), counts(total=15)],
        TokenUsage(7, 3, 5),
    ),
    "each by itself": ([counts(prompt=7), counts(candidates=3), counts(thoughts=5)], TokenUsage(7, 3, 5)),
    "zeros at the end": (
        [counts(prompt=7, candidates=3, thoughts=5), counts(prompt=0, candidates=0, thoughts=0)],
        TokenUsage(7, 3, 5),
    ),
    "they grow": ([counts(prompt=7, candidates=1), counts(prompt=7, candidates=9)], TokenUsage(7, 9, 0)),
    "an empty object at the end": ([counts(prompt=7, candidates=3), counts()], TokenUsage(7, 3, 0)),
}


@pytest.mark.parametrize("name", _COUNTS)
def test_counts_are_merged(name: str) -> None:
    """Red when the counts of a later chunk replace the earlier ones: counts that it lacks become 0."""
    sent, usage = _COUNTS[name]
    chunks = [
        chunk("Hello") | sent[0],
        *(chunk(".") | each for each in sent[1:-1]),
        chunk("!", "STOP") | sent[-1],
    ]
    with StreamingServer(event(*chunks)) as google:
        assert ask(google.url).end.usage == usage


_WITH_TEXT = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.MAX_TOKENS,
    "CONTINUATION": FinishReason.MAX_TOKENS,
    "OTHER": FinishReason.OTHER,
    "LANGUAGE": FinishReason.OTHER,
    "ESCALATION": FinishReason.OTHER,
    "IMAGE_OTHER": FinishReason.OTHER,
    "NO_IMAGE": FinishReason.OTHER,
    "FINISH_REASON_UNSPECIFIED": FinishReason.OTHER,
    "REASON_OF_THE_FUTURE": FinishReason.OTHER,
    "SAFETY": FinishReason.SAFETY,
    "PROHIBITED_CONTENT": FinishReason.SAFETY,
    "BLOCKLIST": FinishReason.SAFETY,
    "SPII": FinishReason.SAFETY,
    "MODEL_ARMOR": FinishReason.SAFETY,
    "IMAGE_SAFETY": FinishReason.SAFETY,
    "IMAGE_PROHIBITED_CONTENT": FinishReason.SAFETY,
    "RECITATION": FinishReason.RECITATION,
    "IMAGE_RECITATION": FinishReason.RECITATION,
}
_WITHOUT_TEXT = {
    "STOP": (ModelFailure.EMPTY, True),
    "MAX_TOKENS": (ModelFailure.EMPTY, False),
    "OTHER": (ModelFailure.EMPTY, True),
    "LANGUAGE": (ModelFailure.EMPTY, False),
    "NO_IMAGE": (ModelFailure.EMPTY, True),
    "REASON_OF_THE_FUTURE": (ModelFailure.EMPTY, True),
    "FINISH_REASON_UNSPECIFIED": (ModelFailure.EMPTY, True),
    "MALFORMED_FUNCTION_CALL": (ModelFailure.EMPTY, True),
    "UNEXPECTED_TOOL_CALL": (ModelFailure.EMPTY, True),
    "PUP_LIMITED_DISABLED": (ModelFailure.NOT_CONFIGURED, False),
}
_TOOL_CALLS = (
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_SOMETHING_NEW",
)


@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")
@pytest.mark.parametrize("word", _WITH_TEXT)
def test_an_answer_with_text_ends_for_its_reason(word: str) -> None:
    """Red when an unknown reason counts as a refusal."""
    with StreamingServer(event(chunk("Hello"), chunk(".", word))) as google:
        asked = ask(google.url)
    assert (asked.text, asked.end.finish_reason) == ("Hello.", _WITH_TEXT[word])
    is_blocked = _WITH_TEXT[word] in (FinishReason.SAFETY, FinishReason.RECITATION)
    assert asked.end.finish_reason.is_blocked is is_blocked


@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")
@pytest.mark.parametrize("word", _WITHOUT_TEXT)
def test_an_end_without_text_is_a_failure_and_never_a_refusal(word: str) -> None:
    """Red when it counts as withheld by safety rules; retryable where a retry may help."""
    with StreamingServer(event(chunk(finish=word))) as google:
        error = ask(google.url).failure
    assert (error.failure, error.retryable) == _WITHOUT_TEXT[word]
    assert word in error.reason


@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")
@pytest.mark.parametrize("word", _TOOL_CALLS)
def test_an_unrequested_tool_call_is_a_failed_attempt_even_after_text(word: str) -> None:
    with StreamingServer(event(chunk("Let me see"), chunk(finish=word))) as google:
        error = ask(google.url).failure
    assert (error.failure, error.retryable) == (ModelFailure.INTERRUPTED, True)


def test_a_default_finish_reason_ends_nothing() -> None:
    """Some gateways send the default values of enumerations with every chunk."""
    written = {"promptFeedback": {"blockReason": "BLOCKED_REASON_UNSPECIFIED"}}
    parts = chunk("Hel", "FINISH_REASON_UNSPECIFIED") | written, chunk("lo.", "STOP") | written
    with StreamingServer(event(*parts)) as google:
        asked = ask(google.url)
    assert (asked.text, asked.end.finish_reason) == ("Hello.", FinishReason.STOP)


@pytest.mark.parametrize("word", ["SAFETY", "OTHER", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "JAILBREAK"])
def test_every_block_reason_blocks_the_prompt(word: str) -> None:
    with StreamingServer(event({"promptFeedback": {"blockReason": word}} | counts(prompt=7))) as google:
        end = ask(google.url).end
    assert (end.finish_reason, end.usage.input_tokens) == (FinishReason.PROMPT_BLOCKED, 7)


def test_a_second_candidate_is_no_part_of_the_answer() -> None:
    """Red when the first candidate of the list is read: its index may be 1."""
    parts = chunk("Hello", index=0), chunk("Other", "STOP", index=1), chunk(".", "STOP", index=0)
    with StreamingServer(event(*parts)) as google:
        assert ask(google.url).text == "Hello."


_TAIL_ORDERS = ("tail-cut", "tail-stall", "tail-garbage", "tail-503", "tail-text", "tail-total", "comments")


@pytest.mark.parametrize("word", _TAIL_ORDERS)
def test_a_broken_end_of_the_stream_costs_one_call(stack: Stack, user: User, word: str) -> None:
    """Red when a complete reply is retried: four calls, and a failure in the end."""
    text = f"[sandbox:{word}] {user.id}"
    reply = user.say(user.open_room(), text)["reply"]
    assert (reply["status"], reply["finish_reason"], reply["error"]) == ("completed", "stop", None)
    assert reply["content"].endswith("🙂)")
    usage = reply["usage"]
    assert usage["input_tokens"] > 0
    assert usage["output_tokens"] > 0
    assert usage["thinking_tokens"] > 0
    assert len([call for call in stack.calls(text) if call["contents"][-1]["parts"][0]["text"] == text]) == 1


_UNUSUAL = {
    "other": ("completed", None, "other"),
    "language": ("completed", None, "other"),
    "new-reason": ("completed", None, "other"),
    "other=0": ("failed", "model_answer_empty", None),
    "malformed-call": ("failed", "model_interrupted", None),
    "malformed-call=0": ("failed", "model_answer_empty", None),
}


def test_an_unusual_end_is_reported_as_what_it_is(own_stack: Stack) -> None:
    worker = own_stack.start_worker(REPLY_MAX_RETRIES="0")
    user = own_stack.user()
    own_stack.make_pro(user)
    for word, expected in _UNUSUAL.items():
        reply = user.say(user.open_room(), f"[sandbox:{word}]")["reply"]
        error = reply["error"] or {}
        assert (reply["status"], error.get("code"), reply["finish_reason"]) == expected, word
        assert "safety" not in error.get("detail", "")
    for word in ("OTHER", "LANGUAGE", "REASON_OF_THE_FUTURE", "MALFORMED_FUNCTION_CALL"):
        assert word in worker.log


def test_a_malformed_call_is_retried(user: User) -> None:
    """Red when it counts as a refusal: one call, `blocked`."""
    reply = user.say(user.open_room(), f"[sandbox:malformed-call*1] {user.id}")["reply"]
    assert (reply["status"], reply["finish_reason"]) == ("completed", "stop")
