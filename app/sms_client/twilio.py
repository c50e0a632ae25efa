"""Texts through Twilio's REST API (https://www.twilio.com/docs/messaging/api/message-resource)."""

import httpx2

from app.config import Settings
from app.database import forbid_in_transaction
from app.sms_client.base import SmsNotSentError

_TIMEOUT_SECONDS = 5


class TwilioSms:
    """One message is one POST to `Messages.json` with the account's credentials."""

    def __init__(self, settings: Settings) -> None:
        account = settings.twilio_account_sid
        self._path = f"/2010-04-01/Accounts/{account}/Messages.json"
        self._from = settings.twilio_from
        self._http = httpx2.AsyncClient(
            base_url=settings.twilio_api_base,
            auth=(account, settings.twilio_auth_token.get_secret_value()),
            timeout=_TIMEOUT_SECONDS,
        )

    async def send(self, *, mobile_number: str, text: str) -> None:
        """Hand the text to Twilio; it is delivered later."""
        forbid_in_transaction()
        try:
            answer = await self._http.post(
                self._path, data={"To": mobile_number, "From": self._from, "Body": text}
            )
        except httpx2.HTTPError as error:
            raise SmsNotSentError(type(error).__name__) from error
        if answer.is_error:
            raise SmsNotSentError(f"status {answer.status_code}")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
