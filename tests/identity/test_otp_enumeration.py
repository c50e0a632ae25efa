"""Requests for codes do not reveal whether a number has an account: neither responses nor their times do."""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.support.codes import anyone, api_processes, ask, open_accounts, some_address, verify
from tests.support.sms_receiver import SmsReceiver
from tests.support.stack import Stack
from tests.support.twilio import Twilio
from tests.support.user import ok, problem, some_number

_EACH = 200
_ROUNDS = 3
_ASKING = some_address()
_CRITICAL = math.sqrt(-math.log(0.001 / 2) / 2) * math.sqrt(2 / _EACH)
"""Of the two-sample Kolmogorov-Smirnov statistic at p = 0.001, for `_EACH` values on both sides: 0.195."""


@pytest.fixture(scope="module", params=[Twilio, SmsReceiver])
def api(stack: Stack, request: pytest.FixtureRequest) -> Iterator[str]:
    """An API process that really sends: that is the work which known numbers alone cause."""
    with request.param() as provider, api_processes(stack, 1, **provider.settings) as [url]:
        yield url


def _statistic(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The greatest distance between the two distribution functions (Kolmogorov-Smirnov)."""
    return max(
        abs(sum(one <= value for one in ours) / len(ours) - sum(one <= value for one in theirs) / len(theirs))
        for value in (*ours, *theirs)
    )


def _distance(stack: Stack, measured: Callable[[str], None], *, prepared: Callable[[str], None]) -> float:
    """The difference of response times for known and unknown numbers, requested in random order."""
    known, unknown = ([some_number() for _ in range(_EACH)] for _ in range(2))
    open_accounts(stack, known)
    times: dict[bool, list[float]] = {True: [], False: []}
    order = [(number, True) for number in known] + [(number, False) for number in unknown]
    random.shuffle(order)
    for number, _ in order:
        prepared(number)
    for number, is_known in order:
        began = time.perf_counter()
        measured(number)
        times[is_known].append(time.perf_counter() - began)
    return _statistic(times[True], times[False])


@pytest.mark.parametrize("path", ["send-otp", "forgot-password", "verify-otp"])
def test_an_answer_takes_as_long_for_a_known_number_as_for_an_unknown_one(
    stack: Stack, api: str, path: str
) -> None:
    """200 known and 200 unknown numbers, in random order, have the same distribution of times.

    What is held is no number of milliseconds, which would depend on the machine, but the distance between the
    two distributions: it stays below what two samples of one and the same distribution exceed once in 1,000
    times. A real difference shows in every round, chance does not show in three of them (once in 10^9 runs).

    Red when a code is sent within the request, also by a provider that answers at once, and when a known
    number's answer is held up for 3 ms. What costs a fraction of a millisecond (reading the account's row
    instead of whether there is one, sending without the delay) drowns in a busy machine's noise: green.
    """

    def ask_for_code(number: str) -> None:
        ok(
            ask(
                api,
                number,
                address=_ASKING,
                path="forgot-password" if path == "forgot-password" else "send-otp",
            )
        )

    def guess(number: str) -> None:
        # One code in a million is this one.
        assert (
            problem(verify(api, number, "271828", address=_ASKING), 401, "otp_invalid")["attempts_left"] == 4
        )

    anyone(api).get("/health/live")  # the connection is open
    distances = []
    for _ in range(_ROUNDS):
        if path == "verify-otp":
            distances.append(_distance(stack, guess, prepared=ask_for_code))
        else:
            distances.append(_distance(stack, ask_for_code, prepared=lambda _number: None))
        if distances[-1] < _CRITICAL:
            return
    pytest.fail(f"the times differ: {distances}, all of {_CRITICAL:.3f} or more")


@pytest.mark.parametrize("path", ["send-otp", "forgot-password"])
def test_the_answer_is_the_same_for_a_known_number_and_an_unknown_one(
    stack: Stack, api: str, path: str
) -> None:
    known, unknown = some_number(), some_number()
    open_accounts(stack, [known])
    purpose = "login" if path == "send-otp" else "password_reset"

    def told(number: str) -> list[object]:
        asking = some_address()
        answers = [ask(api, number, path=path, address=asking), ask(api, number, path=path)]
        answers += [verify(api, number, "271828", purpose=purpose, address=asking) for _ in range(6)]
        answers += [verify(api, number, "271828", purpose=purpose) for _ in range(6)]
        varying = {"timestamp", "request_id"}
        bodies = [
            {name: value for name, value in answer.json().items() if name not in varying}
            for answer in answers
        ]
        headers = [sorted(answer.headers.keys()) for answer in answers]
        return [[answer.status_code for answer in answers], bodies, headers]

    assert told(known) == told(unknown)
