"""What every API request passes: the key, the version, idempotency, ordered failures, the record."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from sandbox.connection import ClientClosedError, Connection
from sandbox.stripe.account import Account
from sandbox.stripe.answers import Answer, answered, refused
from sandbox.stripe.calls import Call
from sandbox.stripe.events import Cause
from sandbox.stripe.expanding import expanded
from sandbox.stripe.failures import Failure, Mode
from sandbox.stripe.fields import read
from sandbox.stripe.form import Form, decoded
from sandbox.stripe.idempotency import Asked
from sandbox.stripe.ids import new_id
from sandbox.stripe.keys import check_key
from sandbox.stripe.params import Params
from sandbox.stripe.problems import Json, StripeError
from sandbox.stripe.versions import CURRENT, checked_version, in_version

P = TypeVar("P", bound=Params)


@dataclass(slots=True)
class Passage:
    """One request on its way through the gate."""

    account: Account
    request: Request
    connection: Connection
    encoded: bytes
    request_id: str = field(default_factory=lambda: new_id("req", 14))
    version: str = CURRENT
    params: Form = field(default_factory=dict)
    key: str | None = None
    owns_key: bool = False
    failure: Failure | None = None
    call: Call = field(init=False)

    def __post_init__(self) -> None:
        headers = self.request.headers
        given = headers.get("idempotency-key") or None
        self.key = given if self.request.method == "POST" else None
        self.call = Call(
            method=self.request.method,
            path=self.request.url.path,
            request_id=self.request_id,
            idempotency_key=given,
            version=headers.get("stripe-version"),
            params={},
        )
        self.account.calls.add(self.call)

    def admit(self) -> Answer | None:
        """Check key and request; returns the stored response if this request was answered before."""
        headers = self.request.headers
        check_key(headers.get("authorization", ""))
        self.version = checked_version(headers.get("stripe-version", CURRENT))
        self.params = decoded(self.encoded)
        self.call.params = _recorded(self.params)
        if self.key is None:
            return None
        asked = Asked(self.request.method, self.request.url.path, self.encoded)
        kept = self.account.idempotency.begin(self.key, asked)
        self.owns_key = kept is None
        return kept

    async def before(self) -> None:
        """Let an ordered failure act before anything is done."""
        failure = self.account.failures.take(self.request.method, self.request.url.path)
        if failure is None:
            return
        self.failure, self.call.failure = failure, failure.mode
        refusal = failure.refusal()
        if refusal is not None:
            raise refusal
        if failure.mode is Mode.DROP_BEFORE:
            await self._drop()
        if failure.mode is Mode.HANG:
            await self.connection.pause(None)
        if failure.mode is Mode.HOLD_BEFORE:
            await self._held(failure)

    async def after(self) -> None:
        """Let an ordered failure act when all is done and only the answer is missing."""
        if self.failure is None:
            return
        if self.failure.mode is Mode.DROP_AFTER:
            await self._drop()
        if self.failure.mode is Mode.HOLD_AFTER:
            await self._held(self.failure)

    def keep(self, answer: Answer) -> None:
        """Store the response for repeated requests."""
        self.call.executed = True
        if self.key is not None:
            self.account.idempotency.keep(self.key, answer)

    def leave(self) -> None:
        """Give back a key under which nothing was executed."""
        if self.key is not None and self.owns_key:
            self.account.idempotency.give_back(self.key)

    async def answer(self, answer: Answer, *, replayed: bool) -> None:
        """Send it, with what Stripe says about the request in the headers."""
        headers = {"request-id": self.request_id, "stripe-version": self.version}
        if self.key is not None:
            headers |= {"idempotency-key": self.key, "original-request": answer.request_id}
        if replayed:
            headers["idempotent-replayed"] = "true"
        self.call.status, self.call.replayed = answer.status, replayed
        await answer.send(self.connection, headers)

    async def _drop(self) -> None:
        await self.connection.drop()
        raise ClientClosedError

    async def _held(self, failure: Failure) -> None:
        """Wait for the release; a server that is slow does its work also for a client that left."""
        self.call.waiting = True
        try:
            await self.connection.pause_until(failure.released)
            if failure.abandoned:
                await self._drop()
        except ClientClosedError:
            await failure.released.wait()
            if failure.abandoned:
                raise
        finally:
            self.call.waiting = False


@dataclass(frozen=True, slots=True)
class Method(Generic[P]):
    """One method of the API, as an application of its own: it needs the connection."""

    account: Account
    params: type[P]
    execute: Callable[[P, str], Json]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.account.site.seen(str(request.base_url))
        encoded = b"&".join(part for part in (scope["query_string"], await request.body()) if part)
        passage = Passage(self.account, request, Connection(scope, receive, send), encoded)
        try:
            await self._pass(passage)
        except ClientClosedError:
            return
        finally:
            passage.leave()

    async def _pass(self, passage: Passage) -> None:
        try:
            kept = passage.admit()
            await passage.before()
            answer = self._executed(passage) if kept is None else kept
        except StripeError as error:
            await passage.answer(refused(error, passage.request_id), replayed=False)
            return
        await passage.after()
        await passage.answer(answer, replayed=kept is not None)

    def _executed(self, passage: Passage) -> Answer:
        """Do what is asked; from here on also a refusal is an answer that is kept."""
        params = read(self.params, passage.params)
        id_: str = passage.request.path_params.get("id", "")
        with self.account.events.caused_by(Cause(passage.request_id, passage.key)):
            try:
                body = expanded(self.execute(params, id_), params.expand, self.account.store.described)
                answer = answered(in_version(body, passage.version), passage.request_id)
            except StripeError as error:
                answer = refused(error, passage.request_id)
        passage.keep(answer)
        return answer


def _recorded(form: Form) -> Json:
    return {name: value if isinstance(value, str) else _recorded(value) for name, value in form.items()}
