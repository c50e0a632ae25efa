"""F9: a worker is killed at each step; another one writes the reply once and charges it once."""

import signal
import threading

import pytest

from tests.faults.environment import Environment
from tests.faults.ledger import Ledger
from tests.faults.load import ANSWER, CarefulClient
from tests.faults.steps import (
    STORED,
    Doomed,
    Step,
    after_the_answer,
    after_the_claim,
    held_commits,
    inside_a_commit_that_fails,
    inside_a_commit_that_succeeds,
    inside_the_claim,
)


@pytest.mark.parametrize(
    ("step", "attempts", "calls"),
    [
        pytest.param(inside_the_claim, 2, 1, id="inside-the-claim"),
        pytest.param(after_the_claim, 2, 2, id="after-the-claim"),
        pytest.param(after_the_answer, 2, 2, id="after-the-answer"),
        pytest.param(inside_a_commit_that_succeeds, 1, 1, id="inside-a-commit-that-succeeds"),
        pytest.param(inside_a_commit_that_fails, 2, 2, id="inside-a-commit-that-fails"),
    ],
)
def test_f9_a_worker_killed_at_any_step_leaves_exactly_one_reply(
    environment: Environment, step: Step, attempts: int, calls: int
) -> None:
    """Red without claims of expired leases (`generating` for ever), except at one step.

    In a COMMIT that succeeds: red when a claim takes a reply that is not due, which generates it again.
    """
    [worker] = environment.workers(1)
    user, client = environment.user(), CarefulClient(Ledger())
    worker.send(signal.SIGSTOP)
    entry = client.send(user, user.open_room(), ANSWER)
    with step(Doomed(environment, entry, worker)):
        worker.send(signal.SIGCONT)
    account = environment.account(f"F9 killed {step.__name__.replace('_', ' ')}", 1, client.ledger)
    row = environment.reply(entry.reply_id)
    assert (account.failed, row["attempt"], row["losses"]) == (0, attempts, attempts - 1), row
    assert len(environment.calls(entry)) == calls


@pytest.mark.parametrize(
    ("is_killed", "commits"),
    [
        pytest.param(True, True, id="killed-in-a-commit-that-succeeds"),
        pytest.param(True, False, id="killed-in-a-commit-that-fails"),
        pytest.param(False, False, id="alive-in-a-commit-that-fails"),
    ],
)
def test_f9_a_message_is_stored_once_whatever_happens_in_its_commit(
    environment: Environment, *, is_killed: bool, commits: bool
) -> None:
    """The client retries with its key. Red when a taken key is not looked up again: 500.

    Red when a failed commit is answered 202: accepted, but not stored.
    """
    environment.workers(1)
    user, client = environment.user(), CarefulClient(Ledger())
    room = user.open_room()
    url = environment.stack.start_api()
    api = environment.stack.processes[-1]
    sender = threading.Thread(
        target=client.send, args=(user.at(url), room, ANSWER), kwargs={"also_at": [user]}
    )
    with held_commits(environment, STORED):
        sender.start()
        backend = environment.database.wait_for_blocked("(?s).*store_exchange")
        if is_killed:
            api.kill()
            environment.database.wait_for_blocked(
                "", besides=backend
            )  # the retry with the same key has arrived
        if not commits:
            environment.terminate(backend)
    sender.join(60)
    fault = (
        f"F9 API {'killed' if is_killed else 'alive'} in a commit that {'succeeds' if commits else 'fails'}"
    )
    account = environment.account(fault, 1, client.ledger)
    api.kill()
    assert (account.accepted, account.failed) == (1, 0)
    assert client.ledger.statuses() == {0 if is_killed else 503, 202}
