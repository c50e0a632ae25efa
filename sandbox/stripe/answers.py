"""An answer of the API: a status and a body, kept so that it can be sent again."""

from dataclasses import dataclass

from sandbox.connection import Connection
from sandbox.stripe.problems import Json, StripeError, rendered


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request got; `request_id` names the request that was executed."""

    status: int
    body: bytes
    request_id: str

    async def send(self, connection: Connection, headers: dict[str, str]) -> None:
        """Send it with the headers of this request."""
        fields = {
            "content-type": "application/json",
            "content-length": str(len(self.body)),
            "cache-control": "no-cache, no-store",
            **headers,
        }
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields.items()]
        await connection.send({"type": "http.response.start", "status": self.status, "headers": raw})
        await connection.write(self.body, more=False)


def answered(body: Json, request_id: str) -> Answer:
    """Answer with an object."""
    return Answer(200, rendered(body), request_id)


def refused(error: StripeError, request_id: str) -> Answer:
    """Answer with an error."""
    return Answer(error.status, error.body(), request_id)
