"""Checkouts for Pro: one open checkout of a user has one customer and one payment page at Stripe."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from app.errors import AlreadySubscribed, AuthenticationRequired, CheckoutNotFound, PaymentsUnavailable
from app.kit.clock import Clock
from app.models import Checkout, is_paid_pro
from app.schemas.subscription import CheckoutOut, SubscribeIn
from app.services.billing.customer_records import create_customer, remove_customer
from app.services.billing.installation import InstallationId
from app.services.billing.payments import StripeBudget, calling_stripe
from app.services.billing.return_addresses import ReturnAddresses
from app.services.billing.subscription_sync import SubscriptionSync
from app.stripe_client import (
    CheckoutSession,
    CheckoutState,
    StripeCheckouts,
    StripeCustomers,
    StripeMissingError,
    StripeUnavailableError,
)
from app.stripe_client.event import is_id
from app.stripe_client.failures import StripeRefusedError
from app.unit_of_work import UnitOfWork

_MAX_ATTEMPTS = 4  # each returns a page, or closes a checkout that cannot be used
_HEAD_START = timedelta(seconds=2)  # of the request that began a checkout, before others open it too
_POLL_SECONDS = 0.05
# Stripe replays its response to a key for a day, failures too: a checkout without a session is replaced soon.
_ABANDONED_AFTER = timedelta(minutes=15)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CheckoutService:
    """Opens payment pages, and syncs what was paid there.

    A checkout is stored before Stripe is called, and its id is the call's idempotency key: a retry after a
    lost response gets the same session. No transaction is open during a call.
    """

    uow: UnitOfWork
    customers: StripeCustomers
    checkouts: StripeCheckouts
    syncs: SubscriptionSync
    addresses: ReturnAddresses
    installation: InstallationId
    clock: Clock

    async def subscribe(self, user_id: UUID, request: SubscribeIn, budget: StripeBudget) -> CheckoutOut:
        """Return a payment page for Pro: the open one, if it has the same return addresses.

        Raises:
            ValidationFailed: an address is not on an allowed origin, or Stripe rejects it.
            AlreadySubscribed: the user is on Pro, possibly by a payment that had not been synced yet.
            PaymentsNotConfigured: Stripe rejects the key or the price, or one is missing.
            PaymentsUnavailable: Stripe is unavailable.
        """
        urls = self.addresses.resolve(request)
        async with calling_stripe(budget):
            await self._reject_on_pro(user_id)
            await self._sync_lapsed(user_id)
            for _ in range(_MAX_ATTEMPTS):
                checkout, age = await self._begin(user_id, urls)
                try:
                    session = await self._session(checkout, age)
                except StripeRefusedError as failure:
                    raise self.addresses.explain(failure, request) from None
                if session is None:
                    continue
                same = (checkout.success_url, checkout.cancel_url) == urls
                if session.state is CheckoutState.OPEN and session.url and same:
                    return CheckoutOut(
                        checkout_url=session.url, session_id=session.id, expires_at=session.expires_at
                    )
                if session.state is CheckoutState.OPEN:
                    session = await self.checkouts.expire(session.id)
                await self._settle(checkout.id, session)
                await self._reject_on_pro(user_id)
        raise PaymentsUnavailable

    async def refresh_from_stripe(
        self, user_id: UUID, checkout_session_id: str, budget: StripeBudget
    ) -> None:
        """Read a session at Stripe, and sync its subscription if it is no longer open.

        Raises:
            CheckoutNotFound: no such session was opened for this user.
            PaymentsNotConfigured: Stripe rejects the key.
            PaymentsUnavailable: Stripe is unavailable.
        """
        if not is_id(checkout_session_id):
            raise CheckoutNotFound
        async with self.uow.begin() as tx:
            checkout = await tx.checkouts.of_session(checkout_session_id, user_id)
        if checkout is None:
            raise CheckoutNotFound
        async with calling_stripe(budget):
            try:
                session = await self.checkouts.get(checkout_session_id)
            except StripeMissingError:
                raise CheckoutNotFound from None
            if session.state is not CheckoutState.OPEN:
                await self._settle(checkout.id, session)

    async def _reject_on_pro(self, user_id: UUID) -> None:
        """Reject a user who pays; one with a grant may buy Pro, to keep it after the grant."""
        async with self.uow.begin() as tx:
            if is_paid_pro(await tx.subscriptions.current(user_id), self.clock()):
                raise AlreadySubscribed

    async def _sync_lapsed(self, user_id: UUID) -> None:
        """Sync live subscriptions that do not give Pro, in case one has just been paid.

        One that is still unpaid stays until the new subscription is paid, whose sync cancels it.
        """
        async with self.uow.autocommit() as tx:
            lapsed = await tx.subscriptions.live_of(user_id)
        for subscription in lapsed:
            await self.syncs.sync(subscription.stripe_subscription_id)
        if lapsed:
            await self._reject_on_pro(user_id)

    async def _begin(self, user_id: UUID, urls: tuple[str, str]) -> tuple[Checkout, timedelta | None]:
        """Return the user's open checkout and its age, or store one, whose age is None."""
        async with self.uow.begin() as tx:
            found = await tx.checkouts.open_of(user_id)
            if found and found[0].checkout_session_id is None and found[1] > _ABANDONED_AFTER:
                await tx.checkouts.close(found[0].id)
                found = None
            if found:
                return found
            begun = await tx.checkouts.begin(user_id, success_url=urls[0], cancel_url=urls[1])
            if begun:
                # The request that closed the previous checkout had synced its subscription before.
                if is_paid_pro(await tx.subscriptions.current(user_id), self.clock()):
                    raise AlreadySubscribed
                return begun, None
            found = await tx.checkouts.open_of(user_id)
        if found is None:
            raise AuthenticationRequired  # the account was deleted concurrently
        return found

    async def _session(self, checkout: Checkout, age: timedelta | None) -> CheckoutSession | None:
        """Return the checkout's current session at Stripe; None if the checkout cannot be used."""
        if age is not None:
            had_session = checkout.checkout_session_id is not None
            checkout = await self._after_head_start(checkout, age)
            if not had_session and (opened := _stored_session(checkout)):
                return opened  # stored while this request waited, so it is current
        if checkout.closed_at is not None:
            return None
        checkout_session_id = checkout.checkout_session_id
        if checkout_session_id is None:
            opened = await self._open(checkout)
            if opened is None or age is None:
                return opened
            checkout_session_id = opened.id  # a replayed response holds the state of that time
        try:
            return await self.checkouts.get(checkout_session_id)
        except StripeMissingError:
            await self._close(checkout.id)
            return None

    async def _after_head_start(self, checkout: Checkout, age: timedelta) -> Checkout:
        """Wait for the session of another request's checkout, which that request is probably opening."""
        until = time.monotonic() + (_HEAD_START - age).total_seconds()
        while not (checkout.checkout_session_id or checkout.closed_at) and time.monotonic() < until:
            await asyncio.sleep(_POLL_SECONDS)
            async with self.uow.autocommit() as tx:
                found = await tx.checkouts.get(checkout.id)
            if found is None:
                raise AuthenticationRequired  # the account was deleted concurrently
            checkout = found
        return checkout

    async def _open(self, checkout: Checkout) -> CheckoutSession | None:
        customer_id = await self._customer_id(checkout.user_id)
        try:
            session = await self.checkouts.open(
                checkout_id=checkout.id,
                user_id=checkout.user_id,
                installation_id=await self.installation.get(),
                customer_id=customer_id,
                success_url=checkout.success_url,
                cancel_url=checkout.cancel_url,
            )
        except StripeMissingError:
            await self._remove_customer(checkout.user_id, customer_id)
            return None
        except StripeUnavailableError as failure:
            if isinstance(failure, StripeRefusedError):
                await self._close(checkout.id)  # since Stripe replays a rejection to the same key
            # The operator may have changed to another Stripe account, without this customer.
            if await self.customers.exists(customer_id):
                raise
            await self._remove_customer(checkout.user_id, customer_id)
            return None
        async with self.uow.begin() as tx:
            noted = await tx.checkouts.record_session(
                checkout.id, checkout_session_id=session.id, url=session.url, expires_at=session.expires_at
            )
        log.info("checkout_opened", user_id=str(checkout.user_id), checkout_id=str(checkout.id), noted=noted)
        return session if noted else None

    async def _remove_customer(self, user_id: UUID, customer_id: str) -> None:
        """Remove a customer that Stripe does not have; the next attempt creates another."""
        log.warning("customer_gone", user_id=str(user_id))
        async with self.uow.begin() as tx:
            await remove_customer(tx, customer_id)

    async def _customer_id(self, user_id: UUID) -> str:
        async with self.uow.autocommit() as tx:
            known = await tx.stripe_customers.customer_id_of(user_id)
        if known is not None:
            return known
        return await create_customer(
            self.uow, self.customers, user_id=user_id, installation_id=await self.installation.get()
        )

    async def _settle(self, checkout_id: UUID, session: CheckoutSession) -> None:
        """Sync the subscription of a session that is no longer open, then close the checkout."""
        if session.subscription_id is not None:
            await self.syncs.sync(session.subscription_id)
        await self._close(checkout_id)

    async def _close(self, checkout_id: UUID) -> None:
        async with self.uow.begin() as tx:
            await tx.checkouts.close(checkout_id)


def _stored_session(checkout: Checkout) -> CheckoutSession | None:
    """Return a checkout's open session as another request has just stored it."""
    if checkout.closed_at or not (
        checkout.checkout_session_id and checkout.session_url and checkout.expires_at
    ):
        return None
    return CheckoutSession(
        id=checkout.checkout_session_id,
        url=checkout.session_url,
        state=CheckoutState.OPEN,
        expires_at=checkout.expires_at,
    )
