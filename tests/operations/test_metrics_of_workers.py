"""A worker's metrics: known messages give known numbers."""

import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.metrics import FORMER_NAMES, Process
from app.metrics.catalogue import CATALOGUE
from tests.support.installed import installed
from tests.support.metrics import Metrics, scraped, start_measured_worker
from tests.support.stack import Stack
from tests.support.stripe import StripeSandbox, made_up_event, reconcile
from tests.support.user import Json, User, ok
from tests.support.waiting import eventually

_MODEL = "gemini-3.8-flash"
_OTHER = "gemini-2.5-pro"


def _send(user: User, content: str, **room: object) -> Json:
    """Send a message in a room of its own with a title, so that no title is generated."""
    reply: Json = ok(user.post(user.open_room(title="Titled", **room), content, Prefer="respond-async"))[
        "reply"
    ]
    return reply


def test_replies_are_counted_by_outcome_model_and_attempt(own_stack: Stack) -> None:
    """Red when an outcome, a retry or a failure of Gemini is not counted, or counted twice."""
    worker, address = start_measured_worker(own_stack, GEMINI_MODEL=_MODEL, GEMINI_MODELS=_OTHER)
    metrics, user = Metrics(address, own_stack), own_stack.user()
    assert metrics.value("chat_reply_places") == 200
    assert metrics.value("chat_replies_total", outcome="failed", model=_OTHER) == 0
    replies = [
        _send(user, "First"),
        _send(user, "Second", model=_OTHER),
        _send(user, "[sandbox:429-bare*1] Retried"),
        _send(user, "[sandbox:400] Failed"),
        _send(user, "[sandbox:prompt-blocked] Blocked"),
    ]
    ended = [user.wait_for(reply) for reply in replies]
    assert [reply["status"] for reply in ended] == [
        "completed",
        "completed",
        "completed",
        "failed",
        "blocked",
    ]
    running = _send(user, "[sandbox:pieces=400] [sandbox:pace=50] Cancelled")
    eventually(lambda: metrics.value("chat_replies_in_progress") == 1, what="a reply in progress")
    user.http.post(f"/chatroom/{running['chatroom_id']}/message/{running['id']}/cancel").raise_for_status()
    assert user.wait_for(running)["status"] == "cancelled"
    eventually(lambda: metrics.value("chat_replies_in_progress") == 0, what="no reply in progress")
    assert metrics.growth("chat_replies_total", "outcome", "model") == {
        f"completed {_MODEL}": 2,
        f"completed {_OTHER}": 1,
        f"failed {_MODEL}": 1,
        f"blocked {_MODEL}": 1,
        f"cancelled {_MODEL}": 1,
    }
    assert metrics.growth("chat_reply_attempts_total", "result") == {
        "completed": 3,
        "failed": 1,
        "blocked": 1,
        "cancelled": 1,
        "retry": 1,
    }
    assert metrics.growth("chat_gemini_errors_total", "code") == {
        "RESOURCE_EXHAUSTED": 1,
        "INVALID_ARGUMENT": 1,
    }
    assert metrics.grown("chat_reply_queue_seconds_count") == 7
    assert metrics.growth("chat_reply_duration_seconds_count", "model") == {_MODEL: 5, _OTHER: 1}
    assert metrics.growth("chat_reply_first_token_seconds_count", "model") == {_MODEL: 2, _OTHER: 1}
    assert metrics.growth("chat_titles_total", "result") == {}
    _tokens_are_those_of_the_day(metrics, own_stack)
    assert worker.stop() == 0


def _tokens_are_those_of_the_day(metrics: Metrics, stack: Stack) -> None:
    """Red when the tokens of an attempt are missing, or those of thoughts counted twice."""
    counted = {
        kind: sum(
            metrics.grown("chat_tokens_total", kind=kind, model=model) for model in (_MODEL, _OTHER, "none")
        )
        for kind in ("input", "output", "thinking")
    }
    [day] = stack.database.rows("SELECT input_tokens, output_tokens FROM daily_usage")
    assert counted["input"] == day["input_tokens"]
    assert counted["output"] + counted["thinking"] == day["output_tokens"]


