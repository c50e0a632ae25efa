"""Mobile numbers in any common notation as one E.164 form, and the rule for sending codes to them."""

from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

from app.kit.number_forms import canonical_form, stored_forms
from app.services.identity import number_refusals
from app.services.identity.number_reading import parsed_number

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

    def read(self, written: str) -> str:
        """Return the number in E.164: one form for every notation.

        Raises:
            ValidationFailed: not a valid number.
        """
        return parse_mobile_number(written, default_region=self.default_region)

    def gets_codes(self, number: str) -> bool:
        """Tell whether codes are sent to this number (E.164): an ordinary one of an allowed country."""
        if not self.allowed_countries:
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


def parse_mobile_number(written: str, *, default_region: str | None) -> str:
    """Return the number in E.164; `default_region` (ISO country code) completes national notation.

    Raises:
        ValidationFailed: not a valid number; the error names the reason.
    """
    parsed = parsed_number(written, default_region=default_region)
    number = canonical_form(parsed)
    if number is None:
        raise number_refusals.refused(number_refusals.invalid(parsed))
    return number
