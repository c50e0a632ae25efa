"""Metrics are exposed as what they are, under their names and for one version under their former ones."""

import itertools
import subprocess
from typing import Final, get_args

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from app import metrics
from app.gemini_client import ModelError, ModelFailure
from app.gemini_client.api_errors import ErrorResponse
from app.gemini_client.error_codes import error_code
from app.metrics import FORMER_NAMES, Kind, Process, StoredValue, api, stored, worker
from app.metrics.__main__ import table
from app.metrics.catalogue import CATALOGUE
from app.models import MessageStatus, Plan
from app.redis_client.concurrency_leases import LimitedResource
from app.redis_client.otp_store import OtpVerdict
from app.services.billing.stripe_inbox import EventOutcome
from app.services.billing.subscription_rows import SyncOutcome
from app.services.billing.webhook import IgnoredReason
from app.services.identity.otp_refusal import OtpRefusal
from app.stripe_client.event import UnknownShape
from tests.support.installed import installed

_STORED: Final = [
    StoredValue(family, 1, tuple("purge" for _ in family.labels))
    for family in vars(stored).values()
    if isinstance(family, metrics.Family)
]


@pytest.fixture(scope="module", autouse=True)
def _models() -> None:
    worker.begin(places=3, models=["gemini-test"])


def _families(process: Process, values: list[StoredValue] | None = None) -> dict[str, Metric]:
    text = metrics.exposition(process, values or []).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_stored_gauges_and_counters_have_their_types() -> None:
    text = metrics.exposition(
        Process.API, [StoredValue(stored.WORKERS_ALIVE, 2), StoredValue(stored.REPAIRED, 7)]
    ).decode()
    assert "# TYPE chat_workers_alive gauge\nchat_workers_alive 2.0\n" in text
    name = "chat_stripe_subscriptions_repaired_total"
    assert f"# TYPE {name} counter\n{name} 7.0\n" in text


def test_a_scrape_keeps_no_value_of_the_one_before() -> None:
    metrics.exposition(Process.API, [StoredValue(stored.REPLIES_PENDING, 1)])
    assert "replies_pending" not in metrics.exposition(Process.API).decode()


@pytest.mark.parametrize("process", Process)
def test_a_process_exposes_its_part_of_the_catalogue_and_nothing_else_of_ours(process: Process) -> None:
    """Red when a worker shows metrics of requests, or one of the catalogue is missing."""
    values = _STORED if process is Process.API else []
    exposed = {name for name in _families(process, values) if name.startswith("chat_")}
    wanted = {name for name, family in CATALOGUE.items() if process in family.processes}
    assert exposed == {name.removesuffix("_total") for name in wanted}


def test_types_and_labels_are_those_of_the_catalogue() -> None:
    for process, values in ((Process.API, _STORED), (Process.WORKER, [])):
        exposed = _families(process, values)
        for name, family in CATALOGUE.items():
            if process not in family.processes:
                continue
            found = exposed[name.removesuffix("_total")]
            assert found.type == family.kind
            assert found.documentation == family.text
            assert all(set(family.labels) == set(sample.labels) - {"le"} for sample in found.samples)
    assert all(
        name.startswith("chat_") and name.endswith("_total") == (family.kind is Kind.COUNTER)
        for name, family in CATALOGUE.items()
    )


def test_every_value_of_a_fixed_set_is_exposed_from_the_start() -> None:
    """Red when a label appears only with its first event, which is then no increase."""
    for name, family in CATALOGUE.items():
        if not family.labels or not all(family.labels.values()):
            continue
        process = Process.API if Process.API in family.processes else Process.WORKER
        found = _families(process)[name.removesuffix("_total")]
        exposed = {tuple(sample.labels[label] for label in family.labels) for sample in found.samples}
        assert exposed == set(itertools.product(*family.labels.values()))


def test_every_offered_model_is_exposed_from_the_start() -> None:
    exposed = _families(Process.WORKER)
    for name, count in (("chat_replies", 4), ("chat_tokens", 3)):
        for model in ("gemini-test", worker.NO_MODEL):
            assert sum(each.labels["model"] == model for each in exposed[name].samples) == count


