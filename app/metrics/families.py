"""Declare the metrics of this product: each once, with its type, labels, meaning and process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product
from typing import Final, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_T = TypeVar("_T", Counter, Gauge, Histogram)


class Process(StrEnum):
    """A kind of process, by the name of its scrape job."""

    API = "chat-api"
    WORKER = "chat-worker"


class Kind(StrEnum):
    """The types of metrics, in Prometheus's words."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


API: Final = frozenset({Process.API})
WORKER: Final = frozenset({Process.WORKER})
BOTH: Final = API | WORKER
Labels = Mapping[str, tuple[str, ...]]
"""The names of the labels, each with its values; with none if they are known only at run time."""
LiveMode = Literal["livesum", "livemax"]
"""How the gauges of several processes behind one port become one: without processes that have ended."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric. `name` is the exposed one, so that of a counter ends in `_total`."""

    name: str
    kind: Kind
    text: str
    processes: frozenset[Process]
    labels: Labels = field(default_factory=dict)


DECLARED: Final[dict[str, Family]] = {}
"""The families that this process has declared, by exposed name; `app.metrics.catalogue` has all."""
OWN: Final = CollectorRegistry()
"""The families of this process that are counted in it."""


def declare(family: Family) -> Family:
    """Add a family to those that are declared.

    Raises:
        ValueError: there is one of this name.
    """
    if family.name in DECLARED:
        raise ValueError(f"declared twice: {family.name}")
    DECLARED[family.name] = family
    return family


def counter(name: str, text: str, processes: frozenset[Process], labels: Labels | None = None) -> Counter:
    """Declare a counter."""
    family = declare(Family(name, Kind.COUNTER, text, processes, labels or {}))
    return _exposed_from_the_start(Counter(name, text, tuple(family.labels), registry=OWN), family)


def gauge(
    name: str,
    text: str,
    processes: frozenset[Process],
    labels: Labels | None = None,
    *,
    mode: LiveMode = "livesum",
) -> Gauge:
    """Declare a gauge that this process sets."""
    family = declare(Family(name, Kind.GAUGE, text, processes, labels or {}))
    made = Gauge(name, text, tuple(family.labels), registry=OWN, multiprocess_mode=mode)
    return _exposed_from_the_start(made, family)


def histogram(
    name: str,
    text: str,
    processes: frozenset[Process],
    labels: Labels | None = None,
    *,
    buckets: tuple[float, ...],
) -> Histogram:
    """Declare a histogram with these upper bounds."""
    family = declare(Family(name, Kind.HISTOGRAM, text, processes, labels or {}))
    made = Histogram(name, text, tuple(family.labels), registry=OWN, buckets=buckets)
    return _exposed_from_the_start(made, family)


def _exposed_from_the_start(metric: _T, family: Family) -> _T:
    """Expose every combination of labels as 0, so that a first event is an increase."""
    if family.labels and all(family.labels.values()):
        for values in product(*family.labels.values()):
            metric.labels(*values)
    return metric
