"""Every act of an operator is recorded with it or does not happen, and the user's export shows it."""

import asyncio
import json
import uuid

import psycopg
import pytest

from app.models import Actor
from app.unit_of_work import UnrecordedChangeError
from tests.support.operator import REASON, Operator, audit_rows
from tests.support.stack import Stack
from tests.support.transactions import transactions
from tests.support.user import Json, User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version


@pytest.fixture
def operator(stack: Stack) -> Operator:
    return Operator(stack)


def _read(operator: Operator, message_id: str, reason: str = REASON) -> Json:
    return ok(operator.http.post(f"/admin/messages/{message_id}/text", json={"reason": reason}))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET reason = 'Another'",
        "UPDATE audit_log SET reason = 'Another' WHERE false",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "SET session_replication_role = replica; DELETE FROM audit_log",
    ],
)
def test_the_audit_log_refuses_changes_also_of_its_owner(
    stack: Stack, user: User, operator: Operator, statement: str
) -> None:
    """The tests connect as the owner of the table. Red without the trigger, and without ALWAYS."""
    ok(operator.act(user.id, "ban"))
    before = audit_rows(stack, user.id)
    with (
        psycopg.connect(stack.database.url, autocommit=True) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="audit_log is append-only"),
    ):
        owner.execute(statement.encode())
    assert audit_rows(stack, user.id) == before != []


def test_a_change_whose_audit_row_cannot_be_written_does_not_happen(own_stack: Stack) -> None:
    """Red when the row is written in another transaction than the change, or after it."""
    user, operator = own_stack.user(), Operator(own_stack)
    room = user.open_room()
    reply = ok(user.post(room, "Waits, since there is no worker", Prefer="respond-async"))["reply"]
    before = ok(operator.http.get(f"/admin/users/{user.id}"))
    own_stack.database.run("ALTER TABLE audit_log ADD CONSTRAINT nothing CHECK (false) NOT VALID")
    calls = [
        ("POST", "ban", {"reason": REASON}),
        ("DELETE", "ban", None),
        ("POST", "grant-pro", {"reason": REASON, "until": "2099-01-01T00:00:00Z"}),
        ("DELETE", "grant-pro", None),
        ("PUT", "limit", {"reason": REASON, "messages_per_day": 1}),
        ("POST", "end-sessions", None),
    ]
    for method, action, body in calls:
        refused = operator.http.request(method, f"/admin/users/{user.id}/{action}", json=body)
        problem(refused, 500, "internal_error")
    text = operator.http.post(f"/admin/messages/{reply['id']}/text", json={"reason": REASON})
    problem(text, 500, "internal_error")
    assert ok(operator.http.get(f"/admin/users/{user.id}")) == before
    assert own_stack.database.value("SELECT status FROM messages WHERE id = %s", reply["id"]) == "pending"
    ok(user.http.get("/user/me"))


