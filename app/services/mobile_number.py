"""Mobile numbers in any common writing, as E.164."""

import phonenumbers

from app.errors import ValidationFailed


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
