"""What nobody has mapped costs one try, not a lease that runs out again and again; answers have a bound."""

import json

import pytest

from tests.support.answering_server import AnsweringServer
from tests.support.person import Json
from tests.support.stack import Stack

_EVENTS = {"Content_Type": "text/event-stream"}
_NOT_UNDERSTOOD = {
    "a number instead of an object": b"data: 5\n\n",
    "a list": b'data: ["text"]\n\n',
    "a text where parts belong": b'data: {"candidates":[{"content":{"parts":7}}]}\n\n',
    "JSON that is 3,000 deep": b"data: " + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"\n\n",
}


def _chunk(text: str, **more: object) -> bytes:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, **more}
    return f"data: {json.dumps({'candidates': [candidate]})}\n\n".encode()


def _reply(stack: Stack, answer: bytes, **settings: str) -> tuple[Json, int, str]:
    """Have a message answered by this stream; returns the reply, how often Gemini was asked, and the log."""
    with AnsweringServer(200, answer, **_EVENTS) as google:
        worker = stack.start_worker(GEMINI_BASE_URL=google.url, **settings)
        user = stack.person()
        reply: Json = user.say(user.open_room(), "Hello")["reply"]
        return reply, google.requests, worker.log


@pytest.mark.parametrize("name", _NOT_UNDERSTOOD)
def test_an_answer_that_nobody_understands_is_a_failed_try_at_once(own_stack: Stack, name: str) -> None:
    """Red when an unexpected exception ends the work on a reply: its lease has to run out 21 times."""
    reply, requests, log = _reply(own_stack, _NOT_UNDERSTOOD[name], REPLY_MAX_RETRIES="0")
    assert (reply["status"], reply["error"]["code"]) == ("failed", "model_interrupted")
    assert requests == 1
    assert "model_failed" in log


def test_an_answer_that_cannot_be_stored_is_a_failed_try_at_once(own_stack: Stack) -> None:
    """Red when only the model's own failures count as tries: the lease runs out and Gemini is asked again."""
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


def test_an_answer_without_end_is_cut_and_counts_as_cut_at_the_output_limit(own_stack: Stack) -> None:
    """Red without the bound: what a broken or foreign server sends is stored whole."""
    most = 100
    answer = b"".join(_chunk("x" * 10_000) for _ in range(100))
    reply, _, log = _reply(own_stack, answer, GEMINI_MAX_OUTPUT_TOKENS=str(most))
    assert (reply["status"], reply["finish_reason"]) == ("completed", "max_tokens")
    assert reply["content"] == "x" * 32 * most
    assert "model_answer_cut" in log
