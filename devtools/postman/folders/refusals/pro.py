"""Payments and subscriptions that are refused."""

from typing import Final

from devtools.postman.folders.refusals.account import without_token
from devtools.postman.model import Folder, refusal

FOLDER: Final = Folder(
    "Pro",
    "The second user never bought anything; the user of the test flow has Pro.",
    (
        without_token("Subscribe", "subscribe_pro", body={}),
        refusal(
            "Subscribe, address elsewhere",
            "subscribe_pro",
            400,
            "validation_failed",
            at="/success_url",
            body={"success_url": "https://evil.example/"},
        ),
        refusal(
            "Subscribe, unknown field",
            "subscribe_pro",
            400,
            "validation_failed",
            at="/plan",
            body={"plan": "gold"},
        ),
        refusal(
            "Subscribe, on Pro already",
            "subscribe_pro",
            409,
            "already_subscribed",
            body={},
            bearer="{{auth_token}}",
        ),
        without_token("Status", "get_subscription"),
        refusal(
            "Status of an unknown page",
            "get_subscription",
            404,
            "checkout_not_found",
            query={"session_id": "cs_test_unknown"},
        ),
        refusal(
            "Status of another user's page",
            "get_subscription",
            404,
            "checkout_not_found",
            query={"session_id": "{{checkout_session_id}}"},
        ),
        refusal("Cancel, nothing to cancel", "cancel_subscription", 409, "not_subscribed"),
        refusal("Resume, nothing to resume", "resume_subscription", 409, "not_subscribed"),
        refusal("Portal, never bought anything", "open_portal", 409, "not_subscribed"),
        refusal("Bills, bad cursor", "list_invoices", 400, "cursor_invalid", query={"cursor": "garbage"}),
    ),
)
