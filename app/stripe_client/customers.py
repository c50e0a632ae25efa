"""Customers at Stripe, with the user's id as metadata, and without name and number."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from app.stripe_client.base import Invoice, StripeMissingError, StripeUnavailableError
from app.stripe_client.connection import StripeConnection
from app.stripe_client.failures import (
    StripeNotConfiguredError,
    StripeRefusedError,
    StripeReplayedFailureError,
)
from app.stripe_client.parsing import has_more, invoice_from, own_metadata, sold_by_invoice
from app.stripe_client.pro_product import ProProduct

if TYPE_CHECKING:
    from stripe import Customer
    from stripe.params import InvoiceListParams


_MAX_KEYS = 5


@dataclass(frozen=True, slots=True)
class SdkCustomers:
    """See `StripeCustomers`."""

    stripe: StripeConnection
    pro: ProProduct

    async def create(self, *, user_id: UUID, installation_id: UUID) -> str:
        """Create the user's customer under an idempotency key per user, and return its id."""
        key = f"customer:{user_id}"
        for _ in range(_MAX_KEYS):
            try:
                made = await self._create(own_metadata(user_id, installation_id), key)
            except StripeReplayedFailureError:
                key += ":again"
                continue
            # A replayed response may name a customer that an operator has deleted since.
            if not _is_replayed(made) or await self.exists(made.id):
                return made.id
            key = f"customer:{user_id}:{made.id}"
        raise StripeUnavailableError("no customer under any of its keys")

    async def exists(self, customer_id: str) -> bool:
        """Whether the customer exists and is not deleted."""
        try:
            found = await self.stripe.call(
                "customers.retrieve", lambda client: client.v1.customers.retrieve_async(customer_id)
            )
        except StripeMissingError:
            return False
        return not found.to_dict().get("deleted")

    async def delete(self, customer_id: str) -> None:
        """Delete a customer, which cancels its subscriptions; no error if it does not exist."""
        try:
            await self.stripe.call(
                "customers.delete", lambda client: client.v1.customers.delete_async(customer_id)
            )
        except StripeMissingError:
            return

    async def portal_url(self, customer_id: str, *, return_url: str) -> str:
        """Return a short-lived URL of Stripe's customer portal."""
        try:
            session = await self.stripe.call(
                "portal_sessions.create",
                lambda client: client.v1.billing_portal.sessions.create_async(
                    {"customer": customer_id, "return_url": return_url}
                ),
            )
        except StripeMissingError as error:
            if error.param in (None, "customer"):
                raise
            raise StripeNotConfiguredError(str(error), param=error.param) from error
        except StripeRefusedError as error:  # PUBLIC_URL, or the portal's settings in the dashboard
            raise StripeNotConfiguredError(str(error), param=error.param) from error
        return session.url

    async def invoices(
        self, customer_id: str, *, limit: int, after: str | None
    ) -> tuple[list[Invoice], bool]:
        """Return invoices of all kinds, newest first, after the id `after`; and whether more follow."""
        params: InvoiceListParams = {"customer": customer_id, "limit": limit}
        if after is not None:
            params["starting_after"] = after
        page = await self.stripe.call("invoices.list", lambda client: client.v1.invoices.list_async(params))
        invoices = []
        for listed in page.data:
            body = listed.to_dict()
            selling = await self.pro.among(sold_by_invoice(body))
            invoices.append(invoice_from(body, sells_pro=None if selling is None else bool(selling)))
        return invoices, has_more(page.to_dict())

    async def _create(self, metadata: dict[str, str], key: str) -> "Customer":
        return await self.stripe.call(
            "customers.create",
            lambda client: client.v1.customers.create_async({"metadata": metadata}, {"idempotency_key": key}),
        )


def _is_replayed(made: "Customer") -> bool:
    answer = made.last_response
    return answer is not None and answer.headers.get("idempotent-replayed") == "true"
