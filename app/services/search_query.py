"""What a person types, made ready for PostgreSQL's parser; and what that made of it, read back."""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

from app.repositories.search import LETTER_MARK, OPERATOR_MARKS, ParsedQuery, WordQuery

_QUOTE, _MINUS = OPERATOR_MARKS
_AS_QUOTES = str.maketrans(dict.fromkeys('"“”„‟«»「」『』', _QUOTE))
_EXCLUDES = re.compile(rf"(?<![^\s{_QUOTE}])-(?=\S)")
_LETTER = re.compile(f"{LETTER_MARK}(.){LETTER_MARK}")
_LETTERS_TOGETHER = re.compile(f"(.){LETTER_MARK * 2}(?=(.))")
_TOKEN = re.compile(r"'([^']+)'|<->|<\d+>|[&|!()]")
_ADJACENT = re.compile(r"<->|<\d+>")
_SIDE_BY_SIDE = re.compile(r"'(.)' <-> (?='(.)')")
_NOT_A_PHRASE = re.compile(r"!\( [^()]*(?:<->|<\d+>)[^()]*\)")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand side by side, or one by itself."""

    words: tuple[str, ...]
    begins_in_a_run: bool
    """Whether its first word is a letter of a script that puts no blanks between words."""
    ends_in_a_run: bool


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query: how the database is asked, and what to mark in what is found."""

    words: WordQuery
    wanted: tuple[Phrase, ...]


def typed(asked: str) -> str:
    """What was typed with its operators marked, any kind of quotation marks among them."""
    return _EXCLUDES.sub(_MINUS, asked.translate(_AS_QUOTES))


def read_back(parsed: ParsedQuery, *, owner: UUID) -> SearchQuery | None:
    """The query in one person's messages; None when no word is in it."""
    if not parsed.query:
        return None
    letters = frozenset(_LETTER.findall(parsed.text))
    exact = _with_pairs(parsed.query, set(_LETTERS_TOGETHER.findall(parsed.text)))
    # The index does not know which words stand side by side: it is asked for both, and never without them.
    everything = f"'@{owner}'"
    indexed = _ADJACENT.sub("&", _NOT_A_PHRASE.sub(everything, exact))
    words = WordQuery(exact=exact, indexed=f"{everything} & ( {indexed} )")
    return SearchQuery(words, tuple(_phrase(words, letters) for words in _wanted(parsed.query)))


def _with_pairs(query: str, together: AbstractSet[tuple[str, str]]) -> str:
    """Letters side by side also as words of two: the index has those, and single ones are everywhere."""

    def pair(found: re.Match[str]) -> str:
        first, second = found.groups()
        if (first, second) in together:
            return f"'{first}' & '{first}{second}' & "
        return found[0]

    return _SIDE_BY_SIDE.sub(pair, query)


def _wanted(query: str) -> list[list[str]]:
    """The words that are looked for, not the excluded ones; together what has to stand side by side."""
    phrases: list[list[str]] = []
    excluded_depth, before = 0, ""
    for token in _TOKEN.finditer(query):
        word, sign = token[1], token[0]
        if excluded_depth:
            excluded_depth += {"(": 1, ")": -1}.get(sign, 0)
        elif before == "!":
            excluded_depth = 1 if sign == "(" else 0
        elif word and _ADJACENT.fullmatch(before):
            phrases[-1].append(word)
        elif word:
            phrases.append([word])
        before = sign
    return phrases


def _phrase(words: list[str], letters: frozenset[str]) -> Phrase:
    return Phrase(tuple(words), begins_in_a_run=words[0] in letters, ends_in_a_run=words[-1] in letters)
