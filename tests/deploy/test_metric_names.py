"""What the processes expose, compared with rules, dashboard and documents."""

from collections import defaultdict
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from devtools.ports import free_port
from tests.deploy.monitoring import dashboard_expressions, documented, names_in, recorded, rules, series_of
from tests.support.stack import Stack
from tests.support.waiting import eventually

_READ_FROM_SERVERS = {
    "chat_workers_alive",
    "chat_redis_memory_bytes",
    "chat_periodic_job_last_success_timestamp_seconds",
}


@pytest.fixture(scope="module")
def exposed(stack: Stack) -> Iterator[list[Metric]]:
    """Everything that an API process and a worker expose after a message was answered."""
    port = free_port()
    worker = stack.start_worker(METRICS_PORT=str(port))
    user = stack.user()
    room = user.open_room()
    assert user.http.post(f"/chatroom/{room}/message", json={"content": "Hi"}).status_code == 201
    addresses = (stack.base_url, f"http://127.0.0.1:{port}")
    token = {"Authorization": f"Bearer {stack.settings['METRICS_TOKEN']}"}

    def scraped() -> list[Metric] | None:
        texts = [httpx.get(f"{address}/metrics", headers=token, trust_env=False) for address in addresses]
        assert {text.status_code for text in texts} == {200}
        found = [family for text in texts for family in text_string_to_metric_families(text.text)]
        return found if {family.name for family in found} >= _READ_FROM_SERVERS else None

    yield eventually(scraped, what="the metrics that are read from servers")
    worker.stop()


def _name(family: Metric) -> str:
    """Return the name as it is exposed; the parser removes a counter's ending."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def _series(families: list[Metric]) -> Iterator[str]:
    for family in families:
        yield from series_of(_name(family), family.type)


def test_rules_and_dashboard_name_only_exposed_metrics(exposed: list[Metric]) -> None:
    """Red when a metric is renamed in the code."""
    known = {"up"} | recorded() | set(_series(exposed))
    used = {name for rule in rules() for name in names_in(rule["expr"])}
    used |= {name for expression in dashboard_expressions() for name in names_in(expression)}
    assert used - known == set()


def test_the_documents_list_every_metric_with_its_type(exposed: list[Metric]) -> None:
    """Red when a metric is added, removed, or changes its type, and docs/monitoring.md does not say so."""
    kinds = {_name(family): family.type for family in exposed if family.name.startswith("chat_")}
    assert {name: metric.kind for name, metric in documented().items()} == kinds


def test_the_documents_list_the_labels_of_every_metric(exposed: list[Metric]) -> None:
    labels: dict[str, set[str]] = defaultdict(set)
    for family in exposed:
        for sample in family.samples:
            labels[_name(family)] |= sample.labels.keys() - {"le"}
    found = documented()
    for name, seen in labels.items():
        if name in found:
            assert seen == found[name].labels, name


def test_nothing_is_exposed_twice(exposed: list[Metric]) -> None:
    """Red when a process exposes two samples of one name and set of labels, which Prometheus rejects."""
    for family in exposed:
        keys = [(sample.name, frozenset(sample.labels.items())) for sample in family.samples]
        assert len(set(keys)) == len(keys), family.name
