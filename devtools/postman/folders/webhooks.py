"""What Stripe sends: signed events."""

from typing import Final

from devtools.postman.model import Folder, Request, refusal
from devtools.postman.variables import new_key

_SIGNED: Final = {"Stripe-Signature": "{{stripe_signature}}"}
_EVENT: Final = """\
const event = {
  id: pm.collectionVariables.get("stripe_event_id"), object: "event", type: "plan.created",
  created: Math.floor(Date.now() / 1000), livemode: false, data: { object: { id: "plan_1" } },
};
"""
_SIGN: Final = """\
const body = JSON.stringify(event);
const moment = Math.floor(Date.now() / 1000) - AGE;
const secret = pm.variables.get("stripe_webhook_secret");
const signature = require("crypto-js").HmacSHA256(moment + "." + body, secret).toString();
pm.variables.set("stripe_event", body);
pm.variables.set("stripe_signature", "t=" + moment + ",v1=" + signature);
"""


def _signed(event: str, *, age: int = 0) -> str:
    return event + _SIGN.replace("AGE", f"({age})")


def _refused(name: str, code: str, before: str) -> Request:
    return refusal(
        name,
        "receive_stripe_webhook",
        400,
        code,
        headers=_SIGNED,
        body="{{stripe_event}}",
        before=before,
    )


FOLDER: Final = Folder(
    "Webhooks",
    "Events as Stripe sends them, signed with `stripe_webhook_secret`. Only Stripe calls this address.",
    (
        Request(
            name="A signed event",
            operation="receive_stripe_webhook",
            status=200,
            headers=_SIGNED,
            body="{{stripe_event}}",
            before=new_key("stripe_event_id").replace('"{{$guid}}"', '"evt_{{$guid}}"') + _signed(_EVENT),
            checks={"stored": {"": {"received": True, "duplicate": False}}},
        ),
        Request(
            name="The same event again: a duplicate",
            operation="receive_stripe_webhook",
            status=200,
            headers=_SIGNED,
            body="{{stripe_event}}",
            before=_signed(_EVENT),
            checks={"known already": {"": {"received": True, "duplicate": True}}},
        ),
        refusal("Not signed", "receive_stripe_webhook", 400, "webhook_invalid", body={}),
        _refused("Signature too old", "webhook_invalid", _signed(_EVENT, age=600)),
        _refused("Signature from the future", "webhook_invalid", _signed(_EVENT, age=-600)),
        _refused(
            "Signed, but no event", "validation_failed", _signed('const event = { object: "event" };\n')
        ),
    ),
)
