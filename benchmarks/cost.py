"""What processes cost: CPU time and memory of each with all its children."""

from collections.abc import Sequence

import psutil

_MIB = 2**20


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the CPU time that these processes and their running children have used so far, in seconds."""
    return sum(times.user + times.system for times in (one.cpu_times() for one in _family(pids)))


def memory_mib(pids: Sequence[int]) -> float:
    """Return the memory of these processes and their children that is in RAM, in MiB."""
    return sum(one.memory_info().rss for one in _family(pids)) / _MIB


def _family(pids: Sequence[int]) -> list[psutil.Process]:
    parents = [psutil.Process(pid) for pid in pids]
    return [one for parent in parents for one in (parent, *parent.children(recursive=True))]
