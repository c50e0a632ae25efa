"""Sends codes in the background of the process that made them; no code is ever queued or logged."""

import asyncio
from dataclasses import dataclass, field

import structlog

from app.sms_client import SmsClient, SmsNotSentError

_TRIES = 3
_PAUSES_SECONDS = (1.0, 3.0)
_GIVE_UP_SECONDS = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OtpSender:
    """Three tries in ten seconds, never waited for by a request."""

    sms: SmsClient
    _sending: set[asyncio.Task[None]] = field(default_factory=set)

    def send_soon(self, *, mobile_number: str, otp: str, minutes: int) -> None:
        """Begin to send; the answer to the person does not wait for it."""
        text = f"{otp} is your code. It is valid for {minutes} minutes. Do not share it."
        task = asyncio.create_task(self._send(mobile_number, text))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def aclose(self) -> None:
        """Let sends under way end."""
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self.sms.aclose()

    async def _send(self, mobile_number: str, text: str) -> None:
        try:
            async with asyncio.timeout(_GIVE_UP_SECONDS):
                for attempt in range(_TRIES):
                    try:
                        return await self.sms.send(mobile_number=mobile_number, text=text)
                    except SmsNotSentError as error:
                        log.warning("otp_not_sent", attempt=attempt + 1, error=str(error))
                        if attempt + 1 < _TRIES:
                            await asyncio.sleep(_PAUSES_SECONDS[attempt])
        except TimeoutError:
            log.warning("otp_not_sent", error="timeout")
