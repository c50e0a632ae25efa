"""What will happen to one call: the pieces of its answer, their pace, and how it ends."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from sandbox.gemini.failures import refusal
from sandbox.gemini.passages import UNICODE, lengthened
from sandbox.gemini.problems import GoogleError, invalid_argument
from sandbox.gemini.requests import CHARACTERS_PER_TOKEN, GenerateContentRequest, ThinkingLevel
from sandbox.gemini.responder import answer
from sandbox.gemini.words import AFTER_SOME_PIECES, Name, Orders, Word

USUAL_PIECES = 40
PIECES_BEFORE_FAULT = 3
MOST_PIECES = 20_000
LONG_CHARACTERS = 20_000
THOUGHTS = {ThinkingLevel.MINIMAL: 0, ThinkingLevel.LOW: 16, ThinkingLevel.HIGH: 128}
USUAL_THOUGHTS = 48


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds before the first piece, and between two pieces."""

    first: float
    piece: float


class Finish(StrEnum):
    """How an answer is said to be over."""

    STOP = "STOP"
    MAX_TOKENS = "MAX_TOKENS"
    SAFETY = "SAFETY"
    RECITATION = "RECITATION"
    OTHER = "OTHER"
    LANGUAGE = "LANGUAGE"
    MALFORMED_FUNCTION_CALL = "MALFORMED_FUNCTION_CALL"
    NEW = "REASON_OF_THE_FUTURE"


class Break(StrEnum):
    """How an answer is over without being finished."""

    PROMPT_BLOCKED = "prompt-blocked"
    TRUNCATE = "truncate"
    DROP = "drop"
    GARBAGE = "garbage"
    SILENCE = "silence"
    TEXT = "text"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Plan:
    """A call's future. An error after no piece is an HTTP error, after some a bare one in the stream."""

    pace: Pace
    pieces: tuple[str, ...]
    ending: Finish | Break | GoogleError
    thoughts: int
    tail: Break | GoogleError | None = None
    """What follows the finish reason."""
    comments: bool = False
    """Whether comments come before every chunk of a stream."""

    @property
    def finish(self) -> Finish | None:
        """The finish reason, if the answer gets one."""
        return self.ending if isinstance(self.ending, Finish) else None

    @property
    def ends_with_text(self) -> bool:
        """Whether the finish reason comes with the last piece, and not after it without text."""
        return bool(self.pieces) and self.finish in {Finish.STOP, Finish.MAX_TOKENS}


def plan(request: GenerateContentRequest, orders: Orders, pace: Pace, model: str) -> Plan:
    """Work out what this request gets."""
    pieces_wanted, text = _shape(request, orders)
    text, ending = _limited(text, request)
    usual = Plan(
        pace=_pace(orders, pace),
        pieces=split(text, pieces_wanted),
        ending=ending,
        thoughts=_thoughts(request),
        comments=Name.COMMENTS in orders.shapes,
    )
    return usual if orders.fault is None else _spoilt(usual, orders.fault, request, model)


def split(text: str, count: int) -> tuple[str, ...]:
    """Cut the text at word borders into at most this many pieces, of about as many words each."""
    words = re.findall(r"\s*\S+\s*", text)
    count = min(count, len(words))
    return tuple(
        "".join(words[len(words) * number // count : len(words) * (number + 1) // count])
        for number in range(count)
    )


def _shape(request: GenerateContentRequest, orders: Orders) -> tuple[int, str]:
    shapes = orders.shapes
    text = answer(request)
    count = USUAL_PIECES
    if Name.UNICODE in shapes:
        text = UNICODE + text
    if Name.LONG in shapes:
        text, count = lengthened(text, characters=LONG_CHARACTERS)[:LONG_CHARACTERS], 200
    if Name.SLOW in shapes:
        text, count = lengthened(text, words=200), 100
    wanted = shapes.get(Name.PIECES)
    if wanted is not None:
        count = int(wanted)
        if not 1 <= count <= MOST_PIECES:
            raise invalid_argument(f"[sandbox:pieces=N] takes 1 to {MOST_PIECES}.")
        text = lengthened(text, words=count)
    return count, text


def _pace(orders: Orders, pace: Pace) -> Pace:
    shapes = orders.shapes
    if Name.LONG in shapes:
        pace = replace(pace, piece=min(pace.piece, 0.002))
    if Name.SLOW in shapes:
        pace = replace(pace, piece=0.1)
    per_piece, wait = shapes.get(Name.PACE), shapes.get(Name.WAIT)
    if per_piece is not None:
        pace = replace(pace, piece=per_piece / 1000)
    return pace if wait is None else replace(pace, first=wait)


def _limited(text: str, request: GenerateContentRequest) -> tuple[str, Finish]:
    config = request.generation_config
    for stop in filter(None, config.stop_sequences):
        text = text.partition(stop)[0]
    most = config.max_output_tokens
    if most is not None and len(text) > most * CHARACTERS_PER_TOKEN:
        return text[: most * CHARACTERS_PER_TOKEN], Finish.MAX_TOKENS
    return text, Finish.STOP


def _thoughts(request: GenerateContentRequest) -> int:
    thinking = request.generation_config.thinking_config
    if thinking is None or (thinking.thinking_level is None and thinking.thinking_budget is None):
        return USUAL_THOUGHTS
    if thinking.thinking_level is not None:
        return THOUGHTS.get(thinking.thinking_level, USUAL_THOUGHTS)
    budget = thinking.thinking_budget
    return USUAL_THOUGHTS if budget is None or budget < 0 else min(budget, USUAL_THOUGHTS)


def _spoilt(usual: Plan, fault: Word, request: GenerateContentRequest, model: str) -> Plan:
    if fault.name in TAILS or fault.name is Name.TAIL_503:
        return replace(usual, tail=refusal(fault.name, model) or TAILS[fault.name])
    after = PIECES_BEFORE_FAULT if fault.value is None else int(fault.value)
    pieces = usual.pieces[:after] if fault.name in AFTER_SOME_PIECES else ()
    thoughts = usual.thoughts
    if fault.name is Name.THINKING_ONLY:
        thoughts = request.generation_config.max_output_tokens or 1024
    ending = refusal(fault.name, model) or ENDINGS[fault.name]
    return replace(usual, pieces=pieces, ending=ending, thoughts=thoughts)


ENDINGS: dict[Name, Finish | Break] = {
    Name.THINKING_ONLY: Finish.MAX_TOKENS,
    Name.EMPTY: Finish.STOP,
    Name.PROMPT_BLOCKED: Break.PROMPT_BLOCKED,
    Name.DISCONNECT: Break.DROP,
    Name.HANG: Break.SILENCE,
    Name.MAX_TOKENS: Finish.MAX_TOKENS,
    Name.SAFETY: Finish.SAFETY,
    Name.RECITATION: Finish.RECITATION,
    Name.OTHER: Finish.OTHER,
    Name.LANGUAGE: Finish.LANGUAGE,
    Name.MALFORMED_CALL: Finish.MALFORMED_FUNCTION_CALL,
    Name.NEW_REASON: Finish.NEW,
    Name.TRUNCATE: Break.TRUNCATE,
    Name.CUT: Break.DROP,
    Name.GARBAGE: Break.GARBAGE,
    Name.STALL: Break.SILENCE,
}
TAILS: dict[Name, Break] = {
    Name.TAIL_CUT: Break.DROP,
    Name.TAIL_STALL: Break.SILENCE,
    Name.TAIL_GARBAGE: Break.GARBAGE,
    Name.TAIL_TEXT: Break.TEXT,
    Name.TAIL_TOTAL: Break.TOTAL,
}
