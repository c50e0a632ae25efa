"""Render the metrics of a process in Prometheus's text format."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, disable_created_metrics, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from app.metrics.directory import CHOICE, forget_gauges
from app.metrics.families import DECLARED, OWN, Process
from app.metrics.former_names import with_former_names
from app.metrics.shared import BREAKER
from app.metrics.shared_files import merge_ended, process_metrics, shared_metrics
from app.metrics.stored import StoredValue, stored_metrics

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
_OF_ONE_PROCESS: Final = ("process_", "python_gc_")

disable_created_metrics()

log = structlog.get_logger(__name__)


def begin_sharing() -> None:
    """Tidy the directory that this process shares with others; log why it shares none, if it should."""
    if CHOICE.problem is not None:
        log.warning("metrics_not_shared", reason=CHOICE.problem, consequence="each process counts alone")
    if CHOICE.path is not None and CHOICE.is_own:
        merge_ended(CHOICE.path)


def end_sharing() -> None:
    """Remove the gauges of this process, which ends; its counters stay counted."""
    if CHOICE.path is not None:
        forget_gauges(CHOICE.path, os.getpid())


def exposition(process: Process, stored: Sequence[StoredValue] = ()) -> bytes:
    """Return what this kind of process counts, alone or with others behind its port, and the stored values.

    Former names are exposed by the API alone: a worker had no metrics when they were given.
    """
    metrics = [*_counted(process), *stored_metrics(stored)]
    if process is Process.API:
        metrics = [*metrics, *with_former_names(metrics)]
    registry = CollectorRegistry()
    registry.register(_Metrics([*metrics, *_of_library()]))
    return generate_latest(registry)


def _counted(process: Process) -> Iterator[Metric]:
    """Return what is counted, in the order of the catalogue: the same whichever process answers."""
    collected = shared_metrics(CHOICE.path) if CHOICE.path is not None else OWN.collect()
    found = {metric.name: metric for metric in collected}
    for name, family in DECLARED.items():
        metric = found.get(name) or found.get(name.removesuffix("_total"))
        if metric is None or process not in family.processes:
            continue
        if name == BREAKER:
            now = time.monotonic()
            metric.samples = [sample._replace(value=float(sample.value > now)) for sample in metric.samples]
        yield metric


def _of_library() -> Iterator[Metric]:
    """Return `process_*` and `python_*`; of several processes only what means all of them."""
    for metric in REGISTRY.collect():
        if CHOICE.path is None or not metric.name.startswith(_OF_ONE_PROCESS):
            yield metric
    if CHOICE.path is not None:
        yield from process_metrics(CHOICE.path)


class _Metrics(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics
