"""An API process that sends codes, and its log."""

import json
from dataclasses import dataclass

from tests.support.codes import open_accounts
from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.user import Json, some_number


@dataclass(frozen=True)
class SendingApi:
    """An API process that sends through a provider."""

    url: str
    process: Process
    stack: Stack

    def account(self) -> str:
        """Return the number of a new user."""
        number = some_number()
        open_accounts(self.stack, [number])
        return number

    def events(self, name: str, answer: object = None) -> list[Json]:
        """Return the process's log events of this name, of one request if its response is given."""
        lines = [json.loads(line) for line in self.process.log.splitlines() if line.startswith("{")]
        request_id = getattr(answer, "headers", {}).get("x-request-id")
        return [
            line
            for line in lines
            if line["event"] == name and (request_id is None or line.get("request_id") == request_id)
        ]
