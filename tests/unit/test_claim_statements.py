"""The claims are complete statements, so that each can be read and run alone; what they repeat must agree."""

import re
from dataclasses import fields

import pytest

from app.models import Message
from app.repositories.claims import ReplyJob
from app.repositories.leases import ReplyEnd
from app.repositories.sql import statement

_CLAIMS = ("claim_due", "claim_named", "claim_next_of_room", "claim_suspect")


def _normalized(text: str) -> str:
    return " ".join(re.sub(r"--.*", "", text).split())


def _part(name: str, begin: str, end: str) -> str:
    _, found, rest = _normalized(statement(name)).partition(begin)
    assert found, f"{name} has no {begin!r}"
    part, found, _ = rest.partition(end)
    assert found, f"{name} has no {end!r}"
    return part


@pytest.mark.parametrize("name", _CLAIMS)
@pytest.mark.parametrize(
    ("begin", "end"), [("locked AS (", "UPDATE"), ("UPDATE messages", "chatrooms.summary_upto")]
)
def test_claims_lock_and_update_in_the_same_way(name: str, begin: str, end: str) -> None:
    """Red when one claim skips a condition, such as the recheck behind the lock."""
    expected = _part("claim_due", begin, end)
    assert _part(name, begin, end).replace("), claimed AS (", ")") == expected


@pytest.mark.parametrize("name", _CLAIMS)
def test_a_claim_returns_the_columns_of_a_reply_job_in_order(name: str) -> None:
    returned = _part(name, "RETURNING ", ", chatrooms.id AS room_id").split(", ")
    assert returned.pop() == (
        "CAST(extract(epoch FROM now() - messages.next_attempt_at) AS float8) AS waited_seconds"
    )
    attributes = {column.name: key for key, column in Message.__mapper__.columns.items()}
    assert [attributes[column.removeprefix("messages.")] for column in returned] == [
        field.name for field in fields(ReplyJob) if field.name != "waited_seconds"
    ]


def test_a_late_suspect_is_one_that_could_be_claimed() -> None:
    begin, end = "first_of_room AS MATERIALIZED (", "free_at < now() )"
    assert _part("find_late_suspect", begin, end) == _part("claim_suspect", begin, end)


@pytest.mark.parametrize("name", ["end_reply", "retry_reply", "release_reply"])
def test_every_ending_checks_the_lease_and_clears_it(name: str) -> None:
    text = _normalized(statement(name))
    assert text.endswith("WHERE id = :id AND lease_token = :lease_token AND status = 'generating'")
    for change in (
        "has_output = has_output OR :has_output",
        "uncounted_input_tokens = 0",
        "uncounted_output_tokens = 0",
        "lease_token = NULL",
        "lease_until = NULL",
    ):
        assert change in text


def test_an_end_writes_every_column_of_a_reply_end() -> None:
    written = _part("end_reply", "SET ", " WHERE")
    for field in fields(ReplyEnd):
        assert re.search(rf"\b{field.name} = (coalesce\()?:{field.name}\b", written), field.name


def test_an_ending_returns_all_columns_but_that_of_search() -> None:
    """Red when a new column is missing: its attribute would be unloaded, and reading it an error."""
    returned = _normalized(statement("message_columns")).split(", ")
    loaded = {
        attribute.columns[0].name for attribute in Message.__mapper__.column_attrs if not attribute.deferred
    }
    assert len(returned) == len(set(returned))
    assert set(returned) == loaded
