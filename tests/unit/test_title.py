"""The prompt for a title, and the title in its answer."""

import pytest

from app.models import Role
from app.repositories.room_context import PastExchange
from app.services.generation.title import title_from, title_prompt


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ('"Volcanoes and glaciers."\n', "Volcanoes and glaciers"),
        ("\n\n**Learning C#**\nIt is about a language.", "Learning C#"),
        ("# “Wie geht   das?”", "Wie geht das?"),
        ("A\x00 title\twith\x07 bells", "A title with bells"),
        ("word " * 30, ("word " * 12).strip()),
        ("x" * 100, "x" * 60),
        (' "" \n', ""),
    ],
)
def test_a_title_is_one_bare_line_of_at_most_sixty_characters(answer: str, title: str) -> None:
    assert title_from(answer) == title


def test_a_prompt_keeps_the_conversation_in_turns_of_its_own_and_cuts_it() -> None:
    """Red when the user's text is part of the order."""
    prompt = title_prompt("m", PastExchange(2, "q" * 3000, "a" * 3000))
    question, answer, order = prompt.turns
    assert (question.role, answer.role, order.role) == (Role.USER, Role.MODEL, Role.USER)
    assert (question.text, answer.text) == ("q" * 2000, "a" * 2000)
    assert "qq" not in order.text
