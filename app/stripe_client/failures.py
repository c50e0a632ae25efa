"""Rejections by Stripe, for callers that handle them apart from an outage."""

from app.stripe_client.base import StripeUnavailableError


class StripeRefusedError(StripeUnavailableError):
    """Stripe rejected the request: the object's state or a parameter does not allow it.

    `param` is the parameter that Stripe names, if any.
    """

    def __init__(self, reason: str, *, param: str | None = None) -> None:
        super().__init__(reason)
        self.param = param


class StripeNotConfiguredError(StripeRefusedError):
    """The configuration is wrong: no key, a rejected key, or a price or address that does not exist.

    Retries fail until an operator corrects a setting or Stripe's dashboard.
    """


class StripeReplayedFailureError(StripeRefusedError):
    """A failure that Stripe replays for a day under the same idempotency key: retry with another key.

    So does a key that was used with other parameters.
    """
