"""Idempotency keys: the first answer is kept and replayed; another request with the key is refused."""

from dataclasses import dataclass, field

from sandbox.stripe.answers import Answer
from sandbox.stripe.clock import Clock
from sandbox.stripe.problems import StripeError

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Asked:
    """What a key was first used for."""

    method: str
    path: str
    params: bytes


@dataclass(slots=True)
class Use:
    """A key in use; without an answer its request is still running."""

    asked: Asked
    began: int
    answer: Answer | None = None


@dataclass(slots=True)
class Idempotency:
    """The keys of the last 24 hours of Stripe's time."""

    clock: Clock
    uses: dict[str, Use] = field(default_factory=dict)

    def begin(self, key: str, asked: Asked) -> Answer | None:
        """Take a key for a request; returns the answer to replay if this very request had one."""
        if len(key) > LONGEST_KEY:
            raise StripeError(400, f"Idempotency keys are at most {LONGEST_KEY} characters long.")
        use = self.uses.get(key)
        if use is None or use.began <= self.clock.now() - KEPT_SECONDS:
            self.uses[key] = Use(asked, self.clock.now())
            return None
        if use.asked.path != asked.path:
            raise _mismatch(
                f"for the same endpoint they were first used for ('{use.asked.path}' vs '{asked.path}')", key
            )
        if use.asked != asked:
            raise _mismatch("with the same parameters they were first used with", key)
        if use.answer is None:
            raise StripeError(
                409,
                "There is currently another in-progress request using this Idempotent Key (that probably "
                "means you submitted twice, and the other request is still going through): "
                f"{key}. Please try again later.",
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        return use.answer

    def keep(self, key: str, answer: Answer) -> None:
        """Keep the first answer."""
        if key in self.uses:
            self.uses[key].answer = answer

    def give_back(self, key: str) -> None:
        """Forget a key whose request was never executed."""
        if key in self.uses and self.uses[key].answer is None:
            del self.uses[key]


def _mismatch(rule: str, key: str) -> StripeError:
    return StripeError(
        400,
        f"Keys for idempotent requests can only be used {rule}. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
        kind="idempotency_error",
    )
