"""Tokens of every call to Gemini are counted, however it ends: by Gemini's own counts, else estimated."""

import json
import math
import signal
import uuid

import httpx
import pytest

from app.gemini_client import ModelError, ModelFailure, TokenUsage
from app.gemini_client.base import MAX_TOKEN_COUNT
from app.services.generation.attempt_usage import AttemptUsage
from devtools.ports import free_port
from tests.support.answering_server import AnsweringServer
from tests.support.person import Json, Person, ok
from tests.support.stack import Stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_THOUGHTS = 48  # the sandbox's usual
_NO_ANSWER = ModelError(ModelFailure.UNAVAILABLE, "refused", retryable=True, is_sent=False)


def _begin(person: Person, room: str, content: str) -> Json:
    reply: Json = ok(person.post(room, content, Prefer="respond-async"))["reply"]
    return reply


def _cancel(person: Person, reply: Json) -> None:
    ok(person.http.post(f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/cancel"))


def _counted(person: Person) -> tuple[int, int]:
    """The day's tokens: of prompts, of answers."""
    today = ok(person.http.get("/user/me/usage", params={"days": 1}))["days"][0]
    return today["input_tokens"], today["output_tokens"]


def _hold_after_three_pieces(stack: Stack, mark: str) -> None:
    order = {"contains": mark, "after_pieces": 3}
    httpx.post(f"{stack.sandbox_url}/sandbox/hold", json=order).raise_for_status()


def _wait_until_held(stack: Stack, mark: str) -> None:
    eventually(lambda: any(call["held"] for call in stack.calls(mark)), what="a call after three pieces")


def _release(stack: Stack, mark: str) -> None:
    httpx.post(f"{stack.sandbox_url}/sandbox/release", json={"contains": mark}).raise_for_status()


def test_a_call_cancelled_before_the_first_word_counts_as_its_prompt(stack: Stack, person: Person) -> None:
    """Red when only an answer's usage is counted: a long prompt that is cancelled costs nobody anything."""
    text = f"[sandbox:hang] {uuid.uuid4().hex} {'word ' * 1000}"
    reply = _begin(person, person.open_room(), text)
    eventually(lambda: stack.calls(text[:30]), what="a call to Gemini")
    _cancel(person, reply)
    assert person.wait_for(reply)["status"] == "cancelled"
    assert _counted(person) == (math.ceil(len(text) / 4), 0)
    assert person.usage()["used"] == 0


def test_a_call_cancelled_in_its_midst_counts_what_gemini_said(stack: Stack, person: Person) -> None:
    mark = uuid.uuid4().hex
    _hold_after_three_pieces(stack, mark)
    reply = _begin(person, person.open_room(), mark)
    _wait_until_held(stack, mark)
    _cancel(person, reply)
    ended = person.wait_for(reply)
    assert (ended["status"], ended["content"] != "") == ("cancelled", True)
    _release(stack, mark)
    _, answered = _counted(person)
    assert _counted(person) == (math.ceil(len(mark) / 4), answered)
    assert answered == _THOUGHTS + math.ceil(len(ended["content"]) / 4)


@pytest.mark.parametrize("order", ["cut", "truncate", "garbage", "midstream-503"])
def test_a_call_that_broke_off_counts_besides_the_one_that_answered(person: Person, order: str) -> None:
    """Red when only the last attempt is counted."""
    usage = person.say(person.open_room(), f"[sandbox:{order}*1] {uuid.uuid4().hex}")["reply"]["usage"]
    asked, answered = _counted(person)
    assert asked == 2 * usage["input_tokens"]
    assert answered > usage["output_tokens"] + usage["thinking_tokens"] + _THOUGHTS


def test_a_refused_call_counts_as_its_prompt(person: Person) -> None:
    text = f"[sandbox:400] {uuid.uuid4().hex}"
    assert person.say(person.open_room(), text)["reply"]["status"] == "failed"
    assert _counted(person) == (math.ceil(len(text) / 4), 0)


def test_what_never_reached_gemini_is_not_counted(own_stack: Stack) -> None:
    """Red when a refused connection counts as a prompt: an outage of the network would look like use."""
    own_stack.start_worker(GEMINI_BASE_URL=f"http://127.0.0.1:{free_port()}", REPLY_MAX_RETRIES="0")
    person = own_stack.person()
    reply = person.say(person.open_room(), "Is anybody there?")["reply"]
    assert (reply["status"], reply["error"]["code"]) == ("failed", "model_unavailable")
    assert (_counted(person), person.usage()["used"]) == ((0, 0), 0)


def test_a_call_handed_back_at_shutdown_is_counted(own_stack: Stack) -> None:
    """Red when a hand-back counts nothing."""
    leaving = own_stack.start_worker(SHUTDOWN_GRACE_SECONDS="0")
    person, mark = own_stack.person(), uuid.uuid4().hex
    _hold_after_three_pieces(own_stack, mark)
    reply = _begin(person, person.open_room(), mark)
    _wait_until_held(own_stack, mark)
    assert leaving.stop(seconds=25) == 0
    asked, answered = _counted(person)
    assert (asked, answered > _THOUGHTS) == (math.ceil(len(mark) / 4), True)
    _release(own_stack, mark)
    own_stack.start_worker()
    usage = person.wait_for(reply)["usage"]
    assert _counted(person) == (
        asked + usage["input_tokens"],
        answered + usage["output_tokens"] + usage["thinking_tokens"],
    )


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_call_lost_with_its_worker_is_counted_as_its_last_renewal_saved_it(
    own_stack: Stack,
    is_answered: bool,  # noqa: FBT001  # pytest's
) -> None:
    """Red without the counts in the row: whoever goes on, or cancels, knows nothing of the lost call."""
    doomed = own_stack.start_worker()
    person, mark = own_stack.person(), uuid.uuid4().hex
    _hold_after_three_pieces(own_stack, mark)
    reply = _begin(person, person.open_room(), mark)
    _wait_until_held(own_stack, mark)
    query = (
        "SELECT 1 FROM messages WHERE id = %s AND uncounted_input_tokens > 0 AND uncounted_output_tokens > 48"
    )
    eventually(lambda: own_stack.database.rows(query, uuid.UUID(reply["id"])), what="a renewal")
    doomed.send(signal.SIGKILL)
    assert _counted(person) == (0, 0)
    _release(own_stack, mark)
    lost = math.ceil(len(mark) / 4)
    if is_answered:
        own_stack.start_worker()
        usage = person.wait_for(reply)["usage"]
        asked, answered = _counted(person)
        assert asked == lost + usage["input_tokens"]
        assert answered > usage["output_tokens"] + usage["thinking_tokens"] + _THOUGHTS
    else:
        expired = "SELECT 1 FROM messages WHERE id = %s AND lease_until < now()"
        eventually(lambda: own_stack.database.rows(expired, uuid.UUID(reply["id"])), what="the lease's end")
        _cancel(person, reply)
        asked, answered = _counted(person)
        assert (asked, answered > _THOUGHTS) == (lost, True)
        _cancel(person, reply)
        assert _counted(person) == (asked, answered)
    assert person.usage()["used"] == 1


@pytest.mark.parametrize(
    ("said", "counted"), [(2**40, MAX_TOKEN_COUNT), (10**30, MAX_TOKEN_COUNT), (-5, 0), (2**31, 2**31 - 1)]
)
def test_an_absurd_count_of_gemini_fails_no_reply(own_stack: Stack, said: int, counted: int) -> None:
    """Red when a count goes into a row as it came: the attempt crashes on it, again and again."""
    chunk = {
        "candidates": [{"content": {"parts": [{"text": "Well."}], "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": said,
            "candidatesTokenCount": said,
            "thoughtsTokenCount": said,
        },
    }
    body = b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n"
    with AnsweringServer(200, body, Content_Type="text/event-stream") as google:
        worker = own_stack.start_worker(GEMINI_BASE_URL=google.url, REPLY_MAX_WORKER_LOSSES="0")
        person = own_stack.person()
        reply = person.say(person.open_room(), "How many?")["reply"]
        worker.kill()
    assert (reply["status"], reply["content"]) == ("completed", "Well.")
    assert [reply["usage"][f"{kind}_tokens"] for kind in ("input", "output", "thinking")] == [counted] * 3
    if counted:
        assert _counted(person) == (counted, 2 * counted)


def test_without_counts_both_sides_are_estimated_at_the_rooms_rate() -> None:
    usage = AttemptUsage(earlier_input_tokens=1000, earlier_output_tokens=100)
    assert (usage.input_tokens, usage.output_tokens, usage.has_output) == (1000, 100, False)
    usage.call(prompt_bytes=201, bytes_per_token=2.0)
    assert (usage.input_tokens, usage.has_output) == (1101, False)
    usage.add_text("äöü")
    assert (usage.output_tokens, usage.has_output) == (103, True)


def test_text_after_geminis_last_count_is_estimated_on_top_of_it() -> None:
    """Red when a count without output tokens, as Gemini's first ones are, hides the text before it."""
    usage = AttemptUsage()
    usage.call(prompt_bytes=400, bytes_per_token=4.0)
    usage.add_text("x" * 40)
    usage.add_counts(TokenUsage(7, 0, 0))
    assert (usage.input_tokens, usage.output_tokens) == (7, 10)
    usage.add_counts(TokenUsage(7, 9, 30))
    assert (usage.input_tokens, usage.output_tokens) == (7, 39)
    usage.add_text("x" * 4)
    assert usage.output_tokens == 40


def test_a_count_that_states_nothing_takes_nothing_back() -> None:
    """Red when counts are replaced: a last chunk with only a total sets a whole answer's tokens to 0."""
    usage = AttemptUsage()
    usage.call(prompt_bytes=400, bytes_per_token=4.0)
    usage.add_counts(TokenUsage(7, 9, 30))
    usage.add_text("x" * 4)
    usage.add_counts(TokenUsage(0, 0, 0))
    assert (usage.input_tokens, usage.output_tokens, usage.has_output) == (7, 40, True)
    usage.add_counts(TokenUsage(0, 10, 0))
    assert (usage.input_tokens, usage.output_tokens) == (7, 40)


def test_thoughts_are_output_and_a_prompt_that_was_not_sent_is_none() -> None:
    usage = AttemptUsage()
    usage.call(prompt_bytes=400, bytes_per_token=4.0)
    usage.fail(_NO_ANSWER)
    assert (usage.input_tokens, usage.has_output) == (0, False)
    usage.add_counts(TokenUsage(7, 0, 1))
    assert usage.has_output
