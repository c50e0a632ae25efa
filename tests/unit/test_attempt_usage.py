"""Token counts of one attempt: the model's own counts, and estimates for what they do not cover."""

from app.gemini_client import ModelError, ModelFailure, TokenUsage
from app.services.generation.attempt_usage import AttemptUsage

_NOT_SENT = ModelError(ModelFailure.UNAVAILABLE, "refused", retryable=True, is_sent=False)


def test_without_counts_both_sides_are_estimated_at_the_rooms_rate() -> None:
    usage = AttemptUsage(earlier_input_tokens=1000, earlier_output_tokens=100)
    assert (usage.input_tokens, usage.output_tokens, usage.has_output) == (1000, 100, False)
    usage.call(prompt_bytes=201, bytes_per_token=2.0)
    assert (usage.input_tokens, usage.has_output) == (1101, False)
    usage.add_text("äöü")
    assert (usage.output_tokens, usage.has_output) == (103, True)


def test_text_after_the_models_last_count_is_estimated_on_top_of_it() -> None:
    """Red when a count without output tokens, as a stream begins with, hides the text before it."""
    usage = AttemptUsage()
    usage.call(prompt_bytes=400, bytes_per_token=4.0)
    usage.add_text("x" * 40)
    usage.add_counts(TokenUsage(7, 0, 0))
    assert (usage.input_tokens, usage.output_tokens) == (7, 10)
    usage.add_counts(TokenUsage(7, 9, 30))
    assert (usage.input_tokens, usage.output_tokens) == (7, 39)
    usage.add_text("x" * 4)
    assert usage.output_tokens == 40


def test_a_count_that_states_nothing_changes_nothing() -> None:
    """Red when counts are replaced: a last chunk with only a total sets a whole answer's tokens to 0."""
    usage = AttemptUsage()
    usage.call(prompt_bytes=400, bytes_per_token=4.0)
    usage.add_counts(TokenUsage(7, 9, 30))
    usage.add_text("x" * 4)
    usage.add_counts(TokenUsage(0, 0, 0))
    assert (usage.input_tokens, usage.output_tokens, usage.has_output) == (7, 40, True)
    usage.add_counts(TokenUsage(0, 10, 0))
    assert (usage.input_tokens, usage.output_tokens) == (7, 40)


def test_thoughts_are_output_and_a_prompt_that_was_not_sent_has_no_tokens() -> None:
    usage = AttemptUsage()
    usage.call(prompt_bytes=400, bytes_per_token=4.0)
    usage.fail(_NOT_SENT)
    assert (usage.input_tokens, usage.has_output) == (0, False)
    usage.add_counts(TokenUsage(7, 0, 1))
    assert usage.has_output
