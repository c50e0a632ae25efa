"""The caller's own account: name, usage and export."""

import datetime as dt
import json
import re
import secrets
import uuid
from pathlib import Path

import httpx
import pytest

from devtools.throwaway import throwaway_servers
from tests.support.stack import Stack
from tests.support.user import Json, User, ok, problem

pytestmark = pytest.mark.server_version

_TODAY_BACK = "SELECT (now() AT TIME ZONE 'UTC')::date - %s AS day"


def _fill(stack: Stack, user: User, room: str, *, messages: int, characters: int) -> None:
    """Insert completed messages after the room's last."""
    stack.database.run(
        "INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at,"
        " superseded, attempt, retries, losses)"
        " SELECT gen_random_uuid(), %s, %s, 1000 + n, 'user', 'completed', repeat(md5(n::text), %s), now(),"
        " false, 0, 0, 0 FROM generate_series(1, %s) AS n",
        uuid.UUID(room),
        uuid.UUID(user.id),
        characters // 32,
        messages,
    )


def test_a_name_is_changed_trimmed_and_cleared(user: User) -> None:
    changed = ok(user.http.patch("/user/me", json={"full_name": "  Grace Hopper "}))
    assert changed["full_name"] == "Grace Hopper"
    assert changed == ok(user.http.get("/user/me"))
    assert ok(user.http.patch("/user/me", json={"full_name": None}))["full_name"] is None
    assert ok(user.http.get("/user/me"))["full_name"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"full_name": " "},
        {"full_name": "x" * 201},
        {"full_name": "a\x00b"},
        {"full_name": 1},
        {"mobile_number": "+14155550100"},
        {"full_name": "Eve", "plan": "pro"},
        [],
    ],
)
def test_an_empty_or_forbidden_change_is_rejected_and_not_stored(user: User, body: Json | list[str]) -> None:
    before = ok(user.http.get("/user/me"))
    assert problem(user.http.patch("/user/me", json=body), 400, "validation_failed")["errors"]
    assert ok(user.http.get("/user/me")) == before


def test_the_openapi_document_requires_at_least_one_change(stack: Stack) -> None:
    document = ok(httpx.get(f"{stack.base_url}/openapi.json", trust_env=False))
    assert document["components"]["schemas"]["UserPatch"]["minProperties"] == 1


def test_usage_lists_every_day_including_those_of_deleted_rooms(stack: Stack, user: User) -> None:
    room = user.open_room()
    usage = user.say(room, "Count me")["reply"]["usage"]
    three_days_ago = stack.database.value(_TODAY_BACK, 3)
    stack.database.run("INSERT INTO daily_usage VALUES (%s, %s, 4, 100, 200)", user.id, three_days_ago)
    stack.database.run("DELETE FROM chatrooms WHERE id = %s", room)
    shown = ok(user.http.get("/user/me/usage", params={"days": 5}))
    today = stack.database.value(_TODAY_BACK, 0)
    assert isinstance(today, dt.date)
    assert (shown["used"], shown["limit"], shown["remaining"]) == (1, 5, 4)
    assert shown["resets_at"] == f"{today + dt.timedelta(1)}T00:00:00Z"
    assert [day["day"] for day in shown["days"]] == [str(today - dt.timedelta(back)) for back in range(5)]
    assert shown["days"][0] == {
        "day": str(today),
        "messages": 1,
        "input_tokens": usage["input_tokens"],
        "output_tokens": usage["output_tokens"] + usage["thinking_tokens"],
    }
    assert shown["days"][3] == {
        "day": str(three_days_ago),
        "messages": 4,
        "input_tokens": 100,
        "output_tokens": 200,
    }
    assert {day["messages"] for day in shown["days"][1:3] + shown["days"][4:]} == {0}


def test_usage_on_pro_has_no_limit_and_defaults_to_thirty_days(pro: User) -> None:
    shown = ok(pro.http.get("/user/me/usage"))
    assert (shown["limit"], shown["remaining"], len(shown["days"])) == (None, None, 30)
    assert len(ok(pro.http.get("/user/me/usage", params={"days": 365}))["days"]) == 365


@pytest.mark.parametrize("days", ["0", "366", "-1", "many", "9" * 30])
def test_usage_of_no_days_or_too_many_is_rejected(user: User, days: str) -> None:
    problem(user.http.get("/user/me/usage", params={"days": days}), 400, "validation_failed")


