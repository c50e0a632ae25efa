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
    """Sends GET requests one after the other; a failure counts with its duration as status 0."""

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
    """Responses to other users during the block; complete after its end."""

    api: tuple[_Probe, ...]
    idle: _Probe
    """An idle process: its slowest response is the machine's noise."""

    @property
    def slowest(self) -> float:
        """Return the seconds of the API's slowest response."""
        return max(second for probe in self.api for second in probe.seconds)

    @property
    def noise(self) -> float:
        """Return the seconds of the idle process's slowest response in the same time."""
        return max(self.idle.seconds)

    @property
    def statuses(self) -> Counter[int]:
        """Return the number of the API's responses by status."""
        return sum((probe.statuses for probe in self.api), Counter[int]())

    def assert_served_within(self, seconds: float) -> None:
        """Check that every other user got a 200 within `seconds` plus twice the noise."""
        assert set(self.statuses) == {200}, self.statuses
        bound = seconds + 2 * self.noise
        assert self.slowest < bound, f"others waited {self.slowest:.2f} s, at most {bound:.2f} s is fine"


@contextmanager
def others_waiting(stack: Stack, *, at: str | None = None) -> Iterator[OthersWaiting]:
    """Send requests of other users during the block: for liveness, and for a row of their own.

    `at` is the address of an API process other than the stack's own.
    """
    address = at or stack.base_url
    token = stack.user(address).token
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
