"""One Stripe account in test mode: its objects, its time, its events, and what tests have ordered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.stripe.billing import Billing, Site
from sandbox.stripe.calls import Calls
from sandbox.stripe.checkout import Checkout
from sandbox.stripe.clock import Clock
from sandbox.stripe.events import Events
from sandbox.stripe.failures import Failures
from sandbox.stripe.idempotency import Idempotency
from sandbox.stripe.payments import Payments
from sandbox.stripe.state_file import StateFile
from sandbox.stripe.store import Store
from sandbox.stripe.timeline import Timeline
from sandbox.stripe.webhooks import Endpoint, Webhooks

TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the sandbox is started with."""

    webhook_url: str | None
    webhook_secret: str
    public_url: str | None
    state_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The parts, put together."""

    clock: Clock
    store: Store
    events: Events
    payments: Payments
    site: Site
    billing: Billing
    checkout: Checkout
    timeline: Timeline
    webhooks: Webhooks
    idempotency: Idempotency
    failures: Failures
    calls: Calls
    state: StateFile | None

    async def reset(self) -> None:
        """Forget everything, the moved clock too; only the webhook endpoint keeps its address and secrets."""
        self.failures.abandon()
        await self.webhooks.reset()
        self.store.clear()
        self.events.by_id.clear()
        self.idempotency.uses.clear()
        self.calls.clear()
        self.payments.reset()
        self.clock.reset()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Let time pass while the process serves; at the end nothing is left running."""
        self.webhooks.resume(self.events.by_id.values())
        ticking = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            ticking.cancel()
            self.failures.abandon()
            await self.webhooks.stop()
            self._save()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.timeline.catch_up()
            self._save()

    def _save(self) -> None:
        if self.state is not None:
            self.state.save()


def open_account(options: Options) -> Account:
    """Open an account: empty, or as its state file holds it."""
    clock, store, payments = Clock(), Store(), Payments()
    site = Site(options.public_url or "http://127.0.0.1", is_fixed=options.public_url is not None)
    webhooks = Webhooks(Endpoint(options.webhook_url, (options.webhook_secret,)))
    events = Events(clock, webhooks.offer)
    billing = Billing(store, clock, events, payments, site)
    checkout = Checkout(store, events, billing)
    idempotency = Idempotency(clock)
    state = None
    if options.state_file is not None:
        state = StateFile(options.state_file, clock, store, events, payments, site, idempotency)
        state.load()
    return Account(
        clock=clock,
        store=store,
        events=events,
        payments=payments,
        site=site,
        billing=billing,
        checkout=checkout,
        timeline=Timeline(store, clock, billing, checkout),
        webhooks=webhooks,
        idempotency=idempotency,
        failures=Failures(),
        calls=Calls(),
        state=state,
    )
