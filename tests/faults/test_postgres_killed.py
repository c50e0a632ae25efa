"""F8: PostgreSQL killed and started again."""

import time

from tests.faults.conftest import Scale
from tests.faults.environment import Environment

_RECOVERED_SECONDS = 5
_PEOPLE = 4


def test_f8_a_killed_postgres_loses_no_message_and_causes_no_500(
    environment: Environment, scale: Scale
) -> None:
    """A POST returns 202, or 503 with `Retry-After`; every accepted message is stored.

    Red when a lost connection does not count as unavailable: 500 instead of 503.
    """
    times = scale.times(2, 5)
    environment.workers(1)
    recovered: list[float] = []
    with environment.load(users=_PEOPLE) as load:
        for _ in range(times):
            load.wait_for_more(12)
            environment.postgres.kill()
            load.wait_for_status(503)
            environment.postgres.start()
            back = time.monotonic()
            load.wait_for_more(_PEOPLE)
            recovered.append(time.monotonic() - back)
            load.wait_for_more(12)
    account = environment.account("F8 PostgreSQL killed and restarted", times, load.ledger)
    assert (account.failed, load.ledger.statuses()) == (0, {202, 503}), account.remarks
    assert max(recovered) < _RECOVERED_SECONDS, recovered
