"""Test numbers: a fixed code until a day, for which no message is sent."""

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.support.clock import movable, moves_clocks
from tests.support.codes import api_processes, ask, open_accounts, other, some_address, verify
from tests.support.sending_api import SendingApi
from tests.support.sms_receiver import SmsReceiver
from tests.support.stack import Stack
from tests.support.user import ok, problem, some_number
from tests.support.waiting import eventually

_TODAY: Final = datetime.now(UTC).date()
_VALID: Final = some_number()
_ABROAD: Final = f"+3361{secrets.randbelow(10**7):07d}"
_INVALID: Final = f"+1000555{secrets.randbelow(10**4):04d}"
_UNREGISTERED: Final = some_number()
_BUSY: Final = some_number()
_EXPIRED: Final = some_number()
_SHOWN: Final = some_number()
_CODES: Final = {
    number: f"{secrets.randbelow(10**6):06d}"
    for number in (_VALID, _ABROAD, _INVALID, _UNREGISTERED, _BUSY, _EXPIRED, _SHOWN)
}
_KINDS: Final = {"valid": _VALID, "of another country": _ABROAD, "invalid": _INVALID}


def _setting(*, last_day: int = 1) -> str:
    days = dict.fromkeys(_CODES, last_day) | {_EXPIRED: -1}
    return ",".join(
        f"{number}={otp}:{_TODAY + timedelta(days=days[number])}" for number, otp in _CODES.items()
    )


@pytest.fixture(scope="module")
def receiver() -> Iterator[SmsReceiver]:
    with SmsReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def api(stack: Stack, receiver: SmsReceiver) -> Iterator[SendingApi]:
    """An API process that sends codes to the United States."""
    settings = {
        **receiver.settings,
        "OTP_TEST_NUMBERS": _setting(),
        "OTP_ALLOWED_COUNTRIES": "US",
        "OTP_RESEND_SECONDS": "0",
        "LOG_LEVEL": "debug",
    }
    with api_processes(stack, 1, **settings) as [url]:
        yield SendingApi(url, stack.processes[-1], stack)


def _assert_nothing_arrived(api: SendingApi, receiver: SmsReceiver, number: str) -> None:
    later = api.account()
    ok(ask(api.url, later))
    eventually(lambda: receiver.sent_to(later), what="a later message")
    time.sleep(0.3)  # longer than any message is held back
    assert receiver.calls_to(number) == []


@pytest.mark.parametrize("number", _KINDS.values(), ids=_KINDS.keys())
def test_a_test_number_signs_in_with_its_code_and_gets_no_message(
    api: SendingApi, receiver: SmsReceiver, number: str
) -> None:
    """Red when the code is random or sent, when the country rule holds, or when the number must be valid."""
    assert ok(ask(api.url, number, path="signup"))["user"]["mobile_number"] == number
    for path, purpose in (("send-otp", "login"), ("forgot-password", "password_reset")):
        assert ok(ask(api.url, number, path=path)).keys() == {"message", "expires_in", "resend_after"}
        tokens = ok(verify(api.url, f"{number[:5]} {number[5:]}", _CODES[number], purpose=purpose))
        assert tokens["user"]["mobile_number"] == number
    _assert_nothing_arrived(api, receiver, number)


def test_the_code_works_once_for_one_purpose_and_only_after_a_request(api: SendingApi) -> None:
    """Red when the code is compared without a stored one: it would open the account at any time."""
    number, otp = _VALID, _CODES[_VALID]
    open_accounts(api.stack, [] if _is_stored(api, number) else [number])
    problem(verify(api.url, number, otp), 401, "otp_invalid")
    address = some_address()
    ok(ask(api.url, number, address=address))
    problem(verify(api.url, number, otp, purpose="password_reset", address=address), 401, "otp_invalid")
    ok(verify(api.url, number, otp, address=address))
    problem(verify(api.url, number, otp, address=address), 401, "otp_invalid")


def _is_stored(api: SendingApi, number: str) -> bool:
    return bool(api.stack.database.rows("SELECT id FROM users WHERE mobile_number = %s", number))


def test_tries_and_budgets_count_as_for_any_number(api: SendingApi) -> None:
    """Red when a test number is exempt: its code could be guessed without a limit."""
    open_accounts(api.stack, [_BUSY])
    address, otp = some_address(), _CODES[_BUSY]
    ok(ask(api.url, _BUSY, address=address))
    left = [verify(api.url, _BUSY, other(otp), address=address) for _ in range(5)]
    assert [answer.json().get("attempts_left") for answer in left] == [4, 3, 2, 1, None]
    problem(verify(api.url, _BUSY, otp, address=address), 429, "otp_attempts_exceeded")
    for _ in range(4):
        ok(ask(api.url, _BUSY))
    problem(ask(api.url, _BUSY), 429, "otp_limit_reached")


