"""When a room is summarised, and which exchanges a summary covers."""

import pytest

from app.models import Role
from app.repositories.room_context import HistorySize
from app.services.generation.context import summary_tokens
from app.services.generation.summary import SummaryPolicy
from tests.unit.rooms import exchange, room

_POLICY = SummaryPolicy(token_budget=1000)


@pytest.mark.parametrize(("history", "excess"), [(0, 0), (750, 0), (751, 251), (1000, 500), (5000, 4500)])
def test_a_summary_is_due_above_three_quarters_of_the_budget_and_reduces_to_half(
    history: int, excess: float
) -> None:
    assert _POLICY.excess(room(), HistorySize(10, history)) == excess


def test_the_instruction_and_the_former_summary_count_too() -> None:
    used = room(instruction="i" * 300, summary="s" * 100)
    preamble = summary_tokens(used)
    assert preamble > 100
    history = HistorySize(10, 400)
    assert _POLICY.excess(used, history) == 300 + preamble + 400 - 500


def test_bytes_count_at_the_rate_of_the_room() -> None:
    history = HistorySize(10, 2000)
    assert _POLICY.excess(room(bytes_per_token=4.0), history) == 0
    assert _POLICY.excess(room(bytes_per_token=2.0), history) == 500


@pytest.mark.parametrize("budget", [0, 3])
def test_a_budget_too_small_for_a_summary_means_none(budget: int) -> None:
    assert SummaryPolicy(budget).excess(room(), HistorySize(10, 10_000)) == 0


@pytest.mark.parametrize(("budget", "tokens"), [(0, 0), (1000, 250), (4096, 1024), (1_000_000, 1024)])
def test_a_summary_is_a_quarter_of_the_budget_and_at_most_1024_tokens(budget: int, tokens: int) -> None:
    assert SummaryPolicy(budget).summary_tokens == tokens


def test_the_oldest_exchanges_are_taken_until_they_make_up_the_excess() -> None:
    exchanges = [exchange(position, 100) for position in (2, 4, 6, 8)]
    batch = _POLICY.next_batch(room(), exchanges, excess=150, model="m")
    assert batch is not None
    assert (batch.exchanges, batch.old_upto, batch.upto) == (exchanges[:2], 0, 4)


def test_a_batch_ends_before_the_exchange_that_exceeds_the_prompt() -> None:
    exchanges = [exchange(position, 400) for position in (2, 4, 6, 8)]
    batch = _POLICY.next_batch(room(), exchanges, excess=5000, model="m")
    assert batch is not None
    assert batch.exchanges == exchanges[:2]


def test_the_first_exchange_is_taken_even_if_it_exceeds_the_prompt() -> None:
    """Red when it is left out: no later exchange would ever be summarised."""
    long = exchange(2, 5000)
    batch = _POLICY.next_batch(room(), [long, exchange(4, 10)], excess=5000, model="m")
    assert batch is not None
    assert batch.exchanges == [long]


def test_without_exchanges_there_is_no_batch() -> None:
    assert _POLICY.next_batch(room(), [], excess=1, model="m") is None


def test_the_prompt_repeats_the_former_summary_and_names_the_limit_in_words() -> None:
    former = room(summary="The user is Grace.", summarized_through=2)
    batch = _POLICY.next_batch(former, [exchange(4, 20)], excess=1, model="m")
    assert batch is not None
    prompt = _POLICY.prompt(batch)
    assert [turn.role for turn in prompt.turns] == [Role.USER, Role.MODEL] * 2 + [Role.USER]
    assert prompt.turns[0].text.endswith("\nThe user is Grace.")
    assert "at most 125 words" in prompt.turns[-1].text
    assert prompt.max_output_tokens == 250 + 2048
