"""The texts of messages with a code, chosen by the language of the caller."""

from collections.abc import Sequence

from app.config.otp_texts import OtpTemplate
from app.kit.accept_language import preferred_locale


class OtpTexts:
    """The templates of `OTP_TEXT`; the first is the default."""

    def __init__(self, templates: Sequence[OtpTemplate], *, minutes: int) -> None:
        self._default = templates[0]
        self._templates = {template.locale: template for template in templates if template.locale is not None}
        self._locales = tuple(self._templates)
        self.minutes = minutes
        """The lifetime of a code as the texts name it."""

    def choose(self, accept_language: str | None) -> OtpTemplate:
        """Return the template for a caller with this `Accept-Language`."""
        locale = preferred_locale(accept_language, self._locales)
        return self._default if locale is None else self._templates[locale]
