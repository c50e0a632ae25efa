"""Read the metrics of all processes behind one port, and keep the number of their files bounded."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

from app.metrics.directory import CHOICE, IN_USE, forget_gauges

_ENDED: Final = "ended"
"""Stands for the id of all processes that have ended, in the name of their file."""
_LOCK: Final = "merge"
_SUMMED: Final = frozenset(
    {
        "process_virtual_memory_bytes",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_cpu_seconds",
    }
)


def shared_metrics(path: Path) -> Iterable[Metric]:
    """Return the metrics of all processes; gauges without those that have ended."""
    with _locked(path, fcntl.LOCK_SH):
        if CHOICE.is_own:
            (path / IN_USE).touch()  # cleaners of temporary files go by age
            for process_id in _process_ids(path, "gauge_*.db"):
                if not _is_sibling(process_id):
                    forget_gauges(path, process_id)
        return list(MultiProcessCollector(None, str(path)).collect())


def process_metrics(path: Path) -> Iterable[Metric]:
    """Return `process_*` over all processes: sums, the earliest start, the lowest limit of open files.

    The CPU time has that of the parent, and through it that of children that have ended.
    """
    found: dict[str, Metric] = {}
    ids = {number for number in _process_ids(path, "*.db") if _is_sibling(number)} | {os.getpid()}
    for process_id in sorted(ids):
        for metric in ProcessCollector(pid=partial(str, process_id), registry=None).collect():
            kept = found.setdefault(metric.name, metric)
            if kept is not metric:
                _combine(kept, metric)
    if "process_cpu_seconds" in found:
        [total] = found["process_cpu_seconds"].samples
        found["process_cpu_seconds"].samples = [total._replace(value=total.value + _parents_cpu_seconds())]
    return found.values()


def merge_ended(path: Path) -> None:
    """Add the counts of processes that have ended to one file of each kind, and remove theirs."""
    with _locked(path, fcntl.LOCK_EX):
        for process_id in _process_ids(path, "*.db"):
            if process_id == os.getpid() or _is_sibling(process_id):
                continue
            forget_gauges(path, process_id)
            for file in path.glob(f"*_{process_id}.db"):
                _add(file, file.with_name(f"{file.name.partition('_')[0]}_{_ENDED}.db"))


def _add(file: Path, total: Path) -> None:
    """Replace the total at once: a process that is killed here leaves no half of a sum."""
    new = total.with_suffix(".new")
    new.unlink(missing_ok=True)
    sums: dict[str, float] = {}
    for source in (total, file):
        if source.exists():
            for key, value, _, _ in MmapedDict.read_all_values_from_file(str(source)):
                sums[key] = sums.get(key, 0.0) + value
    written = MmapedDict(str(new))
    for key, value in sums.items():
        written.write_value(key, value, 0.0)
    written.close()
    new.replace(total)
    file.unlink()


def _process_ids(path: Path, pattern: str) -> set[int]:
    names = (file.stem.rpartition("_")[2] for file in path.glob(pattern))
    return {int(name) for name in names if name.isdecimal()}


def _is_sibling(process_id: int) -> bool:
    """Return whether a process runs and has this process's parent; another one may have got its id."""
    try:
        state, parent = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return not Path("/proc/self/stat").exists() and _has_process(process_id)
    return state != "Z" and int(parent) == os.getppid()


def _has_process(process_id: int) -> bool:
    """Return whether any process has this id, on systems without /proc."""
    try:
        os.kill(process_id, 0)
    except OSError:
        return False
    return True


def _combine(kept: Metric, other: Metric) -> None:
    [first], [second] = kept.samples, other.samples
    value = first.value + second.value if kept.name in _SUMMED else min(first.value, second.value)
    kept.samples = [first._replace(value=value)]


def _parents_cpu_seconds() -> float:
    """Return the CPU time of the parent and of its children that have ended."""
    try:
        fields = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    with (path / _LOCK).open("ab") as lock:
        fcntl.flock(lock, kind)
        yield
