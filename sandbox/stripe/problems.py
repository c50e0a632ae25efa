"""Stripe's error envelope, and the errors that several endpoints have in common."""

import json

from pydantic import JsonValue

Json = dict[str, JsonValue]


class StripeError(Exception):
    """A failure as Stripe answers it: a status, a type, a sentence, perhaps a code and a parameter."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.code, self.param = status, message, kind, code, param

    def envelope(self) -> Json:
        """Render it; absent members are left out, as Stripe does."""
        error: Json = {"message": self.message, "type": self.kind}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}

    def body(self) -> bytes:
        return rendered(self.envelope())


def rendered(body: Json) -> bytes:
    """Write JSON as Stripe does: pretty-printed."""
    return json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n"


def no_such(noun: str, id_: str, *, param: str = "id", in_live_mode: bool = False) -> StripeError:
    """Say that an id is unknown: 404 in the path, 400 in a parameter."""
    status = 404 if param == "id" else 400
    message = f"No such {noun}: '{id_}'"
    if in_live_mode:
        message += (
            "; a similar object exists in live mode, but a test mode key was used to make this request."
        )
    return StripeError(status, message, code="resource_missing", param=param)


def unrecognized(method: str, path: str) -> StripeError:
    """Say that there is no such method."""
    return StripeError(
        404,
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove the "
        "trailing slash. If you are trying to retrieve an object, make sure you passed a valid (non-empty) "
        "identifier.",
    )
