"""A follow-up is scheduled only if it may be due by what the worker has read for the reply."""

import dataclasses
from typing import cast

import pytest

from app.gemini_client import ChatModel, Prompt, Turn
from app.kit.clock import utc_now
from app.models import Message, Role, TitleSource
from app.repositories.room_context import HistorySize, RoomContext
from app.services.generation.context import ReplyContext
from app.services.generation.follow_ups import RoomFollowUp
from app.services.generation.offered_models import OfferedModels
from app.services.generation.summary import SummaryPolicy
from app.unit_of_work import UnitOfWork
from tests.unit.rooms import room

_FOLLOW_UP = RoomFollowUp(
    cast("UnitOfWork", None),
    cast("ChatModel", None),
    SummaryPolicy(1000),
    utc_now,
    OfferedModels(("gemini-test",)),
)
_TITLED = dataclasses.replace(room(), title_source=TitleSource.USER)


def _may_be_due(chatroom: RoomContext, history: HistorySize | None, answer: str = "a" * 10) -> bool:
    prompt = Prompt("gemini-test", (Turn(Role.USER, "q" * 10),))
    return _FOLLOW_UP.may_be_due(Message(content=answer), ReplyContext(prompt, chatroom, history))


@pytest.mark.parametrize(
    ("chatroom", "history", "is_due"),
    [
        (room(), HistorySize(0, 0), True),
        (room(), HistorySize(1, 20), False),
        (_TITLED, HistorySize(0, 0), False),
        (room(summary="They met.", summarized_through=2), HistorySize(0, 0), False),
    ],
)
def test_a_title_may_be_due_after_the_first_exchange(
    chatroom: RoomContext, history: HistorySize, *, is_due: bool
) -> None:
    """Red when the exchange that has just ended is not counted."""
    assert _may_be_due(chatroom, history) is is_due


def test_a_summary_may_be_due_once_the_history_with_this_exchange_is_long() -> None:
    """Red when this exchange is left out: the summary comes one exchange too late."""
    history = HistorySize(3, 500)
    assert not _may_be_due(_TITLED, history, "a" * 240)
    assert _may_be_due(_TITLED, history, "a" * 241)


def test_a_history_that_did_not_fit_into_the_prompt_may_need_a_summary() -> None:
    assert _may_be_due(_TITLED, None)
