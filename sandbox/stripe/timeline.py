"""What falls due as time passes, done in order and at the right moment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from sandbox.stripe.billing import Billing
from sandbox.stripe.checkout import Checkout
from sandbox.stripe.clock import Clock
from sandbox.stripe.invoices import InvoiceStatus
from sandbox.stripe.sessions import SessionStatus
from sandbox.stripe.store import Store
from sandbox.stripe.subscriptions import RENEWED, Status, Subscription

FIRST_PAYMENT_WITHIN = 23 * 3600


class Kind(StrEnum):
    """What can fall due."""

    PERIOD_END = "period_end"
    PAYMENT_ATTEMPT = "payment_attempt"
    FIRST_PAYMENT = "first_payment"
    SESSION_EXPIRY = "session_expiry"
    RESUMPTION = "resumption"


@dataclass(frozen=True, slots=True)
class Due:
    """Something that is to be done at a moment."""

    at: int
    kind: Kind
    customer: str | None
    act: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The one place where time makes things happen."""

    store: Store
    clock: Clock
    billing: Billing
    checkout: Checkout

    def catch_up(self) -> int:
        """Do all that is due by now; returns how many things that was."""
        return self._until(self.clock.now())

    def move_to(self, moment: int) -> int:
        """Go forward to a moment, doing on the way what falls due; returns how many things that was."""
        done = self._until(moment)
        self.clock.move_to(moment)
        return done

    def next(self, kind: Kind, customer: str | None = None) -> int | None:
        """Say when the next thing of a kind falls due, of one customer or of any."""
        moments = [
            due.at
            for due in self._all()
            if due.kind is kind and (customer is None or due.customer == customer)
        ]
        return min(moments, default=None)

    def _until(self, moment: int) -> int:
        done = 0
        while (due := min(self._all(), key=_when, default=None)) and due.at <= moment:
            with self.clock.pinned(due.at):
                due.act()
            done += 1
        return done

    def _all(self) -> Iterator[Due]:
        for subscription in self.store.subscriptions.values():
            if not subscription.ended:
                yield from self._of(subscription)
        for invoice in self.store.invoices.values():
            if invoice.next_attempt is not None and invoice.status is InvoiceStatus.OPEN:
                attempt = partial(self.billing.attempt, invoice)
                yield Due(invoice.next_attempt, Kind.PAYMENT_ATTEMPT, invoice.customer, attempt)
        for session in self.store.sessions.values():
            if session.status is SessionStatus.OPEN:
                expire = partial(self.checkout.expire, session)
                yield Due(session.expires_at, Kind.SESSION_EXPIRY, session.customer, expire)

    def _of(self, subscription: Subscription) -> Iterator[Due]:
        customer = subscription.customer
        if subscription.pause is not None and subscription.pause.resumes_at is not None:
            resume = partial(self.billing.resume, subscription)
            yield Due(subscription.pause.resumes_at, Kind.RESUMPTION, customer, resume)
        if subscription.status is Status.INCOMPLETE:
            expire = partial(self.billing.expire, subscription)
            yield Due(subscription.created + FIRST_PAYMENT_WITHIN, Kind.FIRST_PAYMENT, customer, expire)
        elif subscription.cancel_at is not None and subscription.cancel_at <= subscription.period_end:
            cancel = partial(self.billing.cancel, subscription, "cancellation_requested")
            yield Due(subscription.cancel_at, Kind.PERIOD_END, customer, cancel)
        elif subscription.status in RENEWED:
            renew = partial(self.billing.renew, subscription)
            yield Due(subscription.period_end, Kind.PERIOD_END, customer, renew)


def _when(due: Due) -> int:
    return due.at
