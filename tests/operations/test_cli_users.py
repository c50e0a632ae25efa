"""Operators find, change and ban accounts, and manage keys, on the command line."""

import json

import pytest

from tests.support.cli import cli, cli_json
from tests.support.stack import Stack
from tests.support.user import User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version


def _acts(stack: Stack, user: User) -> list[str]:
    entries = cli_json(stack, "audit", "list", "--user", user.id)["entries"]
    assert all(entry["actor"] == "cli:ada" for entry in entries)
    return [entry["action"] for entry in entries]


def test_an_account_is_found_by_number_and_by_id(stack: Stack, user: User) -> None:
    by_number = cli_json(stack, "users", "find", user.mobile_number)["user"]
    assert by_number["id"] == user.id
    assert by_number == cli_json(stack, "users", "find", user.id)["user"]
    assert by_number == cli_json(stack, "users", "show", user.id)["user"]
    assert user.mobile_number not in json.dumps(by_number)
    assert user.id in cli(stack, "users", "show", user.id).out
    unknown = cli_json(stack, "users", "show", "01900000-0000-7000-8000-000000000000", code=1)
    assert unknown["error"]["code"] == "user_not_found"


def test_granted_pro_begins_at_once_and_can_be_revoked(stack: Stack, user: User) -> None:
    granted = cli_json(
        stack, "users", "grant-pro", user.id, "--until", "2099-01-01", "--reason", "case 4711"
    )["user"]
    assert (granted["plan"], granted["granted_until"]) == ("pro", "2099-01-01T00:00:00Z")
    eventually(lambda: ok(user.http.get("/subscription/status"))["plan"] == "pro", what="Pro")
    assert cli_json(stack, "users", "revoke-pro", user.id)["user"]["plan"] == "basic"
    eventually(lambda: ok(user.http.get("/subscription/status"))["plan"] == "basic", what="Basic")
    assert _acts(stack, user) == ["user.pro_grant_ended", "user.pro_granted"]


def test_a_limit_of_ones_own_holds_until_the_default_is_restored(stack: Stack, user: User) -> None:
    limited = cli_json(stack, "users", "limit", user.id, "--messages", "1", "--reason", "load test")
    assert limited["user"]["usage"]["limit"] == 1
    room = user.open_room()
    user.say(room, "first")
    problem(user.post(room, "second"), 429, "daily_limit_reached")
    restored = cli_json(stack, "users", "limit", user.id, "--default", "--reason", "done")
    assert restored["user"]["usage"]["limit"] == 5
    user.say(room, "second")
    assert cli(stack, "users", "limit", user.id, "--reason", "x", code=2).out == ""


def test_a_banned_user_is_refused_and_is_welcome_after_the_unban(stack: Stack, user: User) -> None:
    assert cli_json(stack, "users", "ban", user.id, "--reason", "spam")["user"]["banned_at"]
    eventually(
        lambda: user.http.get("/chatroom").status_code == 403, seconds=6, what="the ban on this process"
    )
    problem(user.http.get("/chatroom"), 403, "account_suspended")
    assert cli_json(stack, "users", "unban", user.id)["user"]["banned_at"] is None
    eventually(lambda: user.http.get("/chatroom").is_success, seconds=6, what="the end of the ban")
    assert _acts(stack, user) == ["user.unbanned", "user.banned"]


def test_all_sessions_end(stack: Stack, user: User) -> None:
    assert cli_json(stack, "users", "end-sessions", user.id) == {"ended": 1}
    eventually(lambda: user.http.get("/chatroom").status_code == 401, seconds=6, what="the end")


def test_a_reason_with_a_number_is_refused_and_changes_nothing(stack: Stack, user: User) -> None:
    refused = cli(stack, "users", "ban", user.id, "--reason", f"{user.mobile_number} spams", code=1)
    assert "reason must hold no phone number" in refused.err
    assert user.http.get("/chatroom").is_success
    assert _acts(stack, user) == []


def test_a_key_is_shown_once_and_ends_with_its_revocation(stack: Stack) -> None:
    created = cli_json(stack, "keys", "create", "cli-desk", "--scope", "read", "--scope", "support")
    assert created["scopes"] == ["read", "support"]
    listed = cli(stack, "keys", "list", "--json").out
    assert created["key"] not in listed
    assert created["key"] not in str(stack.database.rows("SELECT * FROM admin_keys"))
    [key] = [each for each in json.loads(listed)["keys"] if each["name"] == "cli-desk"]
    assert key["revoked_at"] is None
    taken = cli_json(stack, "keys", "create", "cli-desk", "--scope", "read", code=1)
    assert taken["error"]["code"] == "admin_key_name_taken"
    assert cli_json(stack, "keys", "revoke", "cli-desk")["key"]["revoked_at"]
    assert cli_json(stack, "keys", "revoke", "cli-desk", code=1)["error"]["code"] == "admin_key_not_found"
    assert cli(stack, "keys", "create", "other", "--scope", "everything", code=2).out == ""
