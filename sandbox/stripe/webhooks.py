"""Webhooks: every event is sent to the endpoint, signed, and sent again until it is taken."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx2

from sandbox.stripe.events import Event
from sandbox.stripe.problems import Json, rendered
from sandbox.stripe.versions import CURRENT

TAKEN = range(200, 300)
MOST_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events go, and how: one signature for each secret, in one API version."""

    url: str | None
    secrets: tuple[str, ...]
    version: str = CURRENT
    deliver: bool = True
    retry_after: tuple[float, ...] = (0.5, 1, 2, 4, 8, 16)
    timeout: float = 5

    def described(self) -> Json:
        return {
            "url": self.url,
            "secrets": list(self.secrets),
            "api_version": self.version,
            "deliver": self.deliver,
            "retry_after": list(self.retry_after),
            "timeout": self.timeout,
        }


@dataclass(slots=True)
class Delivery:
    """What became of one event's way to the endpoint: a status or an error for each try."""

    event: Event
    tries: list[int | str] = field(default_factory=list)
    running: bool = False

    def described(self) -> Json:
        return {
            "event": self.event.id,
            "type": self.event.type,
            "tries": list(self.tries),
            "taken": any(isinstance(each, int) and each in TAKEN for each in self.tries),
            "running": self.running,
        }


def signature(body: bytes, secrets: tuple[str, ...], moment: int) -> str:
    """Sign a body as Stripe does, once with every secret."""
    signed = [
        hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256).hexdigest() for secret in secrets
    ]
    return ",".join([f"t={moment}", *(f"v1={each}" for each in signed)])


class Webhooks:
    """The endpoint and all deliveries; what runs ends with `stop`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._deliveries: dict[str, Delivery] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx2.AsyncClient | None = None
        self._places = asyncio.Semaphore(MOST_AT_ONCE)

    def offer(self, event: Event) -> None:
        """Begin to deliver a new event; held, it stays pending; without a URL it is dropped."""
        if self.endpoint.url is None:
            return
        event.pending_webhooks = 1
        delivery = self._deliveries[event.id] = Delivery(event)
        if self.endpoint.deliver:
            task = asyncio.get_running_loop().create_task(self._insist(delivery))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def resume(self, events: Iterable[Event]) -> None:
        """Go on delivering what was pending when the last process ended."""
        for event in events:
            if event.pending_webhooks:
                self.offer(event)

    async def send_again(self, events: list[Event], at_once: int) -> list[Delivery]:
        """Send events once more, also taken ones: in this order, one try each, so many at a time."""
        places = asyncio.Semaphore(at_once)

        async def again(event: Event) -> Delivery:
            delivery = self._deliveries.setdefault(event.id, Delivery(event))
            async with places:
                await self._try(delivery)
            return delivery

        return list(await asyncio.gather(*(again(event) for event in events)))

    def deliveries(self) -> list[Delivery]:
        """List every delivery, oldest first."""
        return list(self._deliveries.values())

    async def reset(self) -> None:
        """Forget deliveries and end those that run; the endpoint keeps its address and secrets."""
        await self._end_tasks()
        self._deliveries.clear()
        self.endpoint = Endpoint(self.endpoint.url, self.endpoint.secrets)

    async def stop(self) -> None:
        """End what runs, at once."""
        await self._end_tasks()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _end_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _insist(self, delivery: Delivery) -> None:
        delivery.running = True
        try:
            for pause in (*self.endpoint.retry_after, None):
                if await self._try(delivery) or pause is None:
                    return
                await asyncio.sleep(pause)
        finally:
            delivery.running = False

    async def _try(self, delivery: Delivery) -> bool:
        async with self._places:  # outside of the timeout: waiting here is not the endpoint's fault
            return await self._tried(delivery)

    async def _tried(self, delivery: Delivery) -> bool:
        endpoint, event = self.endpoint, delivery.event
        if endpoint.url is None:
            return False
        body = rendered(event.in_version(endpoint.version))
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "stripe-signature": signature(body, endpoint.secrets, int(time.time())),
        }
        try:
            async with asyncio.timeout(endpoint.timeout):
                answer = await self._http().post(endpoint.url, content=body, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            delivery.tries.append(type(error).__name__)
            return False
        delivery.tries.append(answer.status_code)
        taken = answer.status_code in TAKEN
        if taken:
            event.pending_webhooks = 0
        return taken

    def _http(self) -> httpx2.AsyncClient:
        if self._client is None:
            limits = httpx2.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=20)
            self._client = httpx2.AsyncClient(
                trust_env=False, timeout=None, limits=limits
            )  # each try is bounded as a whole
        return self._client
