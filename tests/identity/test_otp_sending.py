"""Codes are sent through Twilio, in the background, and appear in no log."""

import time
from collections.abc import Iterator

import pytest

from devtools.ports import free_port
from tests.support.codes import api_processes, ask, verify
from tests.support.scripted_server import HANG
from tests.support.sending_api import SendingApi
from tests.support.stack import Stack
from tests.support.twilio import SENDER, TOKEN, Twilio
from tests.support.user import ok, some_number
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def _twilio() -> Iterator[Twilio]:
    with Twilio() as twilio:
        yield twilio


@pytest.fixture(scope="module")
def api(stack: Stack, _twilio: Twilio) -> Iterator[SendingApi]:
    with api_processes(stack, 1, LOG_LEVEL="debug", **_twilio.settings) as [url]:
        yield SendingApi(url, stack.processes[-1], stack)


@pytest.fixture
def twilio(_twilio: Twilio) -> Twilio:
    """Twilio in its best mood."""
    _twilio.behave()
    return _twilio


def test_the_code_arrives_by_text_and_only_there(api: SendingApi, twilio: Twilio) -> None:
    number = api.account()
    answer = ask(api.url, number)
    assert ok(answer).keys() == {"message", "expires_in", "resend_after"}
    [sms] = eventually(lambda: twilio.sent_to(number), what="the text")
    assert (sms.to, sms.sender) == (number, SENDER)
    assert sms.body == f"{sms.otp} is your code. It is valid for 5 minutes. Do not share it."
    assert ok(verify(api.url, number, sms.otp))["user"]["mobile_number"] == number
    eventually(lambda: api.events("otp_sent", answer), what="its line in the log")


@pytest.mark.parametrize("sender", [f"MG{'0123456789abcdef' * 2}", "12345", "Chat & Co"])
def test_each_kind_of_sender_is_sent_in_the_parameter_that_twilio_requires(stack: Stack, sender: str) -> None:
    """Red when a Messaging Service is sent as `From`: Twilio refuses it, and no user can sign in."""
    with Twilio() as twilio:
        settings = {**twilio.settings, "TWILIO_FROM": sender}
        with api_processes(stack, 1, **settings) as [url]:
            number = SendingApi(url, stack.processes[-1], stack).account()
            ok(ask(url, number))
            [sms] = eventually(lambda: twilio.sent_to(number), what="the text")
            assert sms.sender == sender


def test_a_twilio_that_cannot_be_reached_is_logged_with_the_reason(stack: Stack) -> None:
    """Red when only the exception's class is logged."""
    with Twilio() as twilio:
        settings = {**twilio.settings, "TWILIO_API_BASE": f"http://127.0.0.1:{free_port()}"}
        with api_processes(stack, 1, **settings) as [url]:
            api = SendingApi(url, stack.processes[-1], stack)
            ok(ask(url, api.account()))
            [line] = eventually(lambda: api.events("otp_not_sent")[:1], what="the first try")
            assert "Connection refused" in line["error"] or "Connect call failed" in line["error"]


def test_a_number_without_an_account_gets_no_text(api: SendingApi, twilio: Twilio) -> None:
    unknown, known = some_number(), api.account()
    for path in ("send-otp", "forgot-password"):
        assert ask(api.url, unknown, path=path).status_code in (200, 429)
    ok(ask(api.url, known))
    eventually(lambda: twilio.sent_to(known), what="a later text")
    time.sleep(0.3)  # longer than any text is held back
    assert twilio.requests_to(unknown) == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(api: SendingApi, twilio: Twilio, status: int) -> None:
    """Red when a failed send is given up at once."""
    twilio.behave(status, status)
    number = api.account()
    answer = ask(api.url, number)
    [sms] = eventually(lambda: twilio.sent_to(number), what="the text")
    assert len(twilio.requests_to(number)) == 3
    ok(verify(api.url, number, sms.otp))
    codes = {429: 20429, 500: 20500, 503: 20503}
    assert [line["error"] for line in api.events("otp_not_sent", answer)] == [
        f"status {status}, code {codes[status]}"
    ] * 2


@pytest.mark.parametrize(("status", "code"), [(400, 21211), (401, 20003), (403, 20403), (404, 20404)])
def test_what_is_refused_for_good_is_not_tried_again(
    api: SendingApi, twilio: Twilio, status: int, code: int
) -> None:
    """Red when every failure is tried again."""
    twilio.behave(always=status)
    number = api.account()
    answer = ask(api.url, number)
    ok(answer)
    [refusal] = eventually(lambda: api.events("otp_refused_by_sender", answer), what="the end of it")
    assert refusal["error"] == f"status {status}, code {code}"
    time.sleep(0.5)  # longer than the pause before a second try
    assert len(twilio.requests_to(number)) == 1


def test_no_request_waits_for_twilio(api: SendingApi, twilio: Twilio) -> None:
    """Red when the text is sent before the response: Twilio does not respond here."""
    twilio.behave(always=HANG)
    number = api.account()
    answer = ask(api.url, number)
    ok(answer)
    assert api.events("otp_not_sent", answer) == []  # the first try is not even over
    eventually(lambda: len(twilio.requests_to(number)) == 3, what="three tries")
    eventually(lambda: len(api.events("otp_not_sent", answer)) == 3, what="the end of them", seconds=10)
    twilio.release()


def test_a_text_under_way_is_sent_before_the_process_ends(stack: Stack) -> None:
    """Red when the sender is not waited for at shutdown."""
    with Twilio() as twilio, api_processes(stack, 1, **twilio.settings) as [url]:
        api = SendingApi(url, stack.processes[-1], stack)
        number = api.account()
        twilio.behave(500, 500)
        answer = ask(url, number)
        ok(answer)
        api.process.stop(seconds=20)
        assert len(twilio.sent_to(number)) == 1
        assert len(api.events("otp_sent", answer)) == 1


def test_a_silent_twilio_does_not_keep_the_process_from_ending(stack: Stack) -> None:
    with Twilio() as twilio, api_processes(stack, 1, **twilio.settings) as [url]:
        api = SendingApi(url, stack.processes[-1], stack)
        twilio.behave(always=HANG)
        number = api.account()
        ok(ask(url, number))
        eventually(lambda: twilio.requests_to(number), what="a try")
        api.process.stop(seconds=20)


def test_no_log_holds_a_number_a_code_or_the_key_to_twilio(api: SendingApi, twilio: Twilio) -> None:
    """At LOG_LEVEL=debug, whatever Twilio answers; its own errors repeat number and text."""
    numbers = []
    for status in (201, 400, 429, 500):
        twilio.behave(status)
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
    for secret in (*numbers, *(number[1:] for number in numbers), TOKEN):
        assert secret not in log
    for sms in twilio.requests:
        assert f"{sms.otp} " not in log
        assert f'"{sms.otp}"' not in log
