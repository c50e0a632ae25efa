"""Operators find accounts, grant Pro and set daily limits; each change holds everywhere at once."""

import asyncio
import concurrent.futures
import datetime as dt
from collections import Counter

import httpx
import psycopg
import pytest

from tests.support.buyer import Buyer
from tests.support.operator import REASON, Operator, audit_rows
from tests.support.stack import Stack
from tests.support.user import Json, User, ok, problem, some_number
from tests.support.waiting import SESSION_ENDS_WITHIN_SECONDS, eventually

pytestmark = pytest.mark.server_version

_NOBODY = "018f0000-0000-7000-8000-000000000000"


@pytest.fixture
def operator(stack: Stack) -> Operator:
    return Operator(stack, "billing", "read")


def _later(**how_much: float) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(**how_much)).isoformat()


def _grant(operator: Operator, user: User, **how_long: float) -> Json:
    return ok(operator.act(user.id, "grant-pro", until=_later(**how_long)))


def _limit(operator: Operator, user: User, messages: int | None) -> Json:
    body = {"messages_per_day": messages, "reason": REASON}
    return ok(operator.http.put(f"/admin/users/{user.id}/limit", json=body))


def _show(operator: Operator, user: User) -> Json:
    return ok(operator.http.get(f"/admin/users/{user.id}"))


def _set_refunds(stack: Stack, user: User, refunds: int) -> None:
    stack.database.run("UPDATE daily_usage SET refunds = %s WHERE user_id = %s", refunds, user.id)


def test_an_account_is_found_by_its_number_in_any_notation_and_shown_without_text(
    operator: Operator, user: User
) -> None:
    room = user.open_room()
    user.say(room, "A secret of the user")
    number = user.mobile_number
    written = f"  {number[:2]} ({number[2:5]}) {number[5:8]}-{number[8:]}"
    found = operator.http.get("/admin/users", params={"mobile_number": written})
    shown = ok(found)
    assert shown == _show(operator, user)
    assert shown["id"] == user.id
    assert shown["mobile_number"] == f"+{'•' * 7}{number[-4:]}"
    assert (shown["open_sessions"], shown["chatrooms"], shown["messages"]) == (1, 1, 2)
    assert (shown["plan"], shown["plan_sources"], shown["banned_at"]) == ("basic", [], None)
    assert shown["usage"]["used"] == 1
    assert "secret" not in found.text
    problem(operator.http.get("/admin/users", params={"mobile_number": "12"}), 400, "validation_failed")
    stranger = operator.http.get("/admin/users", params={"mobile_number": some_number()})
    problem(stranger, 404, "user_not_found")


@pytest.mark.parametrize("user_id", [_NOBODY, "no-uuid"])
def test_an_unknown_account_is_not_found_and_nothing_is_recorded(
    stack: Stack, operator: Operator, user_id: str
) -> None:
    problem(operator.http.get(f"/admin/users/{user_id}"), 404, "user_not_found")
    problem(operator.act(user_id, "grant-pro", until=_later(days=1)), 404, "user_not_found")
    assert audit_rows(stack, _NOBODY) == []


def test_a_grant_makes_everything_pro_until_its_end(stack: Stack, user: User, operator: Operator) -> None:
    """Red when any of the plan's readers ignores the grant: usage, session, status, account, rooms, queue."""
    api = stack.start_api(BASIC_ROOMS_PER_USER="1", PRO_ROOMS_PER_USER="2")
    at = user.at(api)
    room = at.open_room()
    assert at.http.post("/chatroom", json={}).status_code == 409
    assert ok(at.http.get("/subscription/status"))["pro_until"] is None
    granted = _grant(operator, user, days=2)
    assert (granted["plan"], granted["plan_sources"]) == ("pro", ["grant"])
    eventually(
        lambda: "pro" in at.http.get("/user/me").headers["ratelimit-policy"],
        seconds=SESSION_ENDS_WITHIN_SECONDS,
        what="the request limit of Pro",
    )
    at.open_room()
    status = ok(at.http.get("/subscription/status"))
    assert (status["plan"], status["status"], status["usage"]["limit"]) == ("pro", None, None)
    assert dt.datetime.fromisoformat(status["pro_until"]) == dt.datetime.fromisoformat(
        granted["granted_until"]
    )
    assert ok(at.http.get("/user/me"))["plan"] == "pro"
    assert ok(at.http.patch("/user/me", json={"full_name": "Ada"}))["plan"] == "pro"
    replies = [ok(at.post(room, f"Message {n}", Prefer="respond-async"))["reply"] for n in range(7)]
    assert stack.database.value("SELECT priority FROM messages WHERE id = %s", replies[-1]["id"]) == 1
    ended = ok(operator.undo(user.id, "grant-pro"))
    assert (ended["plan"], ended["granted_until"]) == ("basic", None)
    problem(at.post(room, "Too many"), 429, "daily_limit_reached")
    problem(at.http.post("/chatroom", json={}), 409, "chatroom_limit_reached")
    assert [row["action"] for row in audit_rows(stack, user.id)] == [
        "user.pro_granted",
        "user.pro_grant_ended",
    ]


