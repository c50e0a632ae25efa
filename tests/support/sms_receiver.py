"""A local server that receives `OTP_DELIVERY=webhook`, and a message of the tests."""

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Final

from app.models.sign_in import OtpPurpose
from app.sms_client import OtpMessage
from tests.support.scripted_server import ScriptedServer
from tests.support.user import Json

ENDLESS: Final = -1
"""Instead of a status: respond 200 with a body that does not end."""
GARBAGE: Final = -2
"""Instead of a status: repeat the request where a status belongs."""
BAD_LOCATION: Final = -3
"""Instead of a status: respond 302 with a location that repeats the request and is no address."""
QUERY_TOKEN: Final = "query-token-that-no-log-may-hold"
_TOLERANCE_SECONDS: Final = 300


def some_secret(size: int = 32) -> str:
    """Return a new secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(size)).decode()


def some_message() -> OtpMessage:
    """Return a message with a code."""
    text = "271828 is your code."
    now = datetime.now(UTC)
    return OtpMessage("msg_1", now, "+14155550123", text, "271828", "en", OtpPurpose.LOGIN, 300)


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the receiver."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """Return the id of the message."""
        return self.headers["webhook-id"]

    @property
    def payload(self) -> Json:
        """Return the body as an object."""
        payload: Json = json.loads(self.body)
        return payload

    @property
    def data(self) -> Json:
        """Return the message."""
        data: Json = self.payload["data"]
        return data

    def is_signed_by(self, secret: str) -> bool:
        """Verify the request as the specification says: time, then any signature of version 1.

        https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
        """
        sent_at = int(self.headers["webhook-timestamp"])
        if abs(time.time() - sent_at) > _TOLERANCE_SECONDS:
            return False
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = b".".join([self.id.encode(), str(sent_at).encode(), self.body])
        expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        given = [part.partition(",") for part in self.headers.get("webhook-signature", "").split(" ")]
        return any(version == "v1" and hmac.compare_digest(value, expected) for version, _, value in given)


class SmsReceiver(ScriptedServer):
    """Accepts messages; `calls` are all received, `sent` those accepted."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.sent: list[Call] = []
        self.secret = some_secret()
        self.written = 0
        """Bytes of an endless body that the client, or its socket's buffer, has taken."""
        self.cut = threading.Event()
        """Set when the client has closed the connection of an endless body."""
        super().__init__(self._handler(), success=200)

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of a process that sends its codes here."""
        return {
            "OTP_DELIVERY": "webhook",
            "SMS_WEBHOOK_URL": f"{self.address}/hooks/otp?token={QUERY_TOKEN}",
            "SMS_WEBHOOK_SECRET": self.secret,
        }

    @property
    def unsigned_settings(self) -> dict[str, str]:
        """Return the settings of a process without a secret."""
        return {**self.settings, "SMS_WEBHOOK_SECRET": ""}

    def behave(self, *statuses: int, always: int | None = None) -> None:
        """Set the responses; see `ScriptedServer`."""
        super().behave(*statuses, always=always)
        self.cut = threading.Event()

    def calls_to(self, number: str) -> list[Call]:
        """Return the requests received for a number."""
        return [call for call in self.calls if call.data["mobile_number"] == number]

    def sent_to(self, number: str) -> list[Call]:
        """Return the requests accepted for a number."""
        return [call for call in self.sent if call.data["mobile_number"] == number]

    def _answer(self, call: Call) -> int:
        self.calls.append(call)
        status = self._next_status()
        if status == ENDLESS or 200 <= status < 300:
            self.sent.append(call)
        return status

    def _location(self, status: int, body: bytes) -> str:
        return f"http://a:{body.decode()}/" if status == BAD_LOCATION else f"{self.address}/elsewhere"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            """Handles requests for the enclosing server."""

            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver._answer(Call(self.path, headers, body))
                with contextlib.suppress(ConnectionError):  # the client may have timed out
                    self._write(status, body)

            def do_GET(self) -> None:
                receiver.calls.append(Call(self.path, {}, b'{"data": {"mobile_number": "followed"}}'))
                self._write(200, b"{}")

            def _write(self, status: int, body: bytes) -> None:
                if status == GARBAGE:
                    self.close_connection = True
                    self.wfile.write(body + b"\r\n\r\n")
                    return
                self.send_response({ENDLESS: 200, BAD_LOCATION: 302}.get(status, status))
                self.send_header("Location", receiver._location(status, body))
                if status == ENDLESS:
                    self._write_endlessly()
                    return
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)  # a receiver may repeat the code

            def _write_endlessly(self) -> None:
                cut = receiver.cut
                self.close_connection = True
                self.end_headers()
                try:
                    while not receiver._released.is_set():
                        self.wfile.write(b"x" * 65_536)
                        receiver.written += 65_536
                except OSError:
                    cut.set()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
                """Write no log."""

        return Handler
