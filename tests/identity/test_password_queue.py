"""The queue for password hashes serves networks in rotation, so a flood of logins locks no user out."""

import itertools
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.support.callers import log_in_from, sign_up_from
from tests.support.codes import api_processes, some_address
from tests.support.sessions import PASSWORD, give_password
from tests.support.stack import Stack
from tests.support.user import some_number

_FLOODERS_PER_ADDRESS = 25
_OWNERS = 8
_SLOWEST_SECONDS = 15  # a bound that a noisy machine keeps; alone it takes a tenth of a second


def _flood(url: str, address: str, counts: Counter[int], ended: threading.Event) -> None:
    with httpx.Client(timeout=60, trust_env=False, headers={"X-Forwarded-For": address}) as stranger:
        for number in itertools.count():
            if ended.is_set():
                return
            body = {"mobile_number": some_number(), "password": f"wrong guess {number}"}
            counts[stranger.post(f"{url}/auth/login", json=body).status_code] += 1


def test_a_flood_of_wrong_logins_from_a_few_addresses_locks_no_user_out(stack: Stack) -> None:
    """Red when all wait in one bounded queue: nearly every login of a user is refused with 503."""
    counts: Counter[int] = Counter()
    ended = threading.Event()
    with api_processes(stack, 1) as [url], ThreadPoolExecutor(_FLOODERS_PER_ADDRESS * 4) as threads:
        owners = [sign_up_from(url, some_address()) for _ in range(_OWNERS)]
        for owner in owners:
            give_password(owner)
        addresses = [some_address() for _ in range(4)] * _FLOODERS_PER_ADDRESS
        floods = [threads.submit(_flood, url, address, counts, ended) for address in addresses]
        try:
            while sum(counts.values()) < 100:
                time.sleep(0.02)
            seconds = []
            for owner in owners:
                began = time.monotonic()
                address = str(owner.http.headers["X-Forwarded-For"])
                answer = log_in_from(url, address, owner.mobile_number, PASSWORD)
                seconds.append(time.monotonic() - began)
                assert answer.is_success, answer.text
        finally:
            ended.set()
        for flood in floods:
            flood.result()
    assert max(seconds) < _SLOWEST_SECONDS
    assert counts.keys() <= {401, 503, 429}