def test_a_grant_ends_by_itself(stack: Stack, user: User, operator: Operator) -> None:
    """Red when the grant's end is not compared with the clock."""
    _grant(operator, user, days=1)
    assert ok(user.http.get("/subscription/status"))["plan"] == "pro"
    stack.database.run("UPDATE users SET pro_until = now() - interval '1 second' WHERE id = %s", user.id)
    assert ok(user.http.get("/subscription/status"))["plan"] == "basic"
    assert ok(user.http.get("/user/me"))["plan"] == "basic"
    assert user.usage()["limit"] == 5


@pytest.mark.parametrize(
    "until", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00", "tomorrow", 5, None, "9999-12-31T23:59:59-12:00"]
)
def test_a_grant_needs_a_time_in_the_future_with_a_zone(
    operator: Operator, user: User, until: object
) -> None:
    refused = problem(operator.act(user.id, "grant-pro", until=until), 400, "validation_failed")
    assert [error["pointer"] for error in refused["errors"]] == ["/until"]


def test_a_user_with_a_grant_can_buy_pro_and_keeps_it_after_the_grant(
    buyer: Buyer, operator: Operator
) -> None:
    """A grant ends, so its user may pay before. Red if a grant blocks the checkout."""
    _grant(operator, buyer.user, days=30)
    buyer.become_pro()
    shown = _show(operator, buyer.user)
    assert shown["plan_sources"] == ["subscription", "grant"]
    status = buyer.status()
    assert (status["status"], status["pro_until"]) == ("active", None)
    cancelled = buyer.act("cancel")
    until = [dt.datetime.fromisoformat(cancelled[name]) for name in ("pro_until", "current_period_end")]
    granted = dt.datetime.fromisoformat(shown["granted_until"])
    assert until[0] == max(until[1], granted)
    ok(operator.undo(buyer.user.id, "grant-pro"))
    assert buyer.status()["plan"] == "pro"


def test_an_own_limit_replaces_that_of_the_settings_everywhere(
    stack: Stack, user: User, operator: Operator
) -> None:
    """Red when storing, charging, explaining, headers or refunds take the limit of the settings."""
    room = user.open_room()
    assert _limit(operator, user, 2)["usage"]["limit"] == 2
    first = ok(user.post(room, "First", Prefer="wait=60"))
    assert first["quota"] == {**first["quota"], "limit": 2, "used": 1, "remaining": 1}
    regenerated = user.http.post(
        f"/chatroom/{room}/message/{first['reply']['id']}/regenerate", headers={"Prefer": "wait=60"}
    )
    assert ok(regenerated)["quota"]["remaining"] == 0
    refused = user.post(room, "Third")
    assert problem(refused, 429, "daily_limit_reached")["limit"] == 2
    assert '"daily";q=2' in refused.headers["ratelimit-policy"]
    assert user.usage() == {**user.usage(), "limit": 2, "used": 2, "remaining": 0}
    _limit(operator, user, 0)
    assert user.usage()["limit"] == 0
    _limit(operator, user, 3)
    assert ok(user.post(room, "Third", Prefer="wait=60"))["quota"]["remaining"] == 0
    _limit(operator, user, None)
    assert user.usage()["limit"] == 5
    _grant(operator, user, days=1)
    _limit(operator, user, 1)
    assert user.usage()["limit"] is None  # an own limit is one of Basic
    assert [row["details"] for row in audit_rows(stack, user.id)][:2] == [
        {"messages_per_day": 2, "before": None},
        {"messages_per_day": 0, "before": 2},
    ]


