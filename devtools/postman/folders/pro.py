"""Pro: bought, used, cancelled, resumed."""

from typing import Final

from devtools.postman.model import A_TIME, MIDNIGHT, Assertion, Checks, Folder, Request, count, matches

_OF_THE_PAGE: Final = {"session_id": "{{checkout_session_id}}"}
_PAY: Final = """\
// The sandbox's page takes a form. At Stripe itself: open checkout_url in a browser and pay there.
pm.sendRequest({
  url: pm.collectionVariables.get("checkout_url"),
  method: "POST",
  header: { "Content-Type": "application/x-www-form-urlencoded" },
  body: { mode: "urlencoded", urlencoded: [{ key: "action", value: "pay" }] },
}, () => {});
"""


def _page(name: str, operation: str, sentence: str) -> Request:
    return Request(
        name=name,
        operation=operation,
        status=200,
        checks={
            "a plain page that leads back to the app": {
                "Content-Type": matches("^text/html"),
                "text()": Assertion(f'to.include("{sentence}").and.include("go back to the app")'),
                "Content-Security-Policy": matches("^default-src 'none'"),
            }
        },
    )


def _renewal(*, ends: bool) -> Checks:
    return {
        "pro until the period ends" if ends else "pro, and renewed": {
            "plan": "pro",
            "status": "active",
            "cancel_at_period_end": ends,
            "current_period_end": A_TIME,
        }
    }


FOLDER: Final = Folder(
    "Pro",
    "The payment page of the test flow is paid. These requests need the sandbox of `./dev run`, or "
    "Stripe's test mode "
    "and a payment by hand.",
    (
        Request(
            name="Bills, none yet",
            operation="list_invoices",
            status=200,
            checks={"an empty page": {"": {"invoices": [], "next_cursor": None}}},
        ),
        Request(
            name="Subscribe again: the same page",
            operation="subscribe_pro",
            status=201,
            text="`success_url` and `cancel_url` may name pages on PUBLIC_URL or ALLOWED_ORIGINS. Without "
            "them the payer "
            "comes back to two small pages of the service.",
            body={},
            checks={
                "the open page": {
                    "checkout_url": "{{checkout_url}}",
                    "session_id": "{{checkout_session_id}}",
                    "expires_at": A_TIME,
                }
            },
        ),
        Request(
            name="Status of that page, not paid",
            operation="get_subscription",
            status=200,
            query=_OF_THE_PAGE,
            checks={
                "still basic": {
                    "plan": "basic",
                    "status": None,
                    "current_period_end": None,
                    "usage.limit": 5,
                    "usage.used": 4,
                    "usage.remaining": 1,
                    "usage.resets_at": MIDNIGHT,
                }
            },
        ),
        Request(
            name="Status of that page, paid",
            operation="get_subscription",
            status=200,
            text="Pays on the sandbox's page before it asks. With a key of Stripe's test mode, open "
            "`checkout_url` in a "
            "browser and pay with the card 4242 4242 4242 4242 before this request.\n\n"
            "With `session_id` the answer is right before any webhook has come.",
            query=_OF_THE_PAGE,
            before=_PAY,
            checks={
                **_renewal(ends=False),
                "without a limit": {"usage.limit": None, "usage.remaining": None, "grace_until": None},
            },
        ),
        Request(
            name="Bills",
            operation="list_invoices",
            status=200,
            query={"limit": "10"},
            checks={
                "the first month, paid": {
                    "invoices": count(1),
                    "invoices[0].status": "paid",
                    "invoices[0].amount_paid === body.invoices[0].amount_due": True,
                    "invoices[0].created_at": A_TIME,
                    "next_cursor": None,
                }
            },
        ),
        Request(
            name="Cancel",
            operation="cancel_subscription",
            status=200,
            checks=_renewal(ends=True),
        ),
        Request(
            name="Resume",
            operation="resume_subscription",
            status=200,
            checks=_renewal(ends=False),
        ),
        Request(
            name="Portal",
            operation="open_portal",
            status=200,
            checks={"an address at Stripe": {"url": matches("^https?:")}},
        ),
        _page("The page after a payment", "show_checkout_success", "Thank you"),
        _page("The page after a cancelled payment", "show_checkout_cancelled", "Nothing was charged"),
    ),
)