def test_the_export_contains_everything_but_secrets(stack: Stack, user: User) -> None:
    """Red when the export lacks a section, and when it contains a column that is not exported."""
    stack.make_pro(user)
    key = f"key-{secrets.token_hex(4)}"
    details = {"title": "Kept", "description": "About it", "system_instruction": "Be kind"}
    rooms = [user.open_room(**details), user.open_room()]
    sent = ok(user.post(rooms[0], "Take this along", Idempotency_Key=key))
    stack.database.run("UPDATE chatrooms SET summary = 'In short' WHERE id = %s", rooms[0])
    stack.database.run("UPDATE users SET password_hash = 'hash-of-a-password' WHERE id = %s", user.id)
    _fill(stack, user, rooms[1], messages=250, characters=64)

    answer = user.http.get("/user/me/export")
    export = ok(answer)

    assert answer.headers["content-type"] == "application/json"
    disposition = answer.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="account-\d{4}-\d\d-\d\d\.json"', disposition)
    me = ok(user.http.get("/user/me"))
    assert {name: export["account"][name] for name in me} == me
    [session] = export["sessions"]
    assert session["user_agent"].startswith("python-httpx/")
    assert [day["messages"] for day in export["usage"]] == [1]
    assert [each["status"] for each in export["subscriptions"]] == ["active"]
    assert (export["checkouts"], export["account"]["stripe_customer_id"]) == ([], None)
    assert [room["id"] for room in export["chatrooms"]] == rooms
    kept = export["chatrooms"][0]
    assert {name: kept[name] for name in details} == details
    assert kept["summary"] == "In short"
    assert [message["content"] for message in kept["messages"]] == [
        "Take this along",
        sent["reply"]["content"],
    ]
    assert kept["messages"][0]["idempotency_key"] == key
    assert len({message["id"] for message in export["chatrooms"][1]["messages"]}) == 250
    refresh_hash = stack.database.value("SELECT refresh_hash FROM sessions WHERE user_id = %s", user.id)
    assert isinstance(refresh_hash, bytes)
    for secret in ("hash-of-a-password", refresh_hash.hex(), "refresh_hash", "lease", user.token):
        assert secret not in answer.text
    assert stack.user().id not in answer.text


def test_the_export_matches_the_openapi_document(stack: Stack, user: User) -> None:
    document = ok(httpx.get(f"{stack.base_url}/openapi.json", trust_env=False))
    described = document["paths"]["/user/me/export"]["get"]["responses"]["200"]["content"]["application/json"]
    assert described["schema"] == {"$ref": "#/components/schemas/AccountExport"}
    schemas = document["components"]["schemas"]
    export = ok(user.http.get("/user/me/export"))
    assert export.keys() == schemas["AccountExport"]["properties"].keys()
    assert export["account"].keys() == schemas["ExportedAccount"]["properties"].keys()


def _peak_kib(pid: int) -> int:
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0])


def test_a_large_export_is_streamed_with_flat_memory(stack: Stack, user: User) -> None:
    """Red when the messages of a room are read at once."""
    room = user.open_room()
    _fill(stack, user, room, messages=15_000, characters=4096)
    streaming = user.at(stack.start_api())
    pid = stack.processes[-1].popen.pid
    ok(streaming.http.get("/user/me/usage"))
    before, size, pieces = _peak_kib(pid), 0, 0
    with streaming.http.stream("GET", "/user/me/export") as answer:
        for piece in answer.iter_raw():
            size, pieces = size + len(piece), pieces + 1
    grown = _peak_kib(pid) - before
    stack.processes[-1].stop()
    assert size > 60_000_000
    assert pieces > 100
    assert grown < 25_000, f"{grown} KiB for {size} bytes"


def test_an_export_breaks_off_when_the_database_fails_midway(tmp_path: Path) -> None:
    """Red when the response ends regularly: an incomplete document would seem complete."""
    with throwaway_servers() as (postgres, valkey):
        product = Stack(database_url=postgres.url("postgres"), redis_url=valkey.url(), folder=tmp_path)
        with product.running() as stack:
            user = stack.user()
            _fill(stack, user, user.open_room(), messages=10_000, characters=4096)
            received: list[bytes] = []
            with user.http.stream("GET", "/user/me/export") as answer:
                assert answer.status_code == 200
                pieces = answer.iter_raw()
                received.append(next(pieces))
                postgres.stop()
                with pytest.raises(httpx.RemoteProtocolError):
                    received.extend(pieces)
            with pytest.raises(json.JSONDecodeError):
                json.loads(b"".join(received))
            postgres.start()


def test_an_export_of_a_deleted_account_is_rejected(stack: Stack, user: User) -> None:
    elsewhere = user.at(stack.base_url)
    ok(user.http.delete("/user/me"))
    problem(elsewhere.http.get("/user/me/export"), 401, "authentication_required")
