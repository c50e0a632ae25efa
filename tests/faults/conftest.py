"""Fixtures of the fault tests: their environment and their number of repetitions."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from devtools.throwaway import throwaway_servers
from tests.faults.environment import Environment
from tests.faults.report import LINES


@dataclass(frozen=True, slots=True)
class Scale:
    """Number of repetitions: few in every run, many with `--faults=long`."""

    is_long: bool

    def times(self, short: int, long: int) -> int:
        """Return the number for this run."""
        return long if self.is_long else short


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Scale:
    """Return the scale that the command line selects."""
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
    """Provide running servers, never those that TEST_DATABASE_URL names, since the tests kill them."""
    _environment.repair()
    yield _environment
    _environment.repair()
