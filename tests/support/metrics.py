"""Scrapes of the processes' metrics, and what has grown between two of them."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from devtools.ports import free_port
from tests.support.process import Process
from tests.support.stack import Stack

Key = tuple[str, frozenset[tuple[str, str]]]


def scraped(address: str, stack: Stack) -> httpx.Response:
    """Return the response to a scrape with the token, on a connection of its own."""
    token = stack.settings["METRICS_TOKEN"]
    answer = httpx.get(f"{address}/metrics", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "ratelimit" not in answer.headers
    return answer


class Metrics:
    """The metrics of one address: values now, and their growth since the last `mark`."""

    def __init__(self, address: str, stack: Stack) -> None:
        self.address = address
        self._stack = stack
        self._marked = self._scrape()

    def mark(self) -> None:
        """Count growth from now on."""
        self._marked = self._scrape()

    def value(self, name: str, **labels: str) -> float:
        """Return a sample's value."""
        return self._scrape()[name, frozenset(labels.items())]

    def has(self, name: str, **labels: str) -> bool:
        """Return whether a sample is exposed."""
        return (name, frozenset(labels.items())) in self._scrape()

    def grown(self, name: str, **labels: str) -> float:
        """Return by how much a sample has grown; one that is new grew from 0."""
        key = (name, frozenset(labels.items()))
        return self._scrape().get(key, 0.0) - self._marked.get(key, 0.0)

    def growth(self, name: str, *labels: str) -> dict[str, float]:
        """Return by how much each sample of a name has grown, by its labels joined by spaces, if it has."""
        now = self._scrape()
        return {
            " ".join(dict(key[1])[label] for label in labels): value - self._marked.get(key, 0.0)
            for key, value in now.items()
            if key[0] == name and value != self._marked.get(key, 0.0)
        }

    def _scrape(self) -> dict[Key, float]:
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(scraped(self.address, self._stack).text)
            for sample in family.samples
        }


def start_measured_worker(stack: Stack, *options: str, **settings: str) -> tuple[Process, str]:
    """Start a worker with a metrics port; return it with the port's address."""
    port = free_port()
    worker = stack.start_worker(*options, METRICS_PORT=str(port), **settings)
    return worker, f"http://127.0.0.1:{port}"
