"""Standard Webhooks: forms of address and secret, and signatures that other implementations make, too."""

import base64

import httpx2
import pytest

from app.config.sms_webhook import is_sample_secret, webhook_address, webhook_key
from app.kit.outgoing import reason_of
from app.sms_client.base import SmsRefusedError, failure_of
from app.sms_client.webhook import signed_headers
from tests.support.sms_receiver import some_message, some_secret

_SAMPLE = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def _secret(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


_RIGHT = _secret(bytes(range(32)))


def test_a_signature_is_that_of_other_implementations() -> None:
    """The message of the specification's own examples, signed by the package `standardwebhooks` 1.1.0."""
    headers = signed_headers(
        [webhook_key(_SAMPLE)],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1_614_265_330,
        body=b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_without_a_secret_there_is_no_signature() -> None:
    assert signed_headers([], message_id="msg_1", timestamp=1, body=b"").keys() == {
        "webhook-id",
        "webhook-timestamp",
    }


@pytest.mark.parametrize("size", [24, 32, 33, 64])
def test_a_secret_of_24_to_64_bytes_is_a_key(size: int) -> None:
    assert len(webhook_key(some_secret(size))) == size


@pytest.mark.parametrize(
    "secret",
    [
        "visible",
        "whsec_",
        "whsec_visible",
        _RIGHT.removeprefix("whsec_"),
        _RIGHT.replace("whsec_", "WHSEC_"),
        _secret(bytes(range(23))),
        _secret(bytes(range(65))),
        _RIGHT.rstrip("="),
        _secret(b"\xfb" * 32).replace("+", "-"),
        _secret(b"\xff" * 32) + "\n",
        _secret(b"visible") + _secret(b"visible"),
    ],
)
def test_any_other_secret_is_refused_without_its_value(secret: str) -> None:
    """Red when base64 is decoded leniently: receivers would read other bytes."""
    with pytest.raises(ValueError, match=r"^must b") as refusal:
        webhook_key(secret)
    assert (
        secret.removeprefix("whsec_")[:20] not in str(refusal.value).replace("whsec_", "")
        or secret == "whsec_"
    )


def test_samples_are_recognised_by_their_bytes() -> None:
    """Red when the letters of base64 are searched: those of a random secret may spell a word."""
    assert is_sample_secret(_SAMPLE)
    assert is_sample_secret(_secret(b"please-change-me-please-change-me"))
    assert not is_sample_secret("whsec_your" + some_secret(33).removeprefix("whsec_")[4:])
    assert not is_sample_secret(some_secret())


@pytest.mark.parametrize(
    "address",
    [
        "https://sms.example.com",
        "https://sms.example.com/hooks/otp?token=1&x=%20",
        "http://127.0.0.1:8080/otp",
        "http://[::1]:8080/?",
        "https://sms.example.com/a?b?c=/@",
    ],
)
def test_an_address_may_have_a_path_and_a_query(address: str) -> None:
    assert webhook_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "visible.example.com",
        "ftp://visible",
        "https://user:visible@example.com/",
        "https://user@visible.example.com/",
        "https://example.com/?visible#fragment",
        "https://example.com\\visible",
        "https://example.com/?vis ible",
        "https://example.com/?visibl\u00e9",
        "https://?visible",
        "https://visible:70000/?a",
        "https://example.com/?a=visi\nble",
        "https://example.com/" + "visible" * 10_000,
    ],
)
def test_any_other_address_is_refused_without_its_value(address: str) -> None:
    """Red when a user and a password are accepted: a log of the receiver's proxy would hold them."""
    with pytest.raises(ValueError, match=r"\w") as refusal:
        webhook_address(address)
    assert "visible" not in str(refusal.value)


@pytest.mark.parametrize("status", [100, 301, 302, 307, 308, 408, 409, 425, 429, 500, 503, 599])
def test_these_statuses_are_tried_again(status: int) -> None:
    assert not isinstance(failure_of(status, ""), SmsRefusedError)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
def test_these_statuses_are_final(status: int) -> None:
    assert isinstance(failure_of(status, ""), SmsRefusedError)


def test_a_message_shows_neither_number_nor_code_nor_text() -> None:
    """Red with the dataclass's own repr, which a traceback or a log line may show."""
    message = some_message()
    shown = repr(message)
    for secret in (message.mobile_number, message.otp, message.text):
        assert secret not in shown
    assert message.id in shown


def test_the_reason_of_a_malformed_response_does_not_quote_it() -> None:
    """Red without the rule: h11 quotes the line that it cannot read."""
    quoting = httpx2.RemoteProtocolError("illegal status line: bytearray(b'visible')")
    assert reason_of(quoting) == "RemoteProtocolError: the response is malformed"
    closed = "Server disconnected without sending a response."
    assert reason_of(httpx2.RemoteProtocolError(closed)) == f"RemoteProtocolError: {closed}"
