"""Reject external calls while a transaction is open."""

from contextvars import ContextVar

in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)


class OutsideCallInTransactionError(RuntimeError):
    """A programming error: an external call inside a transaction, which holds row locks."""


def forbid_in_transaction() -> None:
    """Raise inside a transaction: call it before every external call, since transactions must be short."""
    if in_transaction.get():
        raise OutsideCallInTransactionError
