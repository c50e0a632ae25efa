"""The memory of a process."""

import re
from pathlib import Path


def memory_mib(pid: int) -> float:
    """What a process holds now, in MiB."""
    return _mib(pid, "VmRSS")


def peak_memory_mib(pid: int) -> float:
    """The most that a process has held so far, in MiB."""
    return _mib(pid, "VmHWM")


def _mib(pid: int, name: str) -> float:
    [kib] = re.findall(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kib) / 1024
