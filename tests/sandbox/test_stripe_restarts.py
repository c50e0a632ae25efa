"""With a state file the Stripe account outlives its process, however that ends."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import stripe
from pydantic import JsonValue

from devtools.ports import free_port
from tests.sandbox.running import PATIENCE, ROOT, started
from tests.sandbox.stripe_running import DAY, Account, receiving, sdk, wait_for


@dataclass
class Restartable:
    """A sandbox with a state file; each life is a process of its own, on the same port."""

    file: Path
    port: int
    log: Path

    @contextmanager
    def life(
        self, end: signal.Signals = signal.SIGKILL, *, webhook_url: str = "", public_url: str = ""
    ) -> Iterator[Account]:
        """Run it; with the block it ends by this signal."""
        options = ("--state-file", str(self.file), "--port", str(self.port))
        environment = {"SANDBOX_STRIPE_WEBHOOK_URL": webhook_url, "SANDBOX_PUBLIC_URL": public_url}
        process, url = started(self.log, *options, **environment)
        with ExitStack() as stack:
            stack.callback(process.wait, PATIENCE)
            stack.callback(process.send_signal, end)
            http = stack.enter_context(httpx.Client(base_url=url, timeout=PATIENCE))
            yield Account(url, http, sdk(url))


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[Restartable]:
    made = Restartable(tmp_path / "state.json", free_port(), tmp_path / "log")
    yield made
    assert "Traceback" not in made.log.read_text()
    assert "Warning" not in made.log.read_text()


def everything(account: Account) -> dict[str, JsonValue]:
    """All that the API tells of the account."""
    paths = ["customers", "checkout/sessions", "subscriptions?status=all", "invoices", "events"]
    told: dict[str, JsonValue] = {}
    for path in paths:
        answer = account.http.get(f"/v1/{path}", headers={"authorization": "Bearer sk_test_x"})
        assert answer.is_success, answer.text
        told[path] = answer.json()
    return told


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_everything_is_there_after_a_restart(restartable: Restartable, end: signal.Signals) -> None:
    with restartable.life(end) as account:
        customer = account.customer(name="Ada")
        subscription = account.subscribed(customer)
        account.checkout(customer)
        account.order("clock", advance=20 * DAY)
        account.order("stripe/payments", outcome="decline", customer=customer)
        before, ahead = everything(account), account.http.get("/sandbox/clock").json()["ahead"]
        assert ahead >= 20 * DAY
    with restartable.life() as account:
        assert everything(account) == before
        assert account.http.get("/sandbox/clock").json()["ahead"] == ahead
        account.order("clock", advance_to="period_end")
        assert account.subscription(subscription.id).status == "past_due"


def test_subscription_is_managed_on_after_a_restart(restartable: Restartable) -> None:
    with restartable.life() as account:
        customer = account.customer()
        subscription = account.subscribed(customer)
        open_session = account.checkout(customer)
    with restartable.life() as account:
        changed = account.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        assert changed.cancel_at_period_end
        portal = account.client.v1.billing_portal.sessions.create({"customer": customer})
        assert "Do not cancel" in account.http.get(httpx.URL(portal.url).path).text
        [invoice] = account.client.v1.invoices.list({"customer": customer}).data
        assert invoice.status == "paid"
        path = httpx.URL(str(open_session.url)).path
        assert account.http.post(path, data={"action": "pay"}).status_code == 303
        account.order("clock", advance_to="period_end")
        assert account.subscription(subscription.id).status == "canceled"


def test_request_with_the_same_key_gets_its_first_answer_after_a_restart(restartable: Restartable) -> None:
    with restartable.life() as account:
        customer = account.customer()
        first = account.checkout(customer, key="once")
    with restartable.life() as account:
        again = account.checkout(customer, key="once")
        assert again.id == first.id
        with pytest.raises(stripe.IdempotencyError):
            account.checkout(account.customer(), key="once")


def test_event_that_was_not_taken_is_delivered_by_the_next_process(restartable: Restartable) -> None:
    with receiving() as endpoint:
        with restartable.life(webhook_url="http://127.0.0.1:9/closed") as account:
            account.customer()
        with restartable.life(webhook_url=endpoint.url) as account:
            wait_for(lambda: endpoint.types() == ["customer.created"])
            wait_for(lambda: account.client.v1.events.list().data[0].pending_webhooks == 0)


def test_pages_are_where_the_next_process_is(restartable: Restartable) -> None:
    with restartable.life(public_url="http://localhost:1") as account:
        session = account.checkout()
        assert str(session.url).startswith("http://localhost:1/checkout/")
    with restartable.life(public_url="http://localhost:2") as account:
        url = account.client.v1.checkout.sessions.retrieve(session.id).url
        assert str(url) == str(session.url).replace("localhost:1", "localhost:2")


def test_deleting_everything_outlives_a_restart_too(restartable: Restartable) -> None:
    with restartable.life() as account:
        account.customer()
        assert account.http.delete("/sandbox/stripe").status_code == 204
    with restartable.life() as account:
        assert account.client.v1.customers.list().data == []
        assert account.client.v1.events.list().data == []


@pytest.mark.parametrize("content", ["", "{", '{"customers": {}}', "[]"])
def test_file_that_is_no_state_is_put_aside(restartable: Restartable, content: str) -> None:
    restartable.file.write_text(content)
    with restartable.life() as account:
        customer = account.customer()
    with restartable.life() as account:
        assert account.client.v1.customers.retrieve(customer).id == customer
    aside = restartable.file.with_name("state.json.unreadable")
    assert (aside.read_text() if aside.exists() else "") == content


def test_file_that_cannot_be_written_is_named_in_one_sentence(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "--port",
        "0",
        "--state-file",
        str(tmp_path / "missing" / "state"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"the state file {tmp_path}/missing/state cannot be written: No such file or directory\n"
    )


def test_without_a_state_file_nothing_is_written(tmp_path: Path) -> None:
    process, url = started(tmp_path / "log")
    try:
        with httpx.Client(base_url=url, timeout=PATIENCE) as http:
            Account(url, http, sdk(url)).subscribed()
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
