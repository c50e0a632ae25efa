"""The form of `OTP_TEST_NUMBERS`: numbers with a fixed code and the last day on which it is valid."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat

from app.config.texts import split_list

_MAX_NUMBERS: Final = 10
_ENTRY: Final = re.compile(r"(\+[1-9][0-9]{6,14})=([0-9]{6}):([0-9]{4}-[0-9]{2}-[0-9]{2})")
_FORM: Final = "as in +15005550006=<six digits>:2027-06-30"


@dataclass(frozen=True, slots=True)
class OtpTestNumber:
    """A number with a fixed code."""

    mobile_number: str
    """In E.164."""
    otp: str = field(repr=False)
    last_day: date
    """The last day (UTC) on which the code is fixed."""

    def is_in_force(self, now: datetime) -> bool:
        """Return whether the code is fixed at this time."""
        return now.astimezone(UTC).date() <= self.last_day


def parse_otp_test_numbers(value: str) -> tuple[OtpTestNumber, ...]:
    """Parse `OTP_TEST_NUMBERS`.

    Raises:
        ValueError: naming the wrong entry by its position, without any part of the value.
    """
    entries = split_list(value)
    if len(entries) > _MAX_NUMBERS:
        raise ValueError(f"must hold {_MAX_NUMBERS} numbers at most")
    numbers = tuple(_parse_entry(position, entry) for position, entry in enumerate(entries, 1))
    if len({number.mobile_number for number in numbers}) < len(numbers):
        raise ValueError("holds a number twice")
    return numbers


def _parse_entry(position: int, entry: str) -> OtpTestNumber:
    form = _ENTRY.fullmatch(entry)
    if form is None:
        raise ValueError(f"must hold a number, a code and an expiry date in entry {position}, {_FORM}")
    number, otp, day = form.groups()
    if not _is_read_back(number):
        raise ValueError(f"has in entry {position} a number that no country has")
    try:
        last_day = date.fromisoformat(day)
    except ValueError:
        raise ValueError(f"has in entry {position} an expiry date that is none") from None
    return OtpTestNumber(number, otp, last_day)


def _is_read_back(number: str) -> bool:
    """Return whether the number, typed by a user, is read as this number; it may be invalid."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.E164) == number
    except phonenumbers.NumberParseException:
        return False
