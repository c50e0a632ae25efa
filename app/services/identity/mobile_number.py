"""Mobile numbers in any common notation as one E.164 form, and the rule for sending codes to them."""

from dataclasses import dataclass, field
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

from app.kit.number_forms import canonical_form, stored_forms
from app.services.identity import number_refusals
from app.services.identity.number_reading import parsed_number
from app.services.identity.otp_test_numbers import OtpTestNumbers

# Types of ordinary subscribers. Premium rate, shared cost, personal (UK 070) and pager numbers cost
# the sender extra, so allowing a country does not include them.
_ORDINARY_TYPES: Final = frozenset(
    {
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
    }
)


@dataclass(frozen=True, slots=True)
class MobileNumbers:
    """Parses numbers by the settings."""

    default_region: str | None
    """The country (ISO code) of numbers without a country code."""
    allowed_countries: frozenset[str]
    """The countries (ISO codes) that codes are sent to; empty allows all numbers."""
    test_numbers: OtpTestNumbers = field(default_factory=OtpTestNumbers)
    """Read whether they are valid or not."""

    def read(self, written: str) -> str:
        """Return the number in E.164: one form for every notation.

        Raises:
            ValidationFailed: not a valid number.
        """
        parsed = parsed_number(written, default_region=self.default_region)
        number = canonical_form(parsed)
        if number is not None:
            return number
        if self.test_numbers.otp_of(parsed) is not None:
            return parsed
        raise number_refusals.refused(number_refusals.invalid(parsed))

    def gets_codes(self, number: str) -> bool:
        """Tell whether a number (E.164) has codes: an ordinary one of an allowed country, or a test one."""
        if not self.allowed_countries or self.test_numbers.otp_of(number) is not None:
            return True
        parsed = phonenumbers.parse(number)
        # Several countries share +1, +7 and +44; satellites have none.
        return (
            phonenumbers.number_type(parsed) in _ORDINARY_TYPES
            and phonenumbers.region_code_for_number(parsed) in self.allowed_countries
        )

    def stored_forms(self, written: str) -> tuple[str, ...]:
        """Return the forms in which an account of this number may be stored, the best match first.

        Accounts of earlier releases may be stored in another form, even two of one subscriber. Each is found
        by the form of its sign-up.

        Raises:
            ValidationFailed: not a valid number.
        """
        number = self.read(written)
        parsed = parsed_number(written, default_region=self.default_region)
        return tuple(sorted(stored_forms(number), key=lambda form: form != parsed))
