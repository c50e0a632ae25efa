"""Refuses calls to the outside while a transaction is open."""

from contextvars import ContextVar

in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)


class OutsideCallInTransactionError(RuntimeError):
    """A programming error: something outside was to be awaited while row locks are held."""


def forbid_in_transaction() -> None:
    """Guard every call to the outside: transactions are short, so nothing slow is awaited inside one."""
    if in_transaction.get():
        raise OutsideCallInTransactionError