def test_fixed_labels_are_the_words_of_the_code() -> None:
    """Red when a new outcome is counted under a label that nobody declared."""
    assert {plan.value for plan in Plan} <= set(get_args(metrics.Limit))
    assert {resource.value for resource in LimitedResource} <= set(get_args(metrics.Limit))
    assert set(api.OTP_REFUSALS) == {reason.value for reason in OtpRefusal}
    assert set(get_args(api.VerifyResult)) == {verdict.value for verdict in OtpVerdict}
    ignored = {reason.value for reason in (*IgnoredReason, *UnknownShape)}
    assert set(api.WEBHOOK_OUTCOMES) == ignored | {"new", "duplicate", "refused"}
    outcomes = {outcome.value for outcome in (*EventOutcome, *SyncOutcome)}
    assert set(worker.EVENT_OUTCOMES) == outcomes | {"postponed", "crashed"}
    final = {status.value for status in MessageStatus if status.is_final}
    assert set(get_args(worker.ReplyOutcome)) == final


def test_a_renamed_metric_is_exposed_under_its_former_name_too() -> None:
    """Red when dashboards of the version before this one show nothing."""
    metrics.request_answered(method="GET", route="/former", status=200, seconds=0.2, is_stream=False)
    exposed = _families(Process.API, _STORED)
    for new, old in FORMER_NAMES.items():
        known, former = (exposed[name.removesuffix("_total")] for name in (new, old))
        assert former.type == known.type
        assert new in former.documentation
        assert [
            (sample.name.removeprefix(known.name), sample.labels, sample.value) for sample in known.samples
        ] == [
            (sample.name.removeprefix(former.name), sample.labels, sample.value) for sample in former.samples
        ]
    assert not any(old.removesuffix("_total") in _families(Process.WORKER) for old in FORMER_NAMES.values())


def test_no_time_of_creation_is_exposed() -> None:
    assert "_created" not in metrics.exposition(Process.API, _STORED).decode()
    assert "_created" not in metrics.exposition(Process.WORKER).decode()


def test_the_breaker_closes_by_time() -> None:
    """Red when the gauge changes only with the next failure or connection."""

    def shown() -> float:
        [sample] = _families(Process.WORKER)["chat_redis_breaker_open"].samples
        return sample.value

    metrics.breaker_opened(1e12)
    assert shown() == 1
    metrics.breaker_opened(1.0)  # in the past
    assert shown() == 0


@pytest.mark.parametrize("process", Process)
def test_promtool_finds_nothing(process: Process) -> None:
    promtool = installed("promtool", package="prometheus")
    text = metrics.exposition(process, _STORED if process is Process.API else [])
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_table_has_a_row_for_each_metric() -> None:
    rows = table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(CATALOGUE)


@pytest.mark.parametrize(
    ("failure", "cause", "code"),
    [
        (ModelFailure.RATE_LIMITED, ErrorResponse(429, {"error": {"status": "RESOURCE_EXHAUSTED"}}), None),
        (
            ModelFailure.UNAVAILABLE,
            ErrorResponse(503, {"error": {"status": "A_TEXT_OF_A_CLIENT"}}),
            "gateway",
        ),
        (ModelFailure.UNAVAILABLE, ErrorResponse(502, None), "gateway"),
        (ModelFailure.TIMEOUT, TimeoutError(), "timeout"),
        (ModelFailure.INTERRUPTED, ValueError(), "interrupted"),
        (ModelFailure.INTERRUPTED, None, "unfinished"),
        (ModelFailure.EMPTY, None, "empty"),
        (ModelFailure.NOT_CONFIGURED, None, "other"),
    ],
)
def test_a_failure_of_gemini_has_a_code_of_a_fixed_set(
    failure: ModelFailure, cause: Exception | None, code: str | None
) -> None:
    error = ModelError(failure, "reason", retryable=True)
    assert error_code(error, cause) == (code or "RESOURCE_EXHAUSTED")
    assert error_code(error, cause) in (*worker.GOOGLE_STATUSES, *worker.FAILURE_WORDS)
