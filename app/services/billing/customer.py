"""A user's customer portal and invoices at Stripe."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from app.errors import NotSubscribed
from app.kit.paging import CursorSigner
from app.schemas.subscription import InvoiceOut, InvoicePage, PortalOut
from app.services.billing.customer_records import remove_customer
from app.services.billing.installation import InstallationId
from app.services.billing.payments import StripeBudget, calling_stripe
from app.services.billing.subscription_sync import SubscriptionSync
from app.stripe_client import Invoice, StripeCustomers, StripeMissingError
from app.unit_of_work import UnitOfWork

_MAX_PAGES = 5
"""Pages of Stripe's list that one request reads, in case most invoices are for something else."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CustomerService:
    """Reads what Stripe stores about a user; none of it is stored here."""

    uow: UnitOfWork
    customers: StripeCustomers
    syncs: SubscriptionSync
    installation: InstallationId
    cursors: CursorSigner
    public_url: str

    async def portal(self, user_id: UUID, budget: StripeBudget) -> PortalOut:
        """Return a short-lived URL of the page where cards, invoices and the subscription are managed.

        Raises:
            NotSubscribed: the user has no customer, or Stripe no longer has it.
            PaymentsNotConfigured: the portal is not set up at Stripe.
            PaymentsUnavailable: Stripe is unavailable.
        """
        customer_id = await self._customer_id(user_id)
        if customer_id is None:
            raise NotSubscribed
        async with calling_stripe(budget):
            try:
                url = await self.customers.portal_url(customer_id, return_url=self.public_url)
            except StripeMissingError:
                await self._remove_customer(user_id, customer_id)
                raise NotSubscribed from None
        return PortalOut(url=url)

    async def invoices(
        self, user_id: UUID, budget: StripeBudget, *, limit: int, cursor: str | None
    ) -> InvoicePage:
        """Return a page of the invoices for Pro, newest first; empty for a user without a customer.

        Invoices of the same customer for something else are left out. A page may hold fewer than `limit`,
        even if more follow.

        Raises:
            CursorInvalid: the cursor is not of this list.
            PaymentsNotConfigured: Stripe rejects the key.
            PaymentsUnavailable: Stripe is unavailable.
        """
        scope = f"invoices:{user_id}"
        after = self.cursors.start(scope, cursor, str)
        customer_id = await self._customer_id(user_id)
        if customer_id is None:
            return InvoicePage(invoices=[], next_cursor=None)
        async with calling_stripe(budget):
            try:
                invoices, last = await self._invoices(user_id, customer_id, limit=limit, after=after)
            except StripeMissingError as error:
                if error.param in (None, "customer"):
                    await self._remove_customer(user_id, customer_id)
                invoices, last = [], None
        return InvoicePage(
            invoices=[InvoiceOut.model_validate(invoice) for invoice in invoices],
            next_cursor=self.cursors.make(scope, last) if last is not None else None,
        )

    async def _invoices(
        self, user_id: UUID, customer_id: str, *, limit: int, after: str | None
    ) -> tuple[list[Invoice], str | None]:
        """Return invoices for Pro, and the id of the last one that was read if more follow."""
        async with self.uow.autocommit() as tx:
            held = await tx.subscriptions.of_user(user_id)
        installation_id = str(await self.installation.get())
        invoices: list[Invoice] = []
        for _ in range(_MAX_PAGES):
            page, more = await self.customers.invoices(customer_id, limit=limit - len(invoices), after=after)
            invoices += [
                invoice
                for invoice in page
                if invoice.sells_pro is not False
                or invoice.subscription_id in held
                or invoice.installation_id == installation_id
            ]
            after = page[-1].id if more and page else None
            if after is None or len(invoices) == limit:
                break
        return invoices, after

    async def _remove_customer(self, user_id: UUID, customer_id: str) -> None:
        """Sync and remove a customer that Stripe does not have, without waiting for the event."""
        async with self.uow.autocommit() as tx:
            live = await tx.subscriptions.live_of(user_id)
        for subscription in live:
            await self.syncs.sync(subscription.stripe_subscription_id)
        async with self.uow.begin() as tx:
            await remove_customer(tx, customer_id)
        log.warning("customer_gone", user_id=str(user_id))

    async def _customer_id(self, user_id: UUID) -> str | None:
        async with self.uow.autocommit() as tx:
            return await tx.stripe_customers.customer_id_of(user_id)
