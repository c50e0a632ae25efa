"""The environment that all faults work on, and their number of repetitions."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from devtools.throwaway import throwaway_servers
from tests.faults.environment import Environment
from tests.faults.report import LINES


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of a fault: a bounded form for every run, the full numbers with `--faults=long`."""

    is_long: bool

    def times(self, short: int, long: int) -> int:
        """The one or the other."""
        return long if self.is_long else short


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Scale:
    """What was asked for on the command line."""
    return Scale(is_long=pytestconfig.getoption("--faults", default="short") == "long")


@pytest.fixture(scope="session")
def _environment(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    lines = pytestconfig.stash.setdefault(LINES, [])
    with throwaway_servers() as (postgres, valkey):
        environment = Environment(postgres, valkey, tmp_path_factory.mktemp("faults"), lines)
        try:
            environment.open()
            yield environment
        finally:
            environment.close()


@pytest.fixture
def environment(_environment: Environment) -> Iterator[Environment]:
    """Servers that run; never the ones that a developer or CI has named, since they are killed here."""
    _environment.repair()
    yield _environment
    _environment.repair()
