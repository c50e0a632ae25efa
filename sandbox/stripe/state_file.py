"""Keep the account in a file: read at the start, written before a request that changed it is answered."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.stripe import events, idempotency
from sandbox.stripe.billing import Site
from sandbox.stripe.clock import Clock
from sandbox.stripe.customers import Customer
from sandbox.stripe.events import Event, Events
from sandbox.stripe.idempotency import Idempotency, Use
from sandbox.stripe.invoices import Invoice
from sandbox.stripe.payments import Payments
from sandbox.stripe.sessions import CheckoutSession, PortalSession
from sandbox.stripe.store import Store
from sandbox.stripe.subscriptions import Subscription

LOG = logging.getLogger("uvicorn.error")


class Snapshot(BaseModel):
    """Hold what outlives a restart. Orders of tests (failures, holds) and the record of calls do not."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", extra="forbid")

    site: str
    ahead: int
    payments: Payments
    customers: dict[str, Customer]
    sessions: dict[str, CheckoutSession]
    subscriptions: dict[str, Subscription]
    invoices: dict[str, Invoice]
    portals: dict[str, PortalSession]
    events: dict[str, Event]
    uses: dict[str, Use]


@dataclass(slots=True)
class StateFile:
    """Read and write the parts of one account."""

    path: Path
    clock: Clock
    store: Store
    events: Events
    payments: Payments
    site: Site
    idempotency: Idempotency
    _written: str = field(default="", init=False)

    def load(self) -> None:
        """Take over what the file holds; one that cannot be read is put aside, with a warning.

        Raises:
            SystemExit: if no file can be written there.
        """
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            text = ""
        except OSError as error:
            raise SystemExit(f"the state file {self.path} cannot be read: {error.strerror}") from None
        if text:
            self._take_over(text)
        try:
            self._write(self._snapshot())
        except OSError as error:
            raise SystemExit(f"the state file {self.path} cannot be written: {error.strerror}") from None

    def save(self) -> None:
        """Write what has changed; the file is always whole.

        It is not forced to the disk: a killed process loses nothing, a power cut perhaps the last seconds.
        """
        text = self._snapshot()
        if text == self._written:
            return
        try:
            self._write(text)
        except OSError as error:
            LOG.error("the state file %s cannot be written: %s", self.path, error.strerror)  # noqa: TRY400 - a traceback adds nothing

    def saving(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application so that the state is written before its answer begins."""

        async def saved(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_saved(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self.save()
                await send(message)

            await app(scope, receive, send_saved)

        return saved

    def _write(self, text: str) -> None:
        unfinished = self.path.with_name(f"{self.path.name}.new")
        unfinished.write_text(text)
        unfinished.replace(self.path)
        self._written = text

    def _snapshot(self) -> str:
        now = self.clock.now()
        return Snapshot.model_construct(
            site=self.site.url,
            ahead=self.clock.offset,
            payments=self.payments,
            customers=self.store.customers,
            sessions=self.store.sessions,
            subscriptions=self.store.subscriptions,
            invoices=self.store.invoices,
            portals=self.store.portals,
            events={
                id_: event
                for id_, event in self.events.by_id.items()
                if event.pending_webhooks or event.created >= now - events.KEPT_SECONDS
            },
            # Without an answer its request has done nothing yet.
            uses={
                key: use
                for key, use in self.idempotency.uses.items()
                if use.answer is not None and use.began > now - idempotency.KEPT_SECONDS
            },
        ).model_dump_json()

    def _take_over(self, text: str) -> None:
        try:
            read = Snapshot.model_validate_json(text)
        except ValidationError:
            aside = self.path.with_name(f"{self.path.name}.unreadable")
            self.path.replace(aside)
            LOG.warning(
                "%s is no state of this sandbox: the account begins empty, it is now %s", self.path, aside
            )
            return
        self.clock.move_to(self.clock.now() + read.ahead)
        for name in ("customers", "sessions", "subscriptions", "invoices", "portals"):
            getattr(self.store, name).update(getattr(read, name))
        self.events.by_id.update(read.events)
        self.idempotency.uses.update(read.uses)
        for name in ("everybody", "single", "retry_after", "afterwards"):
            setattr(self.payments, name, getattr(read.payments, name))
        self._move_pages(read.site)

    def _move_pages(self, before: str) -> None:
        """Update the address of the pages: this process may have another one."""
        if not self.site.is_fixed:
            self.site.url = before
            return
        for session in self.store.sessions.values():
            session.page = self.site.url + session.page.removeprefix(before)
        for invoice in self.store.invoices.values():
            invoice.page = self.site.url + invoice.page.removeprefix(before)
        for id_, portal in self.store.portals.items():
            self.store.portals[id_] = replace(portal, page=self.site.url + portal.page.removeprefix(before))
