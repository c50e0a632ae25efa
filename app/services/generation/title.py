"""Build the prompt for a room's title, and read the title from the answer."""

import unicodedata

from app.gemini_client import Prompt, Turn
from app.models import Role
from app.repositories.room_context import PastExchange

TITLE_CHARS = 60
# Models count their thoughts as output: a limit for the title alone would end it before the first word.
_MAX_OUTPUT_TOKENS = 64 + 2048
_MAX_CHARS = 2000
_ROLE = "You name conversations between a person and an assistant. You take no part in them."
_ORDER = (
    "Write a title for this conversation: what it is about, in at most six words and in its own language."
    " Answer with nothing but the title, without quotation marks."
)
_QUOTES = " \"'`*_“”„‘’«»"  # noqa: RUF001  # quotation marks as they are typeset
_LEADING, _TRAILING = _QUOTES + "#", _QUOTES + ".:"
_CONTROL_CATEGORY = "Cc"


def title_prompt(model: str, first: PastExchange) -> Prompt:
    """Return the prompt for the title of the conversation that begins with this exchange."""
    # The conversation keeps its own turns, so that the text of a user is no part of the order.
    return Prompt(
        model=model,
        turns=(
            Turn(Role.USER, first.question[:_MAX_CHARS]),
            Turn(Role.MODEL, first.answer[:_MAX_CHARS]),
            Turn(Role.USER, _ORDER),
        ),
        system_instruction=_ROLE,
        max_output_tokens=_MAX_OUTPUT_TOKENS,
    )


def title_from(answer: str) -> str:
    """Return the first line of the answer without markup, at most `TITLE_CHARS` long; may be empty."""
    line = next(filter(None, map(_bare, answer.splitlines())), "")
    title = "".join(
        char for char in " ".join(line.split()) if unicodedata.category(char) != _CONTROL_CATEGORY
    )
    if len(title) <= TITLE_CHARS:
        return title
    whole_words = title[: TITLE_CHARS + 1].rpartition(" ")[0]
    return _bare(whole_words or title[:TITLE_CHARS])


def _bare(text: str) -> str:
    return text.lstrip(_LEADING).rstrip(_TRAILING)
