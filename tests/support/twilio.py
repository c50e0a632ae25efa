"""A local server with Twilio's Messages API, whose responses a test chooses."""

import base64
import contextlib
import json
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Final
from urllib.parse import parse_qs

from tests.support.scripted_server import ScriptedServer

ACCOUNT: Final = "AC0123456789abcdef0123456789abcdef"
TOKEN: Final = "twilio-token-that-no-log-may-hold"
SENDER: Final = "+14155550100"

_ERRORS: Final = {400: 21211, 401: 20003, 403: 20403, 404: 20404, 429: 20429, 500: 20500, 503: 20503}


@dataclass(frozen=True, slots=True)
class Sms:
    """A text message in a request to Twilio."""

    to: str
    sender: str
    body: str

    @property
    def otp(self) -> str:
        """Return the code in the text."""
        return self.body.split(maxsplit=1)[0]


class Twilio(ScriptedServer):
    """Accepts messages; `requests` are all received, `sent` those accepted."""

    def __init__(self) -> None:
        self.requests: list[Sms] = []
        self.sent: list[Sms] = []
        super().__init__(self._handler(), success=201)

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of a process that sends its codes here."""
        return {
            "OTP_DELIVERY": "twilio",
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM": SENDER,
            "TWILIO_API_BASE": self.address,
        }

    def requests_to(self, number: str) -> list[Sms]:
        """Return the messages received for a number."""
        return [sms for sms in self.requests if sms.to == number]

    def sent_to(self, number: str) -> list[Sms]:
        """Return the messages accepted for a number."""
        return [sms for sms in self.sent if sms.to == number]

    def _answer(self, sms: Sms) -> int:
        self.requests.append(sms)
        status = self._next_status()
        if status == 201:
            self.sent.append(sms)
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        twilio = self
        credentials = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            """Handles requests for the enclosing server."""

            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                if self.headers["Authorization"] != f"Basic {credentials}":
                    return self._write(401, "", form)
                if self.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
                    return self._write(404, "", form)
                service = form.pop("MessagingServiceSid", [""])[0]
                sender = form.pop("From", [""])[0]
                if form.keys() != {"To", "Body"} or bool(service) == bool(sender):
                    return self._write(400, "", form)
                if service[:2] not in ("", "MG") or sender.startswith("MG"):  # like Twilio, with 21212
                    return self._write(400, "", form)
                sms = Sms(form["To"][0], service or sender, form["Body"][0])
                return self._write(twilio._answer(sms), sms.to, form)

            def _write(self, status: int, number: str, form: dict[str, list[str]]) -> None:
                answer: dict[str, object] = {"sid": f"SM{len(twilio.sent):032d}", "status": "queued"}
                if status != 201:
                    answer = {
                        "code": _ERRORS[status],
                        "message": f"The 'To' number {number} cannot be served: {form}",
                        "status": status,
                    }
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                with contextlib.suppress(ConnectionError):  # the client may have timed out
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
                """Write no log."""

        return Handler
