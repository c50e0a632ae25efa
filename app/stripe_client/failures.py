"""A refusal by Stripe, for those methods that know what one means."""

from app.stripe_client.base import StripeUnavailableError


class StripeRefusedError(StripeUnavailableError):
    """Stripe answered that it will not: a wrong key or price, or an object in another state.

    To everybody else it is as if Stripe were not there: the request cannot be done, and nobody can say more.
    """


class StripeKeptFailureError(StripeRefusedError):
    """A failure that Stripe keeps under the idempotency key for a day: only another key gets further."""
