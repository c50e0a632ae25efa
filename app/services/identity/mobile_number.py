"""Mobile numbers in any common writing as one E.164 form, and which of them get codes."""

from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

from app.kit.number_forms import canonical_form, stored_forms
from app.services.identity import number_refusals
from app.services.identity.number_reading import parsed_number

# What a subscriber in a country can have. Premium rate, shared cost, personal (UK 070) and pager numbers cost
# the sender extra, so naming a country does not include them.
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
    """Reads numbers as the settings say."""

    default_region: str | None
    """The country (ISO code) of numbers that are written without one."""
    allowed_countries: frozenset[str]
    """The countries (ISO codes) whose numbers get codes; every number does when empty."""

    def read(self, written: str) -> str:
        """Return the number in E.164, in the same form however it is written.

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
        by the form that it was signed up with.

        Raises:
            ValidationFailed: not a valid number.
        """
        number = self.read(written)
        asked = parsed_number(written, default_region=self.default_region)
        return tuple(sorted(stored_forms(number), key=lambda form: form != asked))


def parse_mobile_number(written: str, *, default_region: str | None) -> str:
    """Return the number in E.164; `default_region` (ISO country code) reads national writing.

    Raises:
        ValidationFailed: not a valid number; the error names the reason.
    """
    asked = parsed_number(written, default_region=default_region)
    number = canonical_form(asked)
    if number is None:
        raise number_refusals.refused(number_refusals.invalid(asked))
    return number
