"""Sends codes in the background of this process; no code is queued or logged."""

import asyncio
import secrets
from dataclasses import dataclass, field

import structlog

from app import metrics
from app.kit.background import TaskSet
from app.sms_client import OtpMessage, SmsClient, SmsNotSentError, SmsRefusedError

_PAUSES_SECONDS = (0.0, 0.3, 0.6)  # before each attempt; one takes 3 s at most
_GIVE_UP_SECONDS = 10.0
_SHORTEST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.05, 0.25

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OtpSender:
    """Sends each message in the background: up to three attempts within ten seconds."""

    sms: SmsClient
    _sending: TaskSet = field(default_factory=lambda: TaskSet("otp-sender"))

    def send_soon(self, message: OtpMessage) -> None:
        """Send after a random delay, once the response is out.

        For a number without an account nothing is sent. The random delay hides that difference from the
        response time of this request and of concurrent ones.
        """
        delay = secrets.SystemRandom().uniform(_SHORTEST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS)
        self._sending.start(self._send(message, delay))

    async def aclose(self) -> None:
        """Wait for pending sends, ten seconds at most, and close the client."""
        await self._sending.wait(_GIVE_UP_SECONDS + _LONGEST_DELAY_SECONDS)
        await self.sms.aclose()

    async def _send(self, message: OtpMessage, delay: float) -> None:
        await asyncio.sleep(delay)
        try:
            async with asyncio.timeout(_GIVE_UP_SECONDS):
                for attempt, pause in enumerate(_PAUSES_SECONDS, 1):
                    await asyncio.sleep(pause)
                    if await self._try(message, attempt):
                        return
        except TimeoutError:
            log.warning("otp_not_sent", error=f"not sent within {_GIVE_UP_SECONDS:g} s")
        metrics.otp_sent("failed")

    async def _try(self, message: OtpMessage, attempt: int) -> bool:
        """Send once; return False if another attempt may succeed."""
        try:
            await self.sms.send(message)
        except SmsRefusedError as error:
            log.warning("otp_refused_by_sender", attempt=attempt, error=str(error))
            metrics.otp_sent("refused")
            return True
        except SmsNotSentError as error:
            log.warning("otp_not_sent", attempt=attempt, error=str(error))
            return False
        log.info("otp_sent", attempt=attempt)
        metrics.otp_sent("sent")
        return True
