"""`OTP_TEST_NUMBERS`: its form, and the day on which a number expires."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from app.config.otp_test_numbers import OtpTestNumber, parse_otp_test_numbers
from app.services.identity.mobile_number import MobileNumbers
from app.services.identity.otp_test_numbers import OtpTestNumbers

_TODAY = datetime.now(UTC).date()
_DAY = str(_TODAY + timedelta(days=30))


def test_entries_have_a_number_a_code_and_a_last_day() -> None:
    value = f" +15005550006=123456:{_DAY} , +10005550006=000000:2020-02-29,"
    assert parse_otp_test_numbers(value) == (
        OtpTestNumber("+15005550006", "123456", _TODAY + timedelta(days=30)),
        OtpTestNumber("+10005550006", "000000", date(2020, 2, 29)),
    )
    assert parse_otp_test_numbers("") == ()


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (f"15005550006=314159:{_DAY}", "entry 2"),
        (f"+1 500 555 0006=314159:{_DAY}", "entry 2"),
        (f"+05005550006=314159:{_DAY}", "entry 2"),
        ("+15005550006=314159", "entry 2"),
        ("+15005550006=314159:", "entry 2"),
        (f"+15005550006=31415:{_DAY}", "entry 2"),
        (f"+15005550006=3141592:{_DAY}", "entry 2"),
        (f"+15005550006=31415a:{_DAY}", "entry 2"),
        (f"+15005550006=\u0663\u0661\u0664\u0661\u0665\u0669:{_DAY}", "entry 2"),
        (f"+15005550006:314159:{_DAY}", "entry 2"),
        ("+15005550006=314159:30.06.2027", "entry 2"),
        ("+15005550006=314159:2027-06-31", "expiry date that is none"),
        ("+15005550006=314159:20270630", "entry 2"),
        (f"+15005550006=314159:{_DAY}T00:00", "entry 2"),
        (f"+999314159265=314159:{_DAY}", "no country has"),
        (f"+4401514159265=314159:{_DAY}", "no country has"),
        (f"+15005550001=314159:{_DAY}", "a number twice"),
        (",".join(f"+1500555314{n}=314159:{_DAY}" for n in range(10)), "10 numbers at most"),
    ],
)
def test_any_other_entry_is_refused_without_its_value(entry: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refusal:
        parse_otp_test_numbers(f"+15005550001=271828:{_DAY},{entry}")
    assert "314" not in str(refusal.value)
    assert "271828" not in str(refusal.value)


def test_ten_numbers_are_accepted() -> None:
    assert len(parse_otp_test_numbers(",".join(f"+1500555010{n}=314159:{_DAY}" for n in range(10)))) == 10


def test_the_last_day_ends_at_midnight_utc() -> None:
    """Red when the date is that of the machine's time zone, or when the last day is excluded."""
    number = OtpTestNumber("+15005550006", "314159", date(2027, 6, 30))
    assert number.is_in_force(datetime(2027, 6, 30, 23, 59, 59, tzinfo=UTC))
    assert not number.is_in_force(datetime(2027, 7, 1, tzinfo=UTC))
    east = timezone(timedelta(hours=14))
    assert number.is_in_force(datetime(2027, 7, 1, 13, 59, tzinfo=east))
    assert not number.is_in_force(datetime(2027, 7, 1, 14, 0, tzinfo=east))


def test_the_repr_of_a_number_has_no_code() -> None:
    assert "314159" not in repr(OtpTestNumber("+15005550006", "314159", _TODAY))


def test_a_number_is_recognised_in_every_notation_until_it_expires() -> None:
    """Red when only the notation of the setting is compared."""
    now = datetime(2027, 6, 30, 12, tzinfo=UTC)
    entries = [
        OtpTestNumber("+15550100006", "314159", date(2027, 6, 30)),
        OtpTestNumber("+5215512345678", "314159", date(2027, 6, 30)),  # an old form of this subscriber
    ]
    numbers = MobileNumbers("US", frozenset({"DE"}), OtpTestNumbers(entries, lambda: now))
    for written in ("+1 555 010-0006", "01115550100006", "(555) 010-0006"):
        assert numbers.read(written) == "+15550100006"
        assert numbers.stored_forms(written) == ("+15550100006",)
    assert numbers.gets_codes("+15550100006")
    assert numbers.test_numbers.otp_of(numbers.read("+52 55 1234 5678")) == "314159"
    now += timedelta(days=1)
    assert not numbers.gets_codes("+15550100006")
    assert numbers.test_numbers.otp_of("+15550100006") is None
