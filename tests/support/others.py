"""Measures how long other users wait while a test sends something expensive."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.support.stack import Stack

_PAUSE_SECONDS = 0.02
_LONGEST_SECONDS = 60.0
_FEWEST_ANSWERS = 3


@dataclass
class _Probe:
    """Sends one GET after the other; what fails counts with the time it took, as status 0."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def run(self, is_over: threading.Event) -> None:
        with httpx.Client(timeout=_LONGEST_SECONDS, trust_env=False, headers=self.headers) as http:
            while not is_over.is_set() or len(self.seconds) < _FEWEST_ANSWERS:
                began = time.monotonic()
                try:
                    status = http.get(self.url).status_code
                except httpx.TransportError:
                    status = 0
                self.seconds.append(time.monotonic() - began)
                self.statuses[status] += 1
                is_over.wait(_PAUSE_SECONDS)


@dataclass(frozen=True)
class OthersWaiting:
    """The answers that other users got meanwhile; complete once the block has ended."""

    api: tuple[_Probe, ...]
    idle: _Probe
    """A process that nothing is sent to: its slowest answer is the machine's own noise."""

    @property
    def slowest(self) -> float:
        """Seconds of the slowest answer of the API."""
        return max(second for probe in self.api for second in probe.seconds)

    @property
    def noise(self) -> float:
        """Seconds of the idle process's slowest answer in the same time."""
        return max(self.idle.seconds)

    @property
    def statuses(self) -> Counter[int]:
        """How many answers of each status the API gave."""
        return sum((probe.statuses for probe in self.api), Counter[int]())

    def assert_served_within(self, seconds: float) -> None:
        """Check that everybody else got a 200 within `seconds`, and what the machine itself took."""
        assert set(self.statuses) == {200}, self.statuses
        bound = seconds + 2 * self.noise
        assert self.slowest < bound, f"others waited {self.slowest:.2f} s, at most {bound:.2f} s is fine"


@contextmanager
def others_waiting(stack: Stack, *, at: str | None = None) -> Iterator[OthersWaiting]:
    """Have others ask all the time while the block runs: for liveness, and for a row of their own.

    `at` is the address of an API process other than the stack's own.
    """
    address = at or stack.base_url
    token = stack.person(address).token
    live = _Probe(f"{address}/health/live")
    signed_in = _Probe(f"{address}/user/me", {"Authorization": f"Bearer {token}"})
    idle = _Probe(f"{stack.sandbox_url}/health")
    is_over = threading.Event()
    threads = [threading.Thread(target=probe.run, args=(is_over,)) for probe in (live, signed_in, idle)]
    for thread in threads:
        thread.start()
    try:
        yield OthersWaiting((live, signed_in), idle)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
