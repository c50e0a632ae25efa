"""What tests reach behind Stripe's back: the clock, payments, failures, webhooks, the record."""

from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stripe.account import Account
from sandbox.stripe.events import Event
from sandbox.stripe.failures import Failure
from sandbox.stripe.fields import unreadable
from sandbox.stripe.orders import (
    ClockOrder,
    DunningOrder,
    FailureOrder,
    PaymentOrder,
    RedeliveryOrder,
    SubscriptionOrder,
    WebhookOrder,
)
from sandbox.stripe.prices import PRICES
from sandbox.stripe.problems import Json, StripeError, no_such
from sandbox.stripe.states import begun
from sandbox.stripe.subscriptions import Pause
from sandbox.stripe.versions import CURRENT, LAST_OLD

FARTHEST = 10 * 366 * 24 * 3600
O = TypeVar("O", bound=BaseModel)  # noqa: E741  # an order


@dataclass(frozen=True, slots=True)
class Control:
    """The routes under /sandbox that concern Stripe."""

    account: Account

    def routes(self) -> list[Route]:
        under = "/sandbox/stripe"
        return [
            Route("/sandbox/clock", self.show_clock, methods=["GET"]),
            Route("/sandbox/clock", self.move_clock, methods=["POST"]),
            Route(under, self.reset, methods=["DELETE"]),
            Route(f"{under}/payments", self.decide_payments, methods=["POST"]),
            Route(f"{under}/dunning", self.set_dunning, methods=["POST"]),
            Route(f"{under}/failures", self.fail, methods=["POST"]),
            Route(f"{under}/failures", self.release, methods=["DELETE"]),
            Route(f"{under}/webhooks", self.show_webhooks, methods=["GET"]),
            Route(f"{under}/webhooks", self.set_webhooks, methods=["POST"]),
            Route(f"{under}/webhooks/redeliver", self.redeliver, methods=["POST"]),
            Route(f"{under}/calls", self.list_calls, methods=["GET"]),
            Route(f"{under}/calls", self.forget_calls, methods=["DELETE"]),
            Route(f"{under}/subscriptions", self.create_subscription, methods=["POST"]),
        ]

    async def show_clock(self, _: Request) -> Response:
        """Say what time it is, and how far ahead of real time that is."""
        return JSONResponse(self._clock())

    async def move_clock(self, request: Request) -> Response:
        """Go forward, doing what falls due on the way."""
        order = await _ordered(ClockOrder, request)
        clock, timeline = self.account.clock, self.account.timeline
        timeline.catch_up()
        moment = order.to if order.to is not None else clock.now() + (order.advance or 0)
        if order.advance_to is not None:
            due = timeline.next(order.advance_to, order.customer)
            if due is None:
                raise StripeError(400, f"There is no {order.advance_to} to come.", param="advance_to")
            moment = due
        if moment < clock.now():
            raise StripeError(400, "The clock only goes forward.", param="to")
        if moment > clock.now() + FARTHEST:
            raise StripeError(400, "The clock goes at most ten years at once.", param="to")
        return JSONResponse({"done": timeline.move_to(moment), **self._clock()})

    async def reset(self, _: Request) -> Response:
        """Forget everything."""
        await self.account.reset()
        return Response(status_code=204)

    async def decide_payments(self, request: Request) -> Response:
        """Let payments succeed or fail from now on."""
        order = await _ordered(PaymentOrder, request)
        if order.customer is not None:
            self.account.store.customer(order.customer)
        self.account.payments.decide(order.customer, order.outcome)
        return Response(status_code=204)

    async def set_dunning(self, request: Request) -> Response:
        """Say when failed payments are tried again, and what follows the last try."""
        order = await _ordered(DunningOrder, request)
        self.account.payments.retry_after = tuple(order.retry_after)
        self.account.payments.afterwards = order.afterwards
        return Response(status_code=204)

    async def fail(self, request: Request) -> Response:
        """Let requests fail from now on."""
        order = await _ordered(FailureOrder, request)
        self.account.failures.add(Failure(order.path_contains, order.method, order.times, order.mode))
        return Response(status_code=204)

    async def release(self, _: Request) -> Response:
        """End all ordered failures and holds."""
        self.account.failures.release()
        return Response(status_code=204)

    async def show_webhooks(self, _: Request) -> Response:
        """Show the endpoint and what became of every delivery."""
        webhooks = self.account.webhooks
        deliveries = [each.described() for each in webhooks.deliveries()]
        return JSONResponse({**webhooks.endpoint.described(), "deliveries": deliveries})

    async def set_webhooks(self, request: Request) -> Response:
        """Change where and how events are delivered; what is not said stays."""
        order = await _ordered(WebhookOrder, request)
        changes = order.model_dump(exclude_unset=True)
        endpoint = self.account.webhooks.endpoint
        self.account.webhooks.endpoint = replace(
            endpoint,
            url=changes.get("url", endpoint.url),
            secrets=tuple(order.secrets) if order.secrets is not None else endpoint.secrets,
            version=endpoint.version if order.old_shape is None else LAST_OLD if order.old_shape else CURRENT,
            deliver=endpoint.deliver if order.deliver is None else order.deliver,
            retry_after=endpoint.retry_after if order.retry_after is None else tuple(order.retry_after),
            timeout=endpoint.timeout if order.timeout is None else order.timeout,
        )
        return JSONResponse(self.account.webhooks.endpoint.described())

    async def redeliver(self, request: Request) -> Response:
        """Send events once more; says what became of each."""
        order = await _ordered(RedeliveryOrder, request)
        again = await self.account.webhooks.send_again(self._events(order), order.at_once)
        return JSONResponse([each.described() for each in again])

    async def list_calls(self, request: Request) -> Response:
        """List API requests, newest last; `?method=` and `?path_contains=` filter."""
        query = request.query_params
        calls = self.account.calls.matching(query.get("method", ""), query.get("path_contains", ""))
        return JSONResponse([call.described() for call in calls])

    async def forget_calls(self, _: Request) -> Response:
        """Forget the requests so far."""
        self.account.calls.clear()
        return Response(status_code=204)

    async def create_subscription(self, request: Request) -> Response:
        """Create a subscription in any state, without a checkout; begun in the past, time catches it up."""
        order = await _ordered(SubscriptionOrder, request)
        customer = self.account.store.living_customer(order.customer)
        now = self.account.clock.now()
        if order.started_at is not None and not now - FARTHEST <= order.started_at <= now:
            message = "A subscription began at most ten years ago, and not in the future."
            raise StripeError(400, message, param="started_at")
        for price in (order.price, *order.more_prices):
            if price not in PRICES:
                raise no_such("price", price, param="price")
        with self.account.clock.pinned(order.started_at or now):
            prices = [PRICES[each] for each in (order.price, *order.more_prices)]
            subscription = begun(self.account, customer, prices, order.status, order.metadata)
            subscription.pause = Pause(order.pause) if order.pause is not None else None
        self.account.timeline.catch_up()
        return JSONResponse(subscription.described())

    def _clock(self) -> Json:
        return {"now": self.account.clock.now(), "ahead": self.account.clock.offset}

    def _events(self, order: RedeliveryOrder) -> list[Event]:
        known = self.account.events.by_id
        if order.events is None:
            chosen = [each for each in known.values() if each.pending_webhooks or not order.pending_only]
        else:
            missing = [id_ for id_ in order.events if id_ not in known]
            if missing:
                raise no_such("event", missing[0], param="events")
            chosen = [known[id_] for id_ in order.events]
        return [each for each in chosen if order.type in {None, each.type}] * order.copies


async def _ordered(kind: type[O], request: Request) -> O:
    try:
        return kind.model_validate_json(await request.body() or b"{}")
    except ValidationError as error:
        raise unreadable(error) from None