def test_the_log_lists_acts_newest_first_in_pages_and_of_one_user(stack: Stack, operator: Operator) -> None:
    users = [stack.user(), stack.user()]
    for number in range(3):
        for user in users:
            ok(
                operator.http.put(
                    f"/admin/users/{user.id}/limit",
                    json={"messages_per_day": number, "reason": f"Step {number}"},
                )
            )
    entries, cursor = list[Json](), None
    while True:
        query = {"user_id": users[0].id, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = ok(operator.http.get("/admin/audit", params=query))
        entries += page["entries"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [entry["reason"] for entry in entries] == ["Step 2", "Step 1", "Step 0"]
    assert {entry["user_id"] for entry in entries} == {users[0].id}
    [newest, *_] = entries
    assert (newest["actor"], newest["action"]) == (f"key:{operator.name}", "user.limit_set")
    assert (newest["subject_type"], newest["subject_id"]) == ("user", users[0].id)
    assert newest["request_id"]
    everything = ok(operator.http.get("/admin/audit", params={"limit": 2}))["entries"]
    assert [entry["user_id"] for entry in everything] == [users[1].id, users[0].id]
    foreign = {
        "user_id": users[1].id,
        "cursor": ok(operator.http.get("/admin/audit", params={"user_id": users[0].id, "limit": 1}))[
            "next_cursor"
        ],
    }
    problem(operator.http.get("/admin/audit", params=foreign), 400, "cursor_invalid")


def test_the_text_of_a_message_needs_a_reason_which_the_user_sees(
    stack: Stack, user: User, operator: Operator
) -> None:
    """Red when the access is not recorded, or the export leaves it out or names the operator."""
    room = user.open_room()
    exchange = user.say(room, "My secret")
    address = f"/admin/messages/{exchange['message']['id']}/text"
    problem(operator.http.post(address, json={}), 400, "validation_failed")
    problem(operator.http.post(address, json={"reason": " "}), 400, "validation_failed")
    problem(operator.http.get(address), 405, "method_not_allowed")
    assert audit_rows(stack, user.id) == []
    shown = _read(operator, exchange["message"]["id"])
    assert (shown["content"], shown["user_id"], shown["role"]) == ("My secret", user.id, "user")
    ok(operator.http.put(f"/admin/users/{user.id}/limit", json={"messages_per_day": 9, "reason": "Ticket 5"}))
    exported = user.http.get("/user/me/export")
    actions = ok(exported)["operator_actions"]
    assert [(each["action"], each["reason"], each["subject_id"]) for each in actions] == [
        ("message.text_read", REASON, exchange["message"]["id"]),
        ("user.limit_set", "Ticket 5", user.id),
    ]
    assert operator.name not in exported.text
    unknown = operator.http.post(f"/admin/messages/{uuid.uuid4()}/text", json={"reason": REASON})
    problem(unknown, 404, "message_not_found")
    assert user.http.delete(f"/chatroom/{room}").is_success
    problem(operator.http.post(address, json={"reason": REASON}), 404, "message_not_found")


def test_audit_rows_stay_after_the_account_and_hold_ids_only(
    stack: Stack, user: User, operator: Operator
) -> None:
    message = user.say(user.open_room(), "My secret")["message"]
    ok(user.http.patch("/user/me", json={"full_name": "Ada Unmistakable"}))
    _read(operator, message["id"])
    ok(operator.act(user.id, "grant-pro", until="2099-01-01T00:00:00Z"))
    user.http.delete("/user/me")
    eventually(
        lambda: not stack.database.rows("SELECT FROM users WHERE id = %s", user.id), what="the erasure"
    )
    rows = audit_rows(stack, user.id)
    assert [row["action"] for row in rows] == ["message.text_read", "user.pro_granted"]
    kept = json.dumps(rows, default=str)
    for personal in ("secret", "Unmistakable", user.mobile_number, user.mobile_number[1:]):
        assert personal not in kept
    listed = ok(operator.http.get("/admin/audit", params={"user_id": user.id}))["entries"]
    assert len(listed) == 2
    problem(operator.http.get(f"/admin/users/{user.id}"), 404, "user_not_found")


def test_a_transaction_of_an_operator_that_records_nothing_is_rolled_back(stack: Stack, user: User) -> None:
    """Red when `begin_audited` does not ask whether a row was written."""

    async def rename(*, is_recorded: bool) -> None:
        async with transactions(stack) as uow, uow.begin_audited(Actor("cli:test", frozenset())) as tx:
            await tx.users.rename(uuid.UUID(user.id), "Renamed")
            if is_recorded:
                await tx.audit.record("user.renamed", subject_type="user", user_id=uuid.UUID(user.id))

    with pytest.raises(UnrecordedChangeError):
        asyncio.run(rename(is_recorded=False))
    assert ok(user.http.get("/user/me"))["full_name"] == "Ada Test"
    asyncio.run(rename(is_recorded=True))
    assert ok(user.http.get("/user/me"))["full_name"] == "Renamed"
