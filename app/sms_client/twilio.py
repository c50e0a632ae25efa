"""Texts through Twilio's REST API (https://www.twilio.com/docs/messaging/api/message-resource)."""

import asyncio

import httpx2

from app.config import Settings
from app.config.twilio import sender_parameter
from app.database import forbid_in_transaction
from app.kit.outgoing import reason_of
from app.sms_client.base import TRY_SECONDS, OtpMessage, SmsNotSentError, failure_of


class TwilioSms:
    """Sends each message by one POST to `Messages.json`."""

    def __init__(self, settings: Settings) -> None:
        account = settings.twilio_account_sid
        self._path = f"/2010-04-01/Accounts/{account}/Messages.json"
        self._sender = sender_parameter(settings.twilio_from)
        self._http = httpx2.AsyncClient(
            base_url=settings.twilio_api_base,
            auth=(account, settings.twilio_auth_token.get_secret_value()),
            timeout=TRY_SECONDS,
        )

    async def send(self, message: OtpMessage) -> None:
        """Pass the text to Twilio, which delivers it later."""
        forbid_in_transaction()
        try:
            async with asyncio.timeout(TRY_SECONDS):
                response = await self._http.post(
                    self._path, data={"To": message.mobile_number, **self._sender, "Body": message.text}
                )
        except TimeoutError as error:
            raise SmsNotSentError(f"no response within {TRY_SECONDS:g} s") from error
        except httpx2.HTTPError as error:
            raise SmsNotSentError(reason_of(error)) from error
        if not response.is_success:
            raise failure_of(response.status_code, _reason(response))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _reason(response: httpx2.Response) -> str:
    """Return status and error code (https://www.twilio.com/docs/api/errors); the message has the number."""
    try:
        body = response.json()
    except ValueError:
        body = None
    code = body.get("code") if isinstance(body, dict) else None
    return f"status {response.status_code}" + (f", code {code}" if isinstance(code, int) else "")
