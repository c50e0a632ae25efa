"""Magic words: commands in a prompt that change how the sandbox answers."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from sandbox.gemini.problems import invalid_argument

ANY_WORD = re.compile(r"\[sandbox:([^\[\]]*)\]")
WELL_FORMED = re.compile(
    r"(?P<name>[a-z0-9-]+?)(?:=(?P<value>\d{1,6}(?:\.\d{1,3})?))?(?:\*(?P<times>\d{1,6}))?"
)
COUNTS_KEPT = 50_000


class Name(StrEnum):
    """Every word there is; README.md says what each does."""

    UNAVAILABLE = "503"
    RATE_LIMITED = "429"
    RATE_LIMITED_BARE = "429-bare"
    RATE_LIMITED_DAY = "429-day"
    BAD_REQUEST = "400"
    FORBIDDEN = "403"
    INTERNAL = "500"
    REGION = "region"
    BILLING = "billing"
    PAGE_400 = "400-html"
    PAGE_404 = "404-html"
    PAGE_502 = "502-html"
    DISCONNECT = "disconnect"
    HANG = "hang"
    PROMPT_BLOCKED = "prompt-blocked"
    EMPTY = "empty"
    THINKING_ONLY = "thinking-only"
    SAFETY = "safety"
    RECITATION = "recitation"
    OTHER = "other"
    LANGUAGE = "language"
    MALFORMED_CALL = "malformed-call"
    NEW_REASON = "new-reason"
    MAX_TOKENS = "max-tokens"
    TRUNCATE = "truncate"
    CUT = "cut"
    MIDSTREAM_503 = "midstream-503"
    GARBAGE = "garbage"
    STALL = "stall"
    TAIL_CUT = "tail-cut"
    TAIL_STALL = "tail-stall"
    TAIL_GARBAGE = "tail-garbage"
    TAIL_503 = "tail-503"
    TAIL_TEXT = "tail-text"
    TAIL_TOTAL = "tail-total"
    COMMENTS = "comments"
    SLOW = "slow"
    LONG = "long"
    UNICODE = "unicode"
    WAIT = "wait"
    PIECES = "pieces"
    PACE = "pace"


NEEDS_VALUE = frozenset({Name.WAIT, Name.PIECES, Name.PACE})
SHAPES = NEEDS_VALUE | {Name.SLOW, Name.LONG, Name.UNICODE, Name.COMMENTS}
AFTER_SOME_PIECES = frozenset(
    {
        Name.SAFETY,
        Name.RECITATION,
        Name.OTHER,
        Name.LANGUAGE,
        Name.MALFORMED_CALL,
        Name.NEW_REASON,
        Name.MAX_TOKENS,
        Name.TRUNCATE,
        Name.CUT,
        Name.MIDSTREAM_503,
        Name.GARBAGE,
        Name.STALL,
    }
)
TAKES_VALUE = NEEDS_VALUE | AFTER_SOME_PIECES


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a prompt: `[sandbox:name=value*times]`."""

    name: Name
    value: float | None
    times: int | None


@dataclass(frozen=True, slots=True)
class Orders:
    """What the words of one prompt add up to for this very call."""

    fault: Word | None
    shapes: dict[Name, float | None]


def without_words(text: str) -> str:
    """Strip the words, so that an answer talks about the rest."""
    return ANY_WORD.sub("", text).strip()


def find_words(text: str) -> list[Word]:
    """Read every word, in order; one that does not exist is an INVALID_ARGUMENT, not silence."""
    return [_parse(match[0], match[1]) for match in ANY_WORD.finditer(text)]


def _parse(whole: str, inside: str) -> Word:
    match = WELL_FORMED.fullmatch(inside)
    if match is None or match["name"] not in set(Name):
        raise invalid_argument(f"The sandbox does not know the word {whole}; see sandbox/README.md.")
    name = Name(match["name"])
    value = None if match["value"] is None else float(match["value"])
    if (value is None and name in NEEDS_VALUE) or (value is not None and name not in TAKES_VALUE):
        raise invalid_argument(f"The word {whole} {'needs a' if value is None else 'takes no'} value.")
    return Word(name, value, None if match["times"] is None else int(match["times"]))


class Counts:
    """How often each counted word has acted, per whole text of the last user turn."""

    def __init__(self) -> None:
        self._acted: OrderedDict[bytes, int] = OrderedDict()

    def orders(self, text: str) -> Orders:
        """Decide what acts now: every shape, and the first fault with a count left."""
        fault: Word | None = None
        shapes: dict[Name, float | None] = {}
        for place, word in enumerate(find_words(text)):
            if word.name in SHAPES:
                if self._acts(text, place, word):
                    shapes[word.name] = word.value
            elif fault is None and self._acts(text, place, word):
                fault = word
        return Orders(fault, shapes)

    def clear(self) -> None:
        self._acted.clear()

    def _acts(self, text: str, place: int, word: Word) -> bool:
        if word.times is None:
            return True
        key = blake2b(f"{place} {text}".encode(), digest_size=16).digest()
        acted = self._acted.pop(key, 0)
        self._acted[key] = min(acted + 1, word.times)
        if len(self._acted) > COUNTS_KEPT:
            self._acted.popitem(last=False)
        return acted < word.times
