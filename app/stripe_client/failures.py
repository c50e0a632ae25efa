"""A refusal by Stripe, for those methods that know what one means."""

from app.stripe_client.base import StripeUnavailableError


class StripeRefusedError(StripeUnavailableError):
    """Stripe answered that it will not do this: an object in another state, or an unusual parameter.

    `param` is the parameter that Stripe names, if it names one.
    """

    def __init__(self, reason: str, *, param: str | None = None) -> None:
        super().__init__(reason)
        self.param = param


class StripeNotConfiguredError(StripeRefusedError):
    """The set-up is wrong: no key, one that Stripe refuses, a price or an address that is not there.

    No repetition helps until an operator has changed a setting or something in Stripe's dashboard.
    """


class StripeReplayedFailureError(StripeRefusedError):
    """A failure that Stripe keeps under the idempotency key for a day: only another key gets further.

    A key that was used with other parameters is one, too.
    """
