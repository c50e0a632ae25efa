"""Texts through a server of the operator's: signed requests (https://www.standardwebhooks.com)."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Sequence
from contextlib import suppress

import httpx2

from app.config import Settings
from app.config.sms_webhook import webhook_key
from app.database import forbid_in_transaction
from app.kit.outgoing import reason_of
from app.kit.utc_text import utc_text
from app.sms_client.base import TRY_SECONDS, OtpMessage, SmsNotSentError, failure_of

_MAX_BODY_BYTES = 4096
_BODY_SECONDS = 0.5


class WebhookSms:
    """Sends each message by one POST to `SMS_WEBHOOK_URL`."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.sms_webhook_url.get_secret_value()
        self._keys = [webhook_key(secret.get_secret_value()) for secret in settings.sms_webhook_secret]
        # A redirect is a failure: what follows it would send the code elsewhere.
        self._http = httpx2.AsyncClient(timeout=TRY_SECONDS, follow_redirects=False)

    async def send(self, message: OtpMessage) -> None:
        """Pass the message to the server, which sends it on; any 2xx is success."""
        forbid_in_transaction()
        body = _body(message)
        headers = {
            "content-type": "application/json",
            **signed_headers(self._keys, message_id=message.id, timestamp=int(time.time()), body=body),
        }
        try:
            async with asyncio.timeout(TRY_SECONDS):
                request = self._http.build_request("POST", self._url, content=body, headers=headers)
                response = await self._http.send(request, stream=True)
        except TimeoutError as error:
            raise SmsNotSentError(f"no response within {TRY_SECONDS:g} s") from error
        except httpx2.HTTPError as error:
            raise SmsNotSentError(reason_of(error)) from error
        await _finish(response)
        if not response.is_success:
            raise failure_of(response.status_code, f"answered {response.status_code}")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def signed_headers(keys: Sequence[bytes], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of an attempt at this time (Unix seconds), with one signature for each key."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if signatures:
        headers["webhook-signature"] = " ".join(f"v1,{signature}" for signature in signatures)
    return headers


def _body(message: OtpMessage) -> bytes:
    return json.dumps(
        {
            "type": "otp.send",
            "timestamp": utc_text(message.created_at),
            "data": {
                "mobile_number": message.mobile_number,
                "text": message.text,
                "otp": message.otp,
                "locale": message.locale,
                "purpose": message.purpose,
                "expires_in": message.expires_in,
            },
        },
        separators=(",", ":"),
    ).encode()


async def _finish(response: httpx2.Response) -> None:
    """Read a short body, so that the connection can be used again; close the connection of any other."""
    size = 0
    with suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in response.aiter_raw():
                size += len(piece)
                if size > _MAX_BODY_BYTES:
                    break
    with suppress(httpx2.HTTPError):
        await response.aclose()
