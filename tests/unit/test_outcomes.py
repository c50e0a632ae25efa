"""The end of a reply as its row stores it, and the texts that users read."""

import pytest

from app.gemini_client import Completion, FinishReason, ModelFailure, TokenUsage
from app.models import MessageStatus
from app.repositories.leases import ReplyEnd
from app.services.generation.outcomes import (
    ERROR_CODES,
    Outcome,
    blocked,
    cancelled,
    crashed,
    failed,
    worker_lost,
)

_BLOCKED = [reason for reason in FinishReason if reason.is_blocked]


def _end(outcome: Outcome) -> ReplyEnd:
    return outcome.as_end(content="", model=None, duration=0)


@pytest.mark.parametrize("failure", ModelFailure)
def test_every_failure_of_the_model_has_a_code_and_a_text(failure: ModelFailure) -> None:
    end = _end(failed(failure, "503 UNAVAILABLE"))
    assert (end.status, end.error_code, end.last_error) == (
        MessageStatus.FAILED,
        failure.value,
        "503 UNAVAILABLE",
    )
    assert end.error_detail
    assert "503" not in end.error_detail


@pytest.mark.parametrize("reason", _BLOCKED)
def test_every_refusal_has_a_code_and_a_text(reason: FinishReason) -> None:
    end = _end(blocked(Completion(reason, TokenUsage(1, 0, 0))))
    assert (end.status, end.error_code) == (MessageStatus.BLOCKED, f"blocked_{reason.value}")
    assert end.error_detail


def test_the_error_codes_are_those_of_all_outcomes() -> None:
    outcomes = [failed(failure, "") for failure in ModelFailure]
    outcomes += [blocked(Completion(reason, TokenUsage(1, 0, 0))) for reason in _BLOCKED]
    outcomes += [worker_lost(), crashed("ValueError")]
    assert sorted(ERROR_CODES) == sorted(str(outcome.error_code) for outcome in outcomes)


def test_a_completed_reply_stores_usage_and_times_in_milliseconds() -> None:
    completion = Completion(FinishReason.MAX_TOKENS, TokenUsage(7, 9, 30))
    outcome = Outcome(MessageStatus.COMPLETED).with_completion(
        completion, time_to_first_token=0.1234, bytes_per_token=4.0
    )
    assert outcome.as_end(content="Hello", model="m", duration=1.5) == ReplyEnd(
        status=MessageStatus.COMPLETED,
        content="Hello",
        model="m",
        finish_reason="max_tokens",
        input_tokens=7,
        output_tokens=9,
        thinking_tokens=30,
        time_to_first_token_ms=123,
        duration_ms=1500,
    )


def test_a_cancelled_reply_keeps_its_text_and_has_no_error() -> None:
    end = cancelled().as_end(content="Half of", model="m", duration=0)
    assert (end.status, end.content, end.error_code, end.finish_reason) == (
        MessageStatus.CANCELLED,
        "Half of",
        None,
        None,
    )
