"""Numbers with a fixed code until a day, for the reviewers of app stores; nothing is sent to them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.kit.clock import Clock, utc_now
from app.kit.number_forms import subscriber_of

if TYPE_CHECKING:  # parsing a number loads no settings
    from app.config.otp_test_numbers import OtpTestNumber


class OtpTestNumbers:
    """The numbers of `OTP_TEST_NUMBERS`; after its last day, a number is an ordinary one."""

    def __init__(self, numbers: Iterable["OtpTestNumber"] = (), clock: Clock = utc_now) -> None:
        self._numbers = {subscriber_of(number.mobile_number): number for number in numbers}
        self._clock = clock

    def otp_of(self, number: str) -> str | None:
        """Return the fixed code of a number (E.164), if it has one now."""
        found = self._numbers.get(number)
        return found.otp if found is not None and found.is_in_force(self._clock()) else None

    def in_force(self) -> list["OtpTestNumber"]:
        """Return the numbers with a fixed code now."""
        return [number for number in self._numbers.values() if number.is_in_force(self._clock())]

    def expired(self) -> list["OtpTestNumber"]:
        """Return the numbers whose last day is over."""
        return [number for number in self._numbers.values() if not number.is_in_force(self._clock())]
