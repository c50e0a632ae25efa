"""Count what a worker process does: replies and their tokens, follow-ups, Stripe's events."""

from collections.abc import Iterable
from functools import cache
from typing import Final, Literal, get_args

from prometheus_client import Counter

from app.metrics.families import WORKER, counter, gauge, histogram

ReplyOutcome = Literal["completed", "failed", "blocked", "cancelled"]
AttemptResult = Literal["completed", "blocked", "cancelled", "failed", "retry", "released", "lost"]
TokenKind = Literal["input", "output", "thinking"]
FollowUpResult = Literal["stored", "outdated", "empty", "failed"]
"""`outdated`: the room has changed meanwhile, so the answer of the model was dropped."""

NO_MODEL: Final = "none"
"""The model of a reply that ended before one was called."""
GOOGLE_STATUSES: Final = (
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
)
"""The codes of google.rpc.Code that are errors."""
FAILURE_WORDS: Final = ("connection", "timeout", "interrupted", "gateway", "empty", "unfinished", "other")
"""Failures without a status of Google's: no connection, no response in time, broken off, a response in
another form, no text, no usable finish reason, and all others."""
EVENT_OUTCOMES: Final = (
    "applied",
    "unchanged",
    "outdated",
    "unknown_customer",
    "deleted_user",
    "unknown_user",
    "other_installation",
    "not_ours",
    "not_stored",
    "no_subscription",
    "customer_forgotten",
    "postponed",
    "crashed",
)
"""The last two are attempts after which the event is due again."""

_QUEUE_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)
_REPLY_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)

_replies = counter(
    "chat_replies_total",
    "Replies that workers ended, by outcome and model.",
    WORKER,
    {"outcome": get_args(ReplyOutcome), "model": ()},
)
_queue_seconds = histogram(
    "chat_reply_queue_seconds",
    "Time from the message or the due time of a retry until a worker claimed the reply, by the database's"
    " clock; includes the wait for earlier replies of the room.",
    WORKER,
    buckets=_QUEUE_BUCKETS,
)
_first_token = histogram(
    "chat_reply_first_token_seconds",
    "Time from the start of the attempt to the first text of a reply that the model finished.",
    WORKER,
    {"model": ()},
    buckets=_REPLY_BUCKETS,
)
_duration = histogram(
    "chat_reply_duration_seconds",
    "Time of the attempt that ended a reply, for replies that called a model.",
    WORKER,
    {"model": ()},
    buckets=_REPLY_BUCKETS,
)
_attempts = counter(
    "chat_reply_attempts_total",
    "Attempts at replies: ended as the reply did, to be retried after a failure, released by a worker that"
    " shuts down or lacks the database, or lost with a worker whose lease ran out.",
    WORKER,
    {"result": get_args(AttemptResult)},
)
_worker_losses = counter(
    "chat_reply_worker_losses_total",
    "Leases on replies that ran out, because the worker was killed or stalled; counted by the worker that"
    " claims the reply next.",
    WORKER,
)
_tokens = counter(
    "chat_tokens_total",
    "Tokens of replies, titles and summaries: by Gemini's counts, or estimated where it sent none.",
    WORKER,
    {"kind": get_args(TokenKind), "model": ()},
)
_gemini_errors = counter(
    "chat_gemini_errors_total",
    "Failed calls of Gemini, by Google's status, or by a word for what has none: connection, timeout,"
    " interrupted, gateway, empty, unfinished or other.",
    WORKER,
    {"code": (*GOOGLE_STATUSES, *FAILURE_WORDS)},
)
replies_in_progress: Final = gauge(
    "chat_replies_in_progress", "Replies that the process generates now.", WORKER
)
_places = gauge("chat_reply_places", "Replies that the process can generate at once.", WORKER)
_summaries = counter(
    "chat_summaries_total",
    "Summaries of rooms: stored, outdated (the room has changed meanwhile), empty or failed.",
    WORKER,
    {"result": get_args(FollowUpResult)},
)
_titles = counter(
    "chat_titles_total",
    "Titles of rooms: stored, outdated (the room has changed meanwhile), empty or failed.",
    WORKER,
    {"result": get_args(FollowUpResult)},
)
_stripe_events = counter(
    "chat_stripe_events_total",
    "Stripe's events by the outcome of their processing; postponed and crashed ones are due again.",
    WORKER,
    {"outcome": EVENT_OUTCOMES},
)


def begin(*, places: int, models: Iterable[str]) -> None:
    """Expose the places of this process, and all labels of these models as 0."""
    _places.set(places)
    for model in (*models, NO_MODEL):
        for outcome in get_args(ReplyOutcome):
            _replies_of(outcome, model)
        for kind in get_args(TokenKind):
            _tokens_of(kind, model)
        if model != NO_MODEL:
            _first_token.labels(model)
            _duration.labels(model)


def reply_claimed(waited_seconds: float | None) -> None:
    """Count a claim; None stands for one that replaces a lease that ran out."""
    if waited_seconds is None:
        _worker_losses.inc()
        _attempts.labels("lost").inc()
    else:
        _queue_seconds.observe(max(waited_seconds, 0.0))


def attempt_ended(result: AttemptResult) -> None:
    """Count an attempt with a recorded end."""
    _attempts.labels(result).inc()


def reply_ended(
    outcome: ReplyOutcome, *, model: str | None, first_token: float | None, duration: float
) -> None:
    """Count a reply that has ended; `model` is the one that was called, if any. Times in seconds."""
    _replies_of(outcome, model or NO_MODEL).inc()
    if model is not None:
        _duration.labels(model).observe(duration)
        if first_token is not None:
            _first_token.labels(model).observe(first_token)


def tokens_used(model: str | None, *, input_tokens: int, output_tokens: int, thinking_tokens: int) -> None:
    """Count tokens; thinking tokens are not part of `output_tokens` here."""
    name = model or NO_MODEL
    for kind, tokens in (("input", input_tokens), ("output", output_tokens), ("thinking", thinking_tokens)):
        if tokens > 0:
            _tokens_of(kind, name).inc(tokens)


def gemini_failed(code: str) -> None:
    """Count a failed call; `code` is one of `GOOGLE_STATUSES` or `FAILURE_WORDS`."""
    _gemini_errors.labels(code).inc()


def title_ended(result: FollowUpResult) -> None:
    """Count the end of a title."""
    _titles.labels(result).inc()


def summary_ended(result: FollowUpResult) -> None:
    """Count the end of a summary."""
    _summaries.labels(result).inc()


def stripe_event_processed(outcome: str) -> None:
    """Count an attempt at an event; `outcome` is one of `EVENT_OUTCOMES`."""
    _stripe_events.labels(outcome).inc()


@cache
def _replies_of(outcome: str, model: str) -> Counter:
    return _replies.labels(outcome, model)


@cache
def _tokens_of(kind: str, model: str) -> Counter:
    return _tokens.labels(kind, model)
