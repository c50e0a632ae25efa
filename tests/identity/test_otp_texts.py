"""The text of a message: from `OTP_TEXT`, in the language of the caller, by every delivery."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.support.codes import anyone, api_processes, open_accounts, some_address
from tests.support.sending_api import SendingApi
from tests.support.sms_receiver import SmsReceiver
from tests.support.stack import Stack
from tests.support.twilio import Twilio
from tests.support.user import ok, some_number
from tests.support.waiting import eventually

_TEXTS = {
    "en": r"Your Example code is {code}.\n\n@example.com #{code}",
    "de": "{code} ist dein Code f\u00fcr Example, {minutes} Minuten g\u00fcltig.\nFA+9qCX9VSu",
}
_SETTINGS = {
    "OTP_TEXT": json.dumps(_TEXTS),
    "OTP_RESEND_SECONDS": "0",
    "OTP_PER_HOUR": "100",
    "OTP_PER_DAY": "100",
}


def _ask(api: SendingApi, number: str, language: str | None, path: str = "send-otp") -> httpx.Response:
    headers = {"X-Forwarded-For": some_address()}
    if language is not None:
        headers["Accept-Language"] = language
    return anyone(api.url).post(f"/auth/{path}", json={"mobile_number": number}, headers=headers)


@pytest.fixture(scope="module")
def receiver() -> Iterator[SmsReceiver]:
    with SmsReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def api(stack: Stack, receiver: SmsReceiver) -> Iterator[SendingApi]:
    with api_processes(stack, 1, **receiver.settings, **_SETTINGS, OTP_TTL_SECONDS="600") as [url]:
        yield SendingApi(url, stack.processes[-1], stack)


@pytest.mark.parametrize("path", ["send-otp", "forgot-password"])
@pytest.mark.parametrize(
    ("language", "locale"),
    [(None, "en"), ("de-AT,de;q=0.9,en;q=0.5", "de"), ("fr-CH, fr;q=0.9", "en"), ("x" * 5000, "en")],
)
def test_the_message_is_in_the_language_of_the_caller(
    api: SendingApi, receiver: SmsReceiver, path: str, language: str | None, locale: str
) -> None:
    """Byte for byte, as phones require it. Red when the header is not read, or when a region must match."""
    number = api.account()
    ok(_ask(api, number, language, path))
    [call] = eventually(lambda: receiver.sent_to(number), what="the message")
    otp = call.data["otp"]
    expected = {
        "en": f"Your Example code is {otp}.\n\n@example.com #{otp}",
        "de": f"{otp} ist dein Code f\u00fcr Example, 10 Minuten g\u00fcltig.\nFA+9qCX9VSu",
    }
    assert call.data["text"].encode() == expected[locale].encode()
    assert (call.data["locale"], call.data["expires_in"]) == (locale, 600)


def test_no_answer_shows_the_language_or_the_account(api: SendingApi) -> None:
    """Red when the header is refused or answered for a number with an account only."""
    known, unknown = api.account(), some_number()
    for language in (None, "de", "de;q=9", "a-" * 5000, ",".join(["de;q=0.1"] * 900), "%s{code}"):
        answers = [_ask(api, number, language) for number in (known, unknown)]
        assert ok(answers[0]) == ok(answers[1])
        assert answers[0].headers.keys() == answers[1].headers.keys()


def test_twilio_and_the_console_send_the_same_text(stack: Stack) -> None:
    """Red when a delivery has a text of its own."""
    with Twilio() as twilio, api_processes(stack, 1, **twilio.settings, **_SETTINGS) as [url]:
        api = SendingApi(url, stack.processes[-1], stack)
        number = api.account()
        ok(_ask(api, number, "de"))
        [sms] = eventually(lambda: twilio.sent_to(number), what="the message")
        assert sms.body == f"{sms.otp} ist dein Code f\u00fcr Example, 5 Minuten g\u00fcltig.\nFA+9qCX9VSu"
    with api_processes(stack, 1, OTP_DELIVERY="console", OTP_TEXT="Code {code}!") as [url]:
        api = SendingApi(url, stack.processes[-1], stack)
        number = some_number()
        open_accounts(stack, [number])
        ok(_ask(api, number, "de"))
        eventually(lambda: f"SMS to {number}: Code " in api.process.log, what="the message")


def test_the_only_text_has_no_locale_in_the_request(stack: Stack) -> None:
    with SmsReceiver() as receiver, api_processes(stack, 1, **receiver.settings, OTP_TEXT="{code}") as [url]:
        api = SendingApi(url, stack.processes[-1], stack)
        number = api.account()
        ok(_ask(api, number, "de"))
        [call] = eventually(lambda: receiver.sent_to(number), what="the message")
        assert call.data["locale"] is None
        assert call.data["text"] == call.data["otp"]
