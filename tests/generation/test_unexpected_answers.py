"""An unexpected response costs one attempt, not an expired lease after each; answers have a size limit."""

import json

import pytest

from tests.support.answering_server import AnsweringServer
from tests.support.stack import Stack
from tests.support.user import Json

_EVENTS = {"Content_Type": "text/event-stream"}
_UNEXPECTED = {
    "a number instead of an object": b"data: 5\n\n",
    "a list": b'data: ["text"]\n\n',
    "a text where parts belong": b'data: {"candidates":[{"content":{"parts":7}}]}\n\n',
    "JSON that is 3,000 deep": b"data: " + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"\n\n",
}


def _chunk(text: str, **more: object) -> bytes:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, **more}
    return f"data: {json.dumps({'candidates': [candidate]})}\n\n".encode()


def _reply(stack: Stack, answer: bytes, **settings: str) -> tuple[Json, int, str]:
    """Answer a message by this stream; return the reply, the number of calls, and the log."""
    with AnsweringServer(200, answer, **_EVENTS) as google:
        worker = stack.start_worker(GEMINI_BASE_URL=google.url, **settings)
        user = stack.user()
        reply: Json = user.say(user.open_room(), "Hello")["reply"]
        return reply, google.requests, worker.log


@pytest.mark.parametrize("name", _UNEXPECTED)
def test_an_unexpected_response_is_a_failed_attempt_at_once(own_stack: Stack, name: str) -> None:
    """Red when an unexpected exception ends the work on a reply: its lease has to expire 21 times."""
    reply, requests, log = _reply(own_stack, _UNEXPECTED[name], REPLY_MAX_RETRIES="0")
    assert (reply["status"], reply["error"]["code"]) == ("failed", "model_interrupted")
    assert requests == 1
    assert "model_failed" in log


def test_an_answer_that_cannot_be_stored_is_a_failed_attempt_at_once(own_stack: Stack) -> None:
    """Red when only failures of the model count: the lease expires and the model is called again."""
    own_stack.database.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION ''not this text''; END'"
    )
    own_stack.database.run(
        "CREATE TRIGGER refuse BEFORE UPDATE ON messages FOR EACH ROW"
        " WHEN (NEW.status = 'completed') EXECUTE FUNCTION refuse()"
    )
    answer = _chunk("Hello!", finishReason="STOP")
    reply, requests, log = _reply(own_stack, answer, REPLY_MAX_RETRIES="0")
    assert (reply["status"], reply["error"]["code"]) == ("failed", "internal_error")
    assert requests == 1
    assert "reply_not_stored" in log


def test_an_endless_answer_is_cut_and_counts_as_cut_at_the_output_limit(own_stack: Stack) -> None:
    """Red without the limit: everything that a broken server sends is stored."""
    limit = 100
    answer = b"".join(_chunk("x" * 10_000) for _ in range(100))
    reply, _, log = _reply(own_stack, answer, GEMINI_MAX_OUTPUT_TOKENS=str(limit))
    assert (reply["status"], reply["finish_reason"]) == ("completed", "max_tokens")
    assert reply["content"] == "x" * 32 * limit
    assert "model_answer_cut" in log
