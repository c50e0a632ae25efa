"""Codes are passed to the operator's own server, signed, in the background, and appear in no log."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from devtools.ports import free_port
from tests.support.codes import api_processes, ask, verify
from tests.support.scripted_server import HANG
from tests.support.sending_api import SendingApi
from tests.support.sms_receiver import (
    BAD_LOCATION,
    ENDLESS,
    GARBAGE,
    QUERY_TOKEN,
    SmsReceiver,
    some_secret,
)
from tests.support.stack import Stack
from tests.support.user import ok, some_number
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def _receiver() -> Iterator[SmsReceiver]:
    with SmsReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def api(stack: Stack, _receiver: SmsReceiver) -> Iterator[SendingApi]:
    with api_processes(stack, 1, LOG_LEVEL="debug", **_receiver.settings) as [url]:
        yield SendingApi(url, stack.processes[-1], stack)


@pytest.fixture
def receiver(_receiver: SmsReceiver) -> SmsReceiver:
    """A receiver that accepts everything."""
    _receiver.behave()
    return _receiver


def test_the_code_arrives_in_a_signed_request_and_only_there(api: SendingApi, receiver: SmsReceiver) -> None:
    """Red when a member is renamed, the path or the query is lost, or the signature covers less."""
    number, before = api.account(), datetime.now(UTC)
    answer = ask(api.url, number)
    assert ok(answer).keys() == {"message", "expires_in", "resend_after"}
    [call] = eventually(lambda: receiver.sent_to(number), what="the request")
    otp = call.data["otp"]
    assert call.data == {
        "mobile_number": number,
        "text": f"{otp} is your code. It is valid for 5 minutes. Do not share it.",
        "otp": otp,
        "locale": "en",
        "purpose": "login",
        "expires_in": 300,
    }
    assert call.payload.keys() == {"type", "timestamp", "data"}
    assert call.payload["type"] == "otp.send"
    assert call.payload["timestamp"].endswith("Z")
    sent_at = datetime.fromisoformat(call.payload["timestamp"])
    assert before - timedelta(seconds=1) < sent_at < datetime.now(UTC)
    assert call.path == f"/hooks/otp?token={QUERY_TOKEN}"
    assert call.headers["content-type"] == "application/json"
    assert call.is_signed_by(receiver.secret)
    assert not call.is_signed_by(some_secret())
    assert ok(verify(api.url, number, otp))["user"]["mobile_number"] == number
    eventually(lambda: api.events("otp_sent", answer), what="its line in the log")


def test_a_code_for_a_reset_names_its_purpose(api: SendingApi, receiver: SmsReceiver) -> None:
    number = api.account()
    ok(ask(api.url, number, path="forgot-password"))
    [call] = eventually(lambda: receiver.sent_to(number), what="the request")
    assert call.data["purpose"] == "password_reset"
    ok(verify(api.url, number, call.data["otp"], purpose="password_reset"))


def test_nothing_arrives_for_a_number_without_an_account(api: SendingApi, receiver: SmsReceiver) -> None:
    """Red when every number is sent to."""
    unknown, known = some_number(), api.account()
    for path in ("send-otp", "forgot-password"):
        assert ask(api.url, unknown, path=path).status_code in (200, 429)
    ok(ask(api.url, known))
    eventually(lambda: receiver.sent_to(known), what="a later request")
    time.sleep(0.3)  # longer than any message is held back
    assert receiver.calls_to(unknown) == []


@pytest.mark.parametrize("status", [302, 307, 408, 409, 425, 429, 500, 503])
def test_a_failure_is_tried_again_under_the_same_id(
    api: SendingApi, receiver: SmsReceiver, status: int
) -> None:
    """Red when each attempt has an id of its own: a receiver would send the same code twice."""
    receiver.behave(status, status)
    number = api.account()
    answer = ask(api.url, number)
    eventually(lambda: receiver.sent_to(number), what="the request")
    calls = receiver.calls_to(number)
    assert len(calls) == 3
    assert len({call.id for call in calls}) == 1
    assert len({call.body for call in calls}) == 1
    assert all(call.is_signed_by(receiver.secret) for call in calls)
    assert [line["error"] for line in api.events("otp_not_sent", answer)] == [f"answered {status}"] * 2


def test_a_redirect_is_not_followed(api: SendingApi, receiver: SmsReceiver) -> None:
    """Red with `follow_redirects`: the code goes wherever the answer says."""
    receiver.behave(always=307)
    number = api.account()
    answer = ask(api.url, number)
    eventually(lambda: len(api.events("otp_not_sent", answer)) == 3, what="three tries")
    assert [line["error"] for line in api.events("otp_not_sent", answer)] == ["answered 307"] * 3
    assert {call.path.partition("?")[0] for call in receiver.calls} == {"/hooks/otp"}


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
def test_a_refusal_is_final(api: SendingApi, receiver: SmsReceiver, status: int) -> None:
    """Red when every failure is tried again."""
    receiver.behave(always=status)
    number = api.account()
    answer = ask(api.url, number)
    ok(answer)
    [refusal] = eventually(lambda: api.events("otp_refused_by_sender", answer), what="the end of it")
    assert refusal["error"] == f"answered {status}"
    time.sleep(0.5)  # longer than the pause before a second try
    assert len(receiver.calls_to(number)) == 1


def test_no_request_waits_for_a_silent_receiver_and_each_try_ends(
    api: SendingApi, receiver: SmsReceiver
) -> None:
    """Red when the message is sent before the response, or when a try has no limit."""
    receiver.behave(always=HANG)
    number = api.account()
    answer = ask(api.url, number)
    ok(answer)
    assert api.events("otp_not_sent", answer) == []  # the first try is not even over
    eventually(lambda: len(api.events("otp_not_sent", answer)) == 3, what="three tries")
    assert {line["error"] for line in api.events("otp_not_sent", answer)[:2]} == {"no response within 3 s"}
    receiver.release()


def test_a_body_without_an_end_is_not_read(api: SendingApi, receiver: SmsReceiver) -> None:
    """Red when it is read until its time is over: hundreds of megabytes for each message."""
    receiver.behave(ENDLESS)
    number = api.account()
    answer = ask(api.url, number)
    eventually(lambda: api.events("otp_sent", answer), what="success")
    assert eventually(receiver.cut.is_set, what="the end of the connection")
    assert receiver.written < 16_000_000  # the sockets' buffers hold most of it
    assert len(receiver.calls_to(number)) == 1
    assert api.events("otp_not_sent", answer) == []


def test_a_receiver_that_cannot_be_reached_is_logged_with_the_reason(stack: Stack) -> None:
    with SmsReceiver() as receiver:
        settings = {**receiver.settings, "SMS_WEBHOOK_URL": f"http://127.0.0.1:{free_port()}/{QUERY_TOKEN}"}
        with api_processes(stack, 1, **settings) as [url]:
            api = SendingApi(url, stack.processes[-1], stack)
            ok(ask(url, api.account()))
            [line] = eventually(lambda: api.events("otp_not_sent")[:1], what="the first try")
            assert "Connection refused" in line["error"] or "Connect call failed" in line["error"]
            assert QUERY_TOKEN not in api.process.log


def test_during_a_rotation_a_request_has_a_signature_of_each_secret(stack: Stack) -> None:
    """Red when one secret alone signs: the receiver refuses every code until it has the new one."""
    secrets = [some_secret(24), some_secret(64)]
    with SmsReceiver() as receiver:
        settings = {**receiver.settings, "SMS_WEBHOOK_SECRET": " , ".join(secrets)}
        with api_processes(stack, 1, **settings) as [url]:
            api = SendingApi(url, stack.processes[-1], stack)
            number = api.account()
            ok(ask(url, number))
            [call] = eventually(lambda: receiver.sent_to(number), what="the request")
            assert all(call.is_signed_by(secret) for secret in secrets)
            assert len(call.headers["webhook-signature"].split(" ")) == 2
            assert api.events("sms_webhook_unsigned") == []


def test_without_a_secret_requests_are_unsigned_and_one_warning_says_so(stack: Stack) -> None:
    with SmsReceiver() as receiver, api_processes(stack, 1, **receiver.unsigned_settings) as [url]:
        api = SendingApi(url, stack.processes[-1], stack)
        number = api.account()
        ok(ask(url, number))
        [call] = eventually(lambda: receiver.sent_to(number), what="the request")
        assert "webhook-signature" not in call.headers
        assert call.id
        [warning] = api.events("sms_webhook_unsigned")
        assert warning["level"] == "warning"


def test_no_log_holds_a_number_a_code_a_text_or_a_secret(api: SendingApi, receiver: SmsReceiver) -> None:
    """At LOG_LEVEL=debug, whatever the receiver answers; it repeats the request. Red when that is logged.

    The HTTP client's own errors quote a malformed status line and a location that is no address.
    """
    numbers = []
    for status in (200, 302, 400, 429, 500, GARBAGE, BAD_LOCATION):
        receiver.behave(status)
        numbers.append(api.account())
        answer = ask(api.url, numbers[-1])
        verify(api.url, numbers[-1], "000000")
        eventually(
            lambda answer=answer: (  # type: ignore[misc]  # mypy cannot infer a lambda's default
                api.events("otp_sent", answer) or api.events("otp_refused_by_sender", answer)
            ),
            what="the end of it",
        )
    log = api.process.log
    assert len(receiver.calls) > len(numbers)
    for secret in (*numbers, *(number[1:] for number in numbers), receiver.secret, QUERY_TOKEN):
        assert secret not in log
    for call in receiver.calls:
        assert f"{call.data['otp']} is" not in log
        assert f'"{call.data["otp"]}"' not in log
        assert call.headers["webhook-signature"] not in log
