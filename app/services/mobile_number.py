"""Mobile numbers in any common writing, as E.164, and which of them get codes."""

from dataclasses import dataclass

import phonenumbers

from app.errors import ValidationFailed
from app.redis_client.otp_budgets import OtpRefusal
from app.services.otp_refusal import refused


@dataclass(frozen=True, slots=True)
class MobileNumbers:
    """Reads numbers as the settings say."""

    default_region: str | None
    """The country (ISO code) of numbers that are written without one."""
    allowed_countries: frozenset[str]
    """The countries (ISO codes) whose numbers get codes; all when empty."""

    def read(self, written: str) -> str:
        """The number in E.164.

        Raises:
            ValidationFailed: no possible number.
        """
        return parse_mobile_number(written, default_region=self.default_region)

    def read_for_code(self, written: str) -> str:
        """The same, for something that ends in a text to this number.

        Raises:
            ValidationFailed: no possible number.
            CountryNotAllowed: of another country than the allowed ones, or of none that is known.
        """
        number = self.read(written)
        if self.allowed_countries and region_of(number) not in self.allowed_countries:
            raise refused(OtpRefusal.COUNTRY)
        return number


def region_of(mobile_number: str) -> str | None:
    """The country (ISO code) of a number in E.164; several share +1 and +7, and satellites have none."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(mobile_number))


def parse_mobile_number(written: str, *, default_region: str | None) -> str:
    """The number in E.164; `default_region` (ISO country code) reads national writing.

    Raises:
        ValidationFailed: no possible number.
    """
    try:
        number = phonenumbers.parse(written, default_region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise ValidationFailed(
            members={
                "errors": [{"pointer": "/mobile_number", "message": "This is not a possible mobile number."}]
            }
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
