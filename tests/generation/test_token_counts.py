"""The tokens of every call to the model are counted, by the model's counts or by estimates."""

import json
import math
import signal
import uuid

import httpx
import pytest

from app.gemini_client.base import MAX_TOKEN_COUNT
from devtools.ports import free_port
from tests.support.answering_server import AnsweringServer
from tests.support.stack import Stack
from tests.support.user import Json, User, ok
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_THOUGHTS = 48  # the sandbox's usual


def _begin(user: User, room: str, content: str) -> Json:
    reply: Json = ok(user.post(room, content, Prefer="respond-async"))["reply"]
    return reply


def _cancel(user: User, reply: Json) -> None:
    ok(user.http.post(f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/cancel"))


def _counted(user: User) -> tuple[int, int]:
    """Return the day's tokens of prompts and of answers."""
    today = ok(user.http.get("/user/me/usage", params={"days": 1}))["days"][0]
    return today["input_tokens"], today["output_tokens"]


def _hold_after_three_pieces(stack: Stack, mark: str) -> None:
    order = {"contains": mark, "after_pieces": 3}
    httpx.post(f"{stack.sandbox_url}/sandbox/hold", json=order).raise_for_status()


def _wait_until_held(stack: Stack, mark: str) -> None:
    eventually(lambda: any(call["held"] for call in stack.calls(mark)), what="a call after three pieces")


def _release(stack: Stack, mark: str) -> None:
    httpx.post(f"{stack.sandbox_url}/sandbox/release", json={"contains": mark}).raise_for_status()


def test_a_call_cancelled_before_its_first_text_counts_as_its_prompt(stack: Stack, user: User) -> None:
    """Red when only the usage of answers is counted: a long cancelled prompt would count as nothing."""
    text = f"[sandbox:hang] {uuid.uuid4().hex} {'word ' * 1000}"
    reply = _begin(user, user.open_room(), text)
    eventually(lambda: stack.calls(text[:30]), what="a call to Gemini")
    _cancel(user, reply)
    assert user.wait_for(reply)["status"] == "cancelled"
    assert _counted(user) == (math.ceil(len(text) / 4), 0)
    assert user.usage()["used"] == 0


def test_a_call_cancelled_during_its_answer_counts_the_text_so_far(stack: Stack, user: User) -> None:
    mark = uuid.uuid4().hex
    _hold_after_three_pieces(stack, mark)
    reply = _begin(user, user.open_room(), mark)
    _wait_until_held(stack, mark)
    _cancel(user, reply)
    ended = user.wait_for(reply)
    assert (ended["status"], ended["content"] != "") == ("cancelled", True)
    _release(stack, mark)
    _, output_tokens = _counted(user)
    assert _counted(user) == (math.ceil(len(mark) / 4), output_tokens)
    assert output_tokens == _THOUGHTS + math.ceil(len(ended["content"]) / 4)


@pytest.mark.parametrize("order", ["cut", "truncate", "garbage", "midstream-503"])
def test_an_interrupted_call_counts_besides_its_retry(user: User, order: str) -> None:
    """Red when only the last attempt is counted."""
    usage = user.say(user.open_room(), f"[sandbox:{order}*1] {uuid.uuid4().hex}")["reply"]["usage"]
    input_tokens, output_tokens = _counted(user)
    assert input_tokens == 2 * usage["input_tokens"]
    assert output_tokens > usage["output_tokens"] + usage["thinking_tokens"] + _THOUGHTS


def test_a_rejected_call_counts_as_its_prompt(user: User) -> None:
    text = f"[sandbox:400] {uuid.uuid4().hex}"
    assert user.say(user.open_room(), text)["reply"]["status"] == "failed"
    assert _counted(user) == (math.ceil(len(text) / 4), 0)


def test_a_prompt_that_was_not_sent_is_not_counted(own_stack: Stack) -> None:
    """Red when a refused connection counts as a prompt: a network outage would count as usage."""
    own_stack.start_worker(GEMINI_BASE_URL=f"http://127.0.0.1:{free_port()}", REPLY_MAX_RETRIES="0")
    user = own_stack.user()
    reply = user.say(user.open_room(), "Is anybody there?")["reply"]
    assert (reply["status"], reply["error"]["code"]) == ("failed", "model_unavailable")
    assert (_counted(user), user.usage()["used"]) == ((0, 0), 0)


def test_a_call_released_at_shutdown_is_counted(own_stack: Stack) -> None:
    """Red when a release counts nothing."""
    leaving = own_stack.start_worker(SHUTDOWN_GRACE_SECONDS="0")
    user, mark = own_stack.user(), uuid.uuid4().hex
    _hold_after_three_pieces(own_stack, mark)
    reply = _begin(user, user.open_room(), mark)
    _wait_until_held(own_stack, mark)
    assert leaving.stop(seconds=25) == 0
    input_tokens, output_tokens = _counted(user)
    assert (input_tokens, output_tokens > _THOUGHTS) == (math.ceil(len(mark) / 4), True)
    _release(own_stack, mark)
    own_stack.start_worker()
    usage = user.wait_for(reply)["usage"]
    assert _counted(user) == (
        input_tokens + usage["input_tokens"],
        output_tokens + usage["output_tokens"] + usage["thinking_tokens"],
    )


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_call_lost_with_its_worker_is_counted_as_its_last_renewal_saved_it(
    own_stack: Stack,
    is_answered: bool,  # noqa: FBT001  # pytest's
) -> None:
    """Red without the counts in the row: the next attempt or a cancellation cannot count the lost call."""
    doomed = own_stack.start_worker()
    user, mark = own_stack.user(), uuid.uuid4().hex
    _hold_after_three_pieces(own_stack, mark)
    reply = _begin(user, user.open_room(), mark)
    _wait_until_held(own_stack, mark)
    query = (
        "SELECT 1 FROM messages WHERE id = %s AND uncounted_input_tokens > 0 AND uncounted_output_tokens > 48"
    )
    eventually(lambda: own_stack.database.rows(query, uuid.UUID(reply["id"])), what="a renewal")
    doomed.send(signal.SIGKILL)
    assert _counted(user) == (0, 0)
    _release(own_stack, mark)
    lost = math.ceil(len(mark) / 4)
    if is_answered:
        own_stack.start_worker()
        usage = user.wait_for(reply)["usage"]
        input_tokens, output_tokens = _counted(user)
        assert input_tokens == lost + usage["input_tokens"]
        assert output_tokens > usage["output_tokens"] + usage["thinking_tokens"] + _THOUGHTS
    else:
        expired = "SELECT 1 FROM messages WHERE id = %s AND lease_until < now()"
        eventually(lambda: own_stack.database.rows(expired, uuid.UUID(reply["id"])), what="the lease's end")
        _cancel(user, reply)
        input_tokens, output_tokens = _counted(user)
        assert (input_tokens, output_tokens > _THOUGHTS) == (lost, True)
        _cancel(user, reply)
        assert _counted(user) == (input_tokens, output_tokens)
    assert user.usage()["used"] == 1


@pytest.mark.parametrize(
    ("sent", "counted"), [(2**40, MAX_TOKEN_COUNT), (10**30, MAX_TOKEN_COUNT), (-5, 0), (2**31, 2**31 - 1)]
)
def test_an_absurd_token_count_fails_no_reply(own_stack: Stack, sent: int, counted: int) -> None:
    """Red when a count is stored unchecked: each attempt crashes on it."""
    chunk = {
        "candidates": [{"content": {"parts": [{"text": "Well."}], "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": sent,
            "candidatesTokenCount": sent,
            "thoughtsTokenCount": sent,
        },
    }
    body = b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n"
    with AnsweringServer(200, body, Content_Type="text/event-stream") as google:
        worker = own_stack.start_worker(GEMINI_BASE_URL=google.url, REPLY_MAX_WORKER_LOSSES="0")
        user = own_stack.user()
        reply = user.say(user.open_room(), "How many?")["reply"]
        worker.kill()
    assert (reply["status"], reply["content"]) == ("completed", "Well.")
    assert [reply["usage"][f"{kind}_tokens"] for kind in ("input", "output", "thinking")] == [counted] * 3
    if counted:
        assert _counted(user) == (counted, 2 * counted)