@pytest.mark.parametrize(("own", "refunds", "is_refunded"), [(20, 59, True), (20, 60, False), (1, 3, False)])
def test_refunds_of_a_day_follow_the_own_limit(
    stack: Stack, user: User, operator: Operator, own: int, refunds: int, *, is_refunded: bool
) -> None:
    """Three times the own limit. Red when the refund counts by the limit of the settings."""
    _limit(operator, user, own)
    room = user.open_room()
    reply = ok(user.post(room, "[sandbox:hang]", Prefer="respond-async"))["reply"]
    _set_refunds(stack, user, refunds)
    ok(user.http.post(f"/chatroom/{room}/message/{reply['id']}/cancel"))
    user.wait_for(reply)
    assert user.usage()["used"] == (0 if is_refunded else 1)


def test_of_60_concurrent_posts_an_own_limit_admits_exactly_its_number(
    stack: Stack, user: User, operator: Operator
) -> None:
    _limit(operator, user, 9)
    room = user.open_room()

    async def post_all() -> list[int]:
        async with httpx.AsyncClient(base_url=stack.base_url, timeout=60, trust_env=False) as anyone:
            headers = {"Authorization": f"Bearer {user.token}", "Prefer": "respond-async"}
            answers = await asyncio.gather(
                *(
                    anyone.post(f"/chatroom/{room}/message", json={"content": f"{n}"}, headers=headers)
                    for n in range(60)
                )
            )
            return [answer.status_code for answer in answers]

    assert Counter(asyncio.run(post_all())) == {202: 9, 429: 51}


def test_a_grant_during_a_charge_waits_for_it_and_loses_no_count(
    stack: Stack, user: User, operator: Operator
) -> None:
    """Red when the grant takes no lock on the account: it is shown before the charge it follows."""
    room = user.open_room()
    user.say(room, "Makes the row of the day")
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        with psycopg.connect(stack.database.url) as lock:
            lock.execute("SELECT FROM daily_usage WHERE user_id = %s FOR UPDATE", [user.id])
            sending = threads.submit(user.post, room, "Held at the day", Prefer="respond-async")
            first = stack.database.wait_for_blocked("(?s).*store_exchange")
            granting = threads.submit(_grant, operator, user, days=1)
            stack.database.wait_for_blocked("(?s).*users.*FOR UPDATE", besides=first)
            lock.rollback()
        assert ok(sending.result())["quota"]["limit"] == 5
        assert granting.result()["usage"] == {**user.usage(), "used": 2, "limit": None}
    assert ok(user.post(room, "Next", Prefer="respond-async"))["quota"]["limit"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"reason": REASON},
        {"messages_per_day": -1, "reason": REASON},
        {"messages_per_day": 1.5, "reason": REASON},
        {"messages_per_day": True, "reason": REASON},
        {"messages_per_day": 10**9, "reason": REASON},
        {"messages_per_day": 5},
        {"messages_per_day": 5, "reason": "  "},
        {"messages_per_day": 5, "reason": "x" * 501},
        {"messages_per_day": 5, "reason": "Called from +1 (415) 555-0123"},
        {"messages_per_day": 5, "reason": "Wrote from ada@example.org"},
        {"messages_per_day": 5, "reason": "2026-11-26: called from 0151-23456789"},
        {"messages_per_day": 5, "reason": REASON, "further": 1},
    ],
)
def test_a_change_that_is_not_valid_changes_nothing(
    stack: Stack, operator: Operator, user: User, body: Json
) -> None:
    """A reason is kept for good, so numbers and addresses are refused. Red without that check."""
    problem(operator.http.put(f"/admin/users/{user.id}/limit", json=body), 400, "validation_failed")
    assert _show(operator, user)["messages_per_day"] is None
    assert audit_rows(stack, user.id) == []
