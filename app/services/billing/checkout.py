"""Buying Pro: a wish in our table, one customer and one open payment page at Stripe for it."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from app.errors import AlreadySubscribed, AuthenticationRequired, CheckoutNotFound, PaymentsUnavailable
from app.kit.clock import Clock
from app.models import Checkout, Plan, plan_of
from app.schemas.subscription import CheckoutOut, SubscribeIn
from app.services.billing.customer_removal import remove_customer
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

_MAX_ATTEMPTS = 4  # each ends in an answer, or closes a wish that cannot be used
_HEAD_START = timedelta(seconds=2)  # for the request that began a wish, before others take it up
_POLL_SECONDS = 0.05
# Stripe repeats its answer to a key, a failure too, for a day: a wish that got none is not asked for so long.
_GIVEN_UP_AFTER = timedelta(minutes=15)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CheckoutService:
    """Opens payment pages, and learns what came of them.

    A wish is stored before Stripe is asked, and its id is the key of the request: asking again after a lost
    answer finds the same session. No transaction is open while Stripe is asked.
    """

    uow: UnitOfWork
    customers: StripeCustomers
    checkouts: StripeCheckouts
    syncs: SubscriptionSync
    addresses: ReturnAddresses
    installation: InstallationId
    clock: Clock

    async def subscribe(self, user_id: UUID, request: SubscribeIn, budget: StripeBudget) -> CheckoutOut:
        """A page where this person can pay for Pro: the open one if it leads back to the same addresses.

        Raises:
            ValidationFailed: an address is not on an allowed origin, or Stripe does not take it.
            AlreadySubscribed: the person is on Pro, maybe by a payment that was not known yet.
            PaymentsNotConfigured: Stripe refuses the key or the price, or one is missing.
            PaymentsUnavailable: Stripe is away.
        """
        urls = self.addresses.resolve(request)
        async with calling_stripe(budget):
            await self._refuse_on_pro(user_id)
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
                await self._refuse_on_pro(user_id)
        raise PaymentsUnavailable

    async def refresh_from_stripe(
        self, user_id: UUID, checkout_session_id: str, budget: StripeBudget
    ) -> None:
        """Ask Stripe what came of a session, and take it over at once.

        Raises:
            CheckoutNotFound: no such session was opened for this person.
            PaymentsNotConfigured: Stripe refuses the key.
            PaymentsUnavailable: Stripe is away.
        """
        async with self.uow.begin() as tx:
            checkout = (
                await tx.checkouts.of_session(checkout_session_id, user_id)
                if is_id(checkout_session_id)
                else None
            )
        if checkout is None:
            raise CheckoutNotFound
        async with calling_stripe(budget):
            try:
                session = await self.checkouts.get(checkout_session_id)
            except StripeMissingError:
                raise CheckoutNotFound from None
            if session.state is not CheckoutState.OPEN:
                await self._settle(checkout.id, session)

    async def _refuse_on_pro(self, user_id: UUID) -> None:
        async with self.uow.begin() as tx:
            subscription = await tx.subscriptions.current(user_id)
        if plan_of(subscription, self.clock()) is Plan.PRO:
            raise AlreadySubscribed

    async def _sync_lapsed(self, user_id: UUID) -> None:
        """Nobody shall buy anew what was paid a moment ago.

        What is still unpaid then stays until the new subscription is paid; its synchronisation ends the old.
        """
        async with self.uow.autocommit() as tx:
            lapsed = await tx.subscriptions.live_of(user_id)
        for subscription in lapsed:
            await self.syncs.sync(subscription.stripe_subscription_id)
        if lapsed:
            await self._refuse_on_pro(user_id)

    async def _begin(self, user_id: UUID, urls: tuple[str, str]) -> tuple[Checkout, timedelta | None]:
        """The person's open wish with its age, which is None if the wish is this request's own."""
        async with self.uow.begin() as tx:
            found = await tx.checkouts.open_of(user_id)
            if found and found[0].checkout_session_id is None and found[1] > _GIVEN_UP_AFTER:
                await tx.checkouts.close(found[0].id)
                found = None
            if found:
                return found
            begun = await tx.checkouts.begin(user_id, success_url=urls[0], cancel_url=urls[1])
            if begun:
                # Whoever closed the wish before this one had stored by then what it led to.
                if plan_of(await tx.subscriptions.current(user_id), self.clock()) is Plan.PRO:
                    raise AlreadySubscribed
                return begun, None
            # Another request was quicker.
            found = await tx.checkouts.open_of(user_id)
        if found is None:
            raise AuthenticationRequired  # the account was deleted a moment ago
        return found

    async def _session(self, checkout: Checkout, age: timedelta | None) -> CheckoutSession | None:
        """Stripe's session for a wish as it is now; None when the wish is of no use (any more)."""
        if age is not None:
            had_session = checkout.checkout_session_id is not None
            checkout = await self._after_head_start(checkout, age)
            if not had_session and (opened := _stored_session(checkout)):
                return opened  # while this request waited: nothing newer is known at Stripe
        if checkout.closed_at is not None:
            return None
        checkout_session_id = checkout.checkout_session_id
        if checkout_session_id is None:
            opened = await self._open(checkout)
            if opened is None or age is None:
                return opened
            checkout_session_id = opened.id  # a repeated answer tells what was, not what is
        try:
            return await self.checkouts.get(checkout_session_id)
        except StripeMissingError:
            await self._close(checkout.id)
            return None

    async def _after_head_start(self, checkout: Checkout, age: timedelta) -> Checkout:
        """A wish of another request: that one is probably asking Stripe this very moment."""
        until = time.monotonic() + (_HEAD_START - age).total_seconds()
        while checkout.checkout_session_id is None and time.monotonic() < until:
            await asyncio.sleep(_POLL_SECONDS)
            async with self.uow.autocommit() as tx:
                found = await tx.checkouts.get(checkout.id)
            if found is None:
                raise AuthenticationRequired  # the account was deleted a moment ago
            checkout = found
            if checkout.closed_at is not None:
                break
        return checkout

    async def _open(self, checkout: Checkout) -> CheckoutSession | None:
        customer_id = await self._customer(checkout.user_id)
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
                await self._close(checkout.id)  # since Stripe repeats a refusal to the same key
            # The account at Stripe may be another by now, which does not have the customer.
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
        """Forget a customer that Stripe does not know; the next try makes another."""
        log.warning("customer_gone", user_id=str(user_id))
        async with self.uow.begin() as tx:
            await remove_customer(tx, customer_id)

    async def _customer(self, user_id: UUID) -> str:
        async with self.uow.autocommit() as tx:
            known = await tx.stripe_customers.customer_id_of(user_id)
        if known is not None:
            return known
        made = await self.customers.create(user_id=user_id, installation_id=await self.installation.get())
        async with self.uow.begin() as tx:
            kept = await tx.stripe_customers.add(user_id, made)
        if kept is None:
            await self.customers.delete(made)
            raise AuthenticationRequired  # the account was deleted a moment ago
        return kept

    async def _settle(self, checkout_id: UUID, session: CheckoutSession) -> None:
        """Take over what a session that is no longer open led to, and let the next wish begin."""
        if session.subscription_id is not None:
            await self.syncs.sync(session.subscription_id)
        await self._close(checkout_id)

    async def _close(self, checkout_id: UUID) -> None:
        async with self.uow.begin() as tx:
            await tx.checkouts.close(checkout_id)


def _stored_session(checkout: Checkout) -> CheckoutSession | None:
    """Return a wish's open session as another request wrote it down a moment ago."""
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