def test_a_killed_workers_reply_is_a_lost_attempt_of_the_next_worker(own_stack: Stack) -> None:
    """Red when the claim does not tell a lease that ran out from a reply that waited."""
    first = own_stack.start_worker()
    user = own_stack.user()
    reply = _send(user, "[sandbox:pieces=80] [sandbox:pace=50] Lost at first")
    eventually(lambda: own_stack.calls("Lost at first"), what="a call to Gemini")
    first.kill()
    _, address = start_measured_worker(own_stack)
    metrics = Metrics(address, own_stack)
    assert user.wait_for(reply)["status"] == "completed"
    assert metrics.value("chat_reply_worker_losses_total") == 1
    assert metrics.value("chat_reply_attempts_total", result="lost") == 1
    assert metrics.value("chat_reply_attempts_total", result="completed") == 1
    assert metrics.value("chat_reply_queue_seconds_count") == 0


def test_a_retry_waits_from_its_due_time(own_stack: Stack) -> None:
    """Red when the pause before a retry, or the attempt before a release, counts as time in the queue."""
    worker, address = start_measured_worker(own_stack, SHUTDOWN_GRACE_SECONDS="0")
    metrics, user = Metrics(address, own_stack), own_stack.user()
    reply = _send(
        user, "[sandbox:429*1] [sandbox:pieces=200] [sandbox:pace=50] Retried after 2 s"
    )  # RetryInfo
    eventually(lambda: metrics.value("chat_reply_queue_seconds_count") == 2, what="the second attempt")
    assert metrics.value("chat_reply_queue_seconds_sum") < 2 + 2  # of a poll each second, on a slow machine
    assert metrics.value("chat_reply_queue_seconds_bucket", le="2.5") == 2
    eventually(lambda: own_stack.calls("Retried after 2 s")[-1]["pieces_sent"] > 20, what="a second's text")
    assert worker.stop() == 0
    _, address = start_measured_worker(own_stack)
    metrics = Metrics(address, own_stack)
    eventually(lambda: metrics.value("chat_reply_queue_seconds_count") == 1, what="the third attempt")
    row = (
        "SELECT extract(epoch FROM now() - queued_at)::float AS age FROM messages WHERE status = 'generating'"
    )
    age = own_stack.database.value(row)
    assert isinstance(age, float)
    assert metrics.value("chat_reply_queue_seconds_sum") < age - 2
    user.http.post(f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/cancel").raise_for_status()


def test_titles_and_summaries_are_counted(own_stack: Stack) -> None:
    _, address = start_measured_worker(own_stack, CONTEXT_TOKEN_BUDGET="400")
    metrics, user = Metrics(address, own_stack), own_stack.user()
    room = user.open_room()
    own_stack.make_pro(user)
    user.say(room, "What is the capital of France?")
    eventually(lambda: metrics.growth("chat_titles_total", "result") == {"stored": 1}, what="a title")
    for number in range(6):
        user.say(room, f"{number} " + "A long question about many things. " * 10)
    eventually(lambda: metrics.grown("chat_summaries_total", result="stored") >= 1, what="a summary")


def test_events_and_calls_of_stripe_and_periodic_jobs_are_counted(own_stack: Stack) -> None:
    """Red when an event's outcome, a call or a job's success is not counted."""
    stripe = StripeSandbox(own_stack)
    worker, address = start_measured_worker(own_stack)
    metrics, api = Metrics(address, own_stack), Metrics(own_stack.base_url, own_stack)
    user = own_stack.user()
    subscription = stripe.subscribe(user.id)
    for event in stripe.events(subscription):
        assert stripe.send(event).is_success
    events = len(stripe.events(subscription))
    eventually(
        lambda: sum(metrics.growth("chat_stripe_events_total", "outcome").values()) == events,
        what="the outcomes of the events",
    )
    assert metrics.grown("chat_stripe_events_total", outcome="applied") >= 1
    calls = metrics.growth("chat_stripe_calls_total", "operation", "result")
    assert calls["subscriptions.retrieve succeeded"] == len(stripe.calls(f"subscriptions/{subscription}"))
    assert api.grown("chat_stripe_webhooks_total", outcome="new") == events
    assert stripe.send(stripe.events(subscription)[0]).is_success
    assert stripe.send_bytes(b"{}", secret="whsec_of_another").status_code == 400
    assert stripe.send(made_up_event(type="charge.succeeded")).is_success
    assert api.growth("chat_stripe_webhooks_total", "outcome") == {
        "new": events,
        "duplicate": 1,
        "refused": 1,
        "unknown_type": 1,
    }
    stripe.cancel(subscription)  # its event is not delivered
    assert not api.has("chat_periodic_job_last_success_timestamp_seconds", job="stripe_reconciliation")
    assert reconcile(own_stack)["repaired"] == 1
    assert api.grown("chat_stripe_subscriptions_repaired_total") == 1
    assert metrics.grown("chat_stripe_calls_total", operation="subscriptions.list", result="succeeded") >= 1
    eventually(
        lambda: api.has("chat_periodic_job_last_success_timestamp_seconds", job="stripe_reconciliation"),
        what="the job's success",
    )
    ran_at = api.value("chat_periodic_job_last_success_timestamp_seconds", job="stripe_reconciliation")
    now = own_stack.database.value("SELECT extract(epoch FROM now())::float AS now")
    assert isinstance(now, float)
    assert now - 60 < ran_at <= now
    assert worker.stop() == 0


def test_an_event_that_cannot_be_processed_is_postponed_and_the_inbox_lags(own_stack: Stack) -> None:
    stripe = StripeSandbox(own_stack)
    event = made_up_event(type="customer.subscription.updated")
    assert stripe.send(event).is_success
    own_stack.database.run("UPDATE stripe_events SET received_at = now() - interval '1 hour'")
    api = Metrics(own_stack.base_url, own_stack)
    assert 3600 <= api.value("chat_stripe_inbox_lag_seconds") < 3700
    assert api.value("chat_stripe_events_waiting") == 1
    _, address = start_measured_worker(own_stack, STRIPE_API_BASE="http://127.0.0.1:9")
    metrics = Metrics(address, own_stack)
    eventually(
        lambda: (
            metrics.grown("chat_stripe_events_total", outcome="postponed")
            or metrics.value("chat_stripe_events_total", outcome="postponed")
        ),
        what="a postponed event",
    )
    assert metrics.growth("chat_stripe_calls_total", "result").keys() <= {"unavailable"}


def test_both_processes_expose_their_part_of_the_catalogue_and_promtool_finds_nothing(
    own_stack: Stack,
) -> None:
    """Red when a metric of the catalogue is missing in a process, or one of the other process is there."""
    _, address = start_measured_worker(own_stack)
    api = Metrics(own_stack.base_url, own_stack)
    own_stack.user()
    eventually(
        lambda: api.has("chat_periodic_job_last_success_timestamp_seconds", job="purge"),
        what="the first run of a job",
    )
    for process, served_at in ((Process.API, own_stack.base_url), (Process.WORKER, address)):
        text = scraped(served_at, own_stack).text
        families = {family.name: family for family in text_string_to_metric_families(text)}
        exposed = {name for name, family in families.items() if name.startswith("chat_") and family.samples}
        wanted = {family.name for family in CATALOGUE.values() if process in family.processes}
        streamed = {"chat_reply_stream_duration_seconds"} if process is Process.API else set()
        assert exposed == {name.removesuffix("_total") for name in wanted} - streamed
        assert {"process_resident_memory_bytes", "python_info"} <= families.keys()
        promtool = installed("promtool", package="prometheus")
        done = subprocess.run(
            [promtool, "check", "metrics"],
            input=text,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        is_api = process is Process.API
        assert all((f"\n{name}" in text) == is_api for name in FORMER_NAMES.values() if "stream" not in name)


@pytest.mark.parametrize("name", ["chat_database_wait_seconds_count", "chat_redis_command_seconds_count"])
def test_uses_of_database_and_redis_are_measured(own_stack: Stack, name: str) -> None:
    _, address = start_measured_worker(own_stack)
    metrics, user = Metrics(address, own_stack), own_stack.user()
    assert metrics.value("chat_database_connections_max") == 10
    eventually(lambda: metrics.value("chat_database_connections", state="idle") >= 1, what="a connection")
    metrics.mark()
    assert user.wait_for(_send(user, "Measured"))["status"] == "completed"
    assert metrics.grown(name) >= 2  # the claim and the end of the reply, at least
