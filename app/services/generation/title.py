"""A room's title, as the model is asked for it and as it is kept."""

import unicodedata

from app.gemini_client import Prompt, Turn
from app.models import Role
from app.repositories.room_context import PastExchange

TITLE_CHARS = 60
# Gemini counts its thoughts as output: with room for the title alone it would end before the first word.
_MAX_OUTPUT_TOKENS = 64 + 2048
_SHOWN_CHARS = 2000
_ROLE = "You name conversations between a person and an assistant. You take no part in them."
_ORDER = (
    "Write a title for this conversation: what it is about, in at most six words and in its own language."
    " Answer with nothing but the title, without quotation marks."
)
_QUOTES = " \"'`*_“”„‘’«»"  # noqa: RUF001  # quotation marks as they are typeset
_BEFORE, _BEHIND = _QUOTES + "#", _QUOTES + ".:"
_CONTROL = "Cc"


def title_prompt(model: str, first: PastExchange) -> Prompt:
    """Ask for a title of the conversation that began with this exchange."""
    # The conversation stays in turns of its own: what a person wrote is nothing that the order says.
    return Prompt(
        model=model,
        turns=(
            Turn(Role.USER, first.question[:_SHOWN_CHARS]),
            Turn(Role.MODEL, first.answer[:_SHOWN_CHARS]),
            Turn(Role.USER, _ORDER),
        ),
        system_instruction=_ROLE,
        max_output_tokens=_MAX_OUTPUT_TOKENS,
    )


def title_from(answer: str) -> str:
    """The answer as a title: its first line, bare, at most `TITLE_CHARS` long; empty if that is nothing."""
    line = next(filter(None, map(_bare, answer.splitlines())), "")
    title = "".join(sign for sign in " ".join(line.split()) if unicodedata.category(sign) != _CONTROL)
    if len(title) <= TITLE_CHARS:
        return title
    whole_words = title[: TITLE_CHARS + 1].rpartition(" ")[0]
    return _bare(whole_words or title[:TITLE_CHARS])


def _bare(text: str) -> str:
    return text.lstrip(_BEFORE).rstrip(_BEHIND)
