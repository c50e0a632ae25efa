"""The machine and the versions that a measurement depends on, as lines of the page."""

import os
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

import psutil

from benchmarks.servers import Servers

_LIBRARIES: Final = (
    "fastapi",
    "uvicorn",
    "uvloop",
    "pydantic",
    "sqlalchemy",
    "asyncpg",
    "redis",
    "celery",
    "google-genai",
)


def describe(servers: Servers) -> Iterator[str]:
    """Describe this machine, its Python, the servers and the libraries."""
    memory = psutil.virtual_memory().total / 2**30
    yield f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {platform.system()}"
    yield f"Python {platform.python_version()}, {', '.join(f'{n} {metadata.version(n)}' for n in _LIBRARIES)}"
    yield servers.versions()


def _processor() -> str:
    """Return the processor's name, or its kind where the system names none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
