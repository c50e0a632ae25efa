"""The memory of a process."""

import re
from pathlib import Path


def memory_mib(pid: int) -> float:
    """Return the current memory of a process in MiB."""
    return _mib(pid, "VmRSS")


def peak_memory_mib(pid: int) -> float:
    """Return the peak memory of a process in MiB."""
    return _mib(pid, "VmHWM")


def _mib(pid: int, name: str) -> float:
    [kib] = re.findall(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kib) / 1024