def test_a_test_number_without_an_account_signs_nobody_in(api: SendingApi, receiver: SmsReceiver) -> None:
    """Red when the code is stored for every number: its answer to a right code would differ from others'."""
    address, unknown = some_address(), some_number()
    answers = [ask(api.url, number, address=address) for number in (_UNREGISTERED, unknown)]
    assert ok(answers[0]) == ok(answers[1])
    tries = [
        problem(verify(api.url, number, otp, address=address), 401, "otp_invalid")["attempts_left"]
        for number, otp in ((_UNREGISTERED, _CODES[_UNREGISTERED]), (unknown, "271828"))
    ]
    assert tries == [4, 4]
    _assert_nothing_arrived(api, receiver, _UNREGISTERED)


def test_the_numbers_are_logged_at_start_without_their_codes(api: SendingApi) -> None:
    [line] = api.events("otp_test_numbers")
    assert line["level"] == "warning"
    assert line["numbers"] == {
        number: str(_TODAY + timedelta(days=1)) for number in _CODES if number != _EXPIRED
    }
    [expired] = api.events("otp_test_numbers_expired")
    assert expired["level"] == "warning"
    assert expired["numbers"] == {_EXPIRED: str(_TODAY - timedelta(days=1))}
    own = {"event", "numbers", "consequence", "level", "logger", "timestamp"}
    assert line.keys() == expired.keys() == own


def test_an_expired_number_is_an_ordinary_one(api: SendingApi, receiver: SmsReceiver) -> None:
    """Red when the date is not compared."""
    open_accounts(api.stack, [_EXPIRED])
    ok(ask(api.url, _EXPIRED))
    [call] = eventually(lambda: receiver.sent_to(_EXPIRED), what="a message")
    if call.data["otp"] != _CODES[_EXPIRED]:
        problem(verify(api.url, _EXPIRED, _CODES[_EXPIRED]), 401, "otp_invalid")
    ok(verify(api.url, _EXPIRED, call.data["otp"]))


@moves_clocks
def test_a_number_expires_while_the_process_runs(stack: Stack, receiver: SmsReceiver, tmp_path: Path) -> None:
    """Its last day counts in full, in UTC. Red when the date is compared at start only."""
    clock = tmp_path / "clock"
    settings = {
        **receiver.settings,
        "OTP_TEST_NUMBERS": _setting(last_day=0),
        "OTP_ALLOWED_COUNTRIES": "US",
        "OTP_RESEND_SECONDS": "0",
        "OTP_PER_HOUR": "100",
        "OTP_PER_DAY": "100",
    }
    open_accounts(
        stack,
        [
            number
            for number in (_SHOWN, _ABROAD, _INVALID)
            if not stack.database.rows("SELECT id FROM users WHERE mobile_number = %s", number)
        ],
    )
    midnight = datetime(_TODAY.year, _TODAY.month, _TODAY.day, tzinfo=UTC) + timedelta(days=1)
    with api_processes(stack, 1, **settings, **movable(clock)) as [url]:

        def move_to(seconds: float) -> None:
            left = (midnight - datetime.now(UTC)).total_seconds()
            clock.write_text(f"{left + seconds:+.0f}s")

        move_to(-300)
        for number in (_SHOWN, _ABROAD, _INVALID):
            ok(ask(url, number))
            ok(verify(url, number, _CODES[number]))
        assert receiver.calls_to(_SHOWN) == []
        move_to(5)
        ok(ask(url, _SHOWN))
        eventually(lambda: receiver.calls_to(_SHOWN), what="a message")
        problem(ask(url, _ABROAD), 403, "country_not_allowed")
        problem(ask(url, _INVALID), 400, "validation_failed")


def test_the_response_and_the_console_show_what_they_always_do(stack: Stack) -> None:
    """In the response only with `OTP_DELIVERY=response`; on the console never, since nothing is sent."""
    open_accounts(stack, [_UNREGISTERED])
    common = {"OTP_TEST_NUMBERS": _setting(), "OTP_RESEND_SECONDS": "0"}
    for delivery, shown in (("response", _CODES[_UNREGISTERED]), ("console", None)):
        with api_processes(stack, 1, OTP_DELIVERY=delivery, **common) as [url]:
            api = SendingApi(url, stack.processes[-1], stack)
            assert ok(ask(url, _UNREGISTERED)).get("otp") == shown
            later = api.account()
            ok(ask(url, later))
            eventually(lambda: f"SMS to {later}" in api.process.log, what="a later message")  # noqa: B023
            time.sleep(0.3)  # longer than any message is held back
            assert f"SMS to {_UNREGISTERED}" not in api.process.log
