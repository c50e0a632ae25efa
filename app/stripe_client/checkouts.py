"""Stripe's hosted payment pages."""

from dataclasses import dataclass
from uuid import UUID

from app.stripe_client.base import CheckoutSession, CheckoutState, StripeMissingError
from app.stripe_client.connection import StripeConnection
from app.stripe_client.failures import (
    StripeNotConfiguredError,
    StripeRefusedError,
    StripeReplayedFailureError,
)
from app.stripe_client.parsing import own_metadata, session_from

RETURN_ADDRESSES = ("success_url", "cancel_url")
"""The parameters with an address of the caller's, or one under `PUBLIC_URL`."""

_PAGE = 100


@dataclass(frozen=True, slots=True)
class SdkCheckouts:
    """See `StripeCheckouts`."""

    stripe: StripeConnection
    price_id: str

    async def open(
        self,
        *,
        checkout_id: UUID,
        user_id: UUID,
        installation_id: UUID,
        customer_id: str,
        success_url: str,
        cancel_url: str,
    ) -> CheckoutSession:
        """Create a session for Pro; the idempotency key is made from `checkout_id`."""
        if not self.price_id:
            raise StripeNotConfiguredError("STRIPE_PRO_PRICE_ID is not set")
        metadata = own_metadata(user_id, installation_id)
        try:
            session = await self.stripe.call(
                "checkout_sessions.create",
                lambda client: client.v1.checkout.sessions.create_async(
                    {
                        "mode": "subscription",
                        "customer": customer_id,
                        "client_reference_id": str(user_id),
                        "line_items": [{"price": self.price_id, "quantity": 1}],
                        "metadata": metadata,
                        # Events of the subscription itself carry only these.
                        "subscription_data": {"metadata": metadata},
                        "success_url": success_url,
                        "cancel_url": cancel_url,
                    },
                    {"idempotency_key": f"checkout:{checkout_id}"},
                ),
            )
        except StripeMissingError as error:
            if error.param == "customer":
                raise
            raise StripeNotConfiguredError(str(error), param=error.param) from error
        except StripeRefusedError as error:
            if _is_configuration_fault(error):
                raise StripeNotConfiguredError(str(error), param=error.param) from error
            raise
        return session_from(session.to_dict())

    async def get(self, checkout_session_id: str) -> CheckoutSession:
        """Return the session's current state."""
        found = await self.stripe.call(
            "checkout_sessions.retrieve",
            lambda client: client.v1.checkout.sessions.retrieve_async(checkout_session_id),
        )
        return session_from(found.to_dict())

    async def expire(self, checkout_session_id: str) -> CheckoutSession:
        """Expire an open session; return one that is complete or expired unchanged."""
        try:
            closed = await self.stripe.call(
                "checkout_sessions.expire",
                lambda client: client.v1.checkout.sessions.expire_async(checkout_session_id),
            )
        except StripeRefusedError:
            session = await self.get(checkout_session_id)
            if session.state is CheckoutState.OPEN:
                raise
            return session
        return session_from(closed.to_dict())

    async def expire_all(self, customer_id: str, *, user_id: UUID, installation_id: UUID) -> None:
        """Expire the customer's open sessions of this installation."""
        try:
            page = await self.stripe.call(
                "checkout_sessions.list",
                lambda client: client.v1.checkout.sessions.list_async(
                    {"customer": customer_id, "status": "open", "limit": _PAGE}
                ),
            )
        except StripeMissingError:
            return
        for listed in page.data:
            session = session_from(listed.to_dict())
            # Before installations had ids, the user's id was all of the metadata.
            is_ours = session.user_id == user_id and session.installation_id in {None, str(installation_id)}
            if session.customer_id in {None, customer_id} and is_ours:
                await self.expire(session.id)


def _is_configuration_fault(error: StripeRefusedError) -> bool:
    """Whether Stripe rejected a price or the account, which only an operator can correct.

    All parameters but the customer and the two addresses come from the configuration. A replayed failure
    says nothing about it: the next checkout has another idempotency key.
    """
    return not isinstance(error, StripeReplayedFailureError) and error.param not in (
        *RETURN_ADDRESSES,
        "customer",
    )
