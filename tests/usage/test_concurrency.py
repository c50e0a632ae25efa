"""Limits on the streams and exports that one user has open, across all API processes."""

import contextlib
import signal
import time
import uuid
from collections import Counter

import httpx

from tests.support.listener import events_address
from tests.support.memory import memory_mib, peak_memory_mib
from tests.support.others import others_waiting
from tests.support.raw_http import connected, get
from tests.support.stack import Stack
from tests.support.user import Json, User, ok, problem
from tests.support.waiting import eventually

_EVENTS = {"Accept": "text/event-stream"}
_NOWHERE = "redis://127.0.0.1:9/0"


def _slow_reply(user: User) -> Json:
    """Start a reply that takes longer than the test, which cancels it."""
    asked = user.post(user.open_room(), f"[sandbox:wait=50] {uuid.uuid4()}", Prefer="respond-async")
    reply: Json = ok(asked)["reply"]
    return reply


def _cancel(user: User, reply: Json) -> None:
    ok(user.http.post(f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/cancel"))


def _listen(held: contextlib.ExitStack, user: User, reply: Json) -> int:
    """Open a stream, keep it open, and return its status."""
    return held.enter_context(user.http.stream("GET", events_address(reply))).status_code


def _fill(stack: Stack, user: User, room: str, *, messages: int) -> None:
    """Put messages of 32,000 emoji, 128 KB each, into a room."""
    stack.database.run(
        "INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at,"
        " superseded, attempt, retries, losses)"
        " SELECT gen_random_uuid(), %s, %s, n, 'user', 'completed', repeat(%s, 32000), now(),"
        " false, 0, 0, 0 FROM generate_series(1, %s) AS n",
        uuid.UUID(room),
        uuid.UUID(user.id),
        "\N{GRINNING FACE}",
        messages,
    )


def test_a_user_may_have_20_streams_across_all_processes(stack: Stack, user: User) -> None:
    """Red when each process counts alone, and when a stream still counts after its end."""
    second, reply = user.at(stack.start_api()), _slow_reply(user)
    with contextlib.ExitStack() as held:
        for number in range(20):
            assert _listen(held, second if number % 2 else user, reply) == 200
        for somewhere in (user, second):
            refused = somewhere.http.get(events_address(reply))
            problem(refused, 429, "too_many_streams")
            assert int(refused.headers["retry-after"]) >= 1
        assert stack.user().http.head("/user/me").status_code == 200
    with contextlib.ExitStack() as held:
        eventually(lambda: _listen(held, second, reply) == 200, what="a stream after one has ended")
    _cancel(user, reply)
    stack.processes[-1].stop()


def test_a_message_whose_stream_exceeds_the_limit_is_neither_stored_nor_charged(stack: Stack) -> None:
    """Red when the stream is counted after the message is stored."""
    user = stack.user().at(stack.start_api(STREAMS_PER_USER="1"))
    room, reply = user.open_room(), _slow_reply(user)
    with contextlib.ExitStack() as held:
        assert _listen(held, user, reply) == 200
        used = user.usage()["used"]
        address = f"/chatroom/{room}/message"
        regenerate = f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/regenerate"
        for there, headers in (("", _EVENTS), ("/stream", {}), ("/stream", {"Accept": "application/json"})):
            sent = user.http.post(address + there, json={"content": "Hello"}, headers=headers)
            problem(sent, 429, "too_many_streams")
            problem(user.http.post(regenerate + there, headers=headers), 429, "too_many_streams")
        assert ok(user.http.get(address))["messages"] == []
        assert user.usage()["used"] == used
        assert ok(user.post(room, "Without a stream", Prefer="respond-async"))["quota"]["used"] == used + 1
    _cancel(user, reply)
    stack.processes[-1].stop()


def test_unknown_ids_are_404_also_above_the_limit(stack: Stack, user: User) -> None:
    """Red when the limit is checked first: 429 would reveal which ids exist."""
    strangers = _slow_reply(stack.user())
    nothing_allowed = user.at(stack.start_api(STREAMS_PER_USER="0", EXPORTS_PER_USER="0"))
    room = user.open_room()
    for address in (events_address(strangers), f"/chatroom/{strangers['chatroom_id']}/export"):
        problem(nothing_allowed.http.get(address), 404, "chatroom_not_found")
    for there, headers in (("", _EVENTS), ("/stream", {})):
        absent = f"/chatroom/{uuid.uuid4()}/message{there}"
        problem(
            nothing_allowed.http.post(absent, json={"content": "x"}, headers=headers),
            404,
            "chatroom_not_found",
        )
        absent = f"/chatroom/{room}/message/{uuid.uuid4()}/regenerate{there}"
        problem(nothing_allowed.http.post(absent, headers=headers), 404, "message_not_found")
    problem(nothing_allowed.http.get(f"/chatroom/{room}/export"), 429, "too_many_exports")
    stack.processes[-1].stop()


def test_streams_of_a_killed_process_stop_counting_within_a_minute(stack: Stack, user: User) -> None:
    """Red when streams do not expire: its users have that many streams less for ever."""
    reply = _slow_reply(user)
    there = user.at(stack.start_api(STREAMS_PER_USER="2"))
    died = stack.processes[-1]
    here = user.at(stack.start_api(STREAMS_PER_USER="2"))
    key = f"uses:streams:{user.id}"
    with contextlib.ExitStack() as held:
        assert [_listen(held, there, reply) for _ in range(2)] == [200, 200]
        died.send(signal.SIGKILL)
        with contextlib.suppress(httpx.TransportError):
            held.close()
    problem(here.http.get(events_address(reply)), 429, "too_many_streams")
    assert 0 < int(str(stack.redis.pttl(key))) <= 60_000
    now, _ = stack.redis.time()
    leases = list(map(str, stack.redis.zrange(key, 0, -1)))
    ends = [float(str(stack.redis.zscore(key, lease))) for lease in leases]
    assert all(end <= (int(now) + 61) * 1000 for end in ends)
    stack.redis.zadd(
        key, {lease: end - 61_000 for lease, end in zip(leases, ends, strict=True)}
    )  # a minute later
    with contextlib.ExitStack() as held:
        assert _listen(held, here, reply) == 200
    _cancel(user, reply)
    stack.processes[-1].stop()


def test_without_redis_each_process_counts_its_own_streams(stack: Stack, user: User) -> None:
    """Red when only Redis counts: every stream is allowed, or none."""
    reply = _slow_reply(user)
    alone = user.at(stack.start_api(STREAMS_PER_USER="3", REDIS_URL=_NOWHERE))
    with contextlib.ExitStack() as held:
        assert [_listen(held, alone, reply) for _ in range(3)] == [200] * 3
        problem(alone.http.get(events_address(reply)), 429, "too_many_streams")
    with contextlib.ExitStack() as held:
        eventually(lambda: _listen(held, alone, reply) == 200, what="a stream after one has ended")
    _cancel(user, reply)
    stack.processes[-1].stop()


def test_head_requests_and_failures_leave_no_lease(stack: Stack, user: User) -> None:
    """Red when a lease is released after the response body: a HEAD response has none."""
    reply = _slow_reply(user)
    address = events_address(reply)
    for _ in range(25):
        assert user.http.head(address).status_code == 200
        assert user.http.head("/user/me/export").status_code == 200
        problem(
            user.http.post(f"/chatroom/{reply['chatroom_id']}/message", json={}, headers=_EVENTS),
            400,
            "validation_failed",
        )
    key = f"uses:streams:{user.id}"
    eventually(lambda: stack.redis.zcard(key) == 0, what="no lease")
    assert stack.redis.zcard(f"uses:exports:{user.id}") == 0
    _cancel(user, reply)


def test_2000_streams_of_one_user_delay_no_other_user(stack: Stack, user: User) -> None:
    """Red without the limit: they keep the process busy."""
    address = stack.start_api()
    said = "[sandbox:pieces=1000] [sandbox:pace=50] On and on"
    reply = ok(user.post(user.open_room(), said, Prefer="respond-async"))["reply"]
    request, statuses = get(events_address(reply), user.token), Counter[bytes]()
    with others_waiting(stack, at=address) as others, contextlib.ExitStack() as held:
        for _ in range(40):
            listeners = [held.enter_context(connected(address)) for _ in range(50)]
            for listener in listeners:
                listener.sendall(request)
            for listener in listeners:
                statuses[listener.recv(4096)[9:12]] += 1
    _cancel(user, reply)
    stack.processes[-1].stop()
    assert statuses == {b"200": 20, b"429": 1980}
    others.assert_served_within(3.0)


def test_100_unread_exports_use_little_memory_and_are_cut_off(stack: Stack, user: User) -> None:
    """The default is 30 s; this process cuts off after one.

    Red without the limit, which allows 98 more exports; with pages of a hundred rows; and without the check
    for stalled readers.
    """
    room = user.open_room()
    _fill(stack, user, room, messages=50)
    address = stack.start_api("tests.support.short_body_timeout:app")
    pid, requests = stack.processes[-1].popen.pid, Counter[bytes]()
    ok(user.at(address).http.get("/user/me/usage"))
    with others_waiting(stack, at=address) as others:
        before = memory_mib(pid)
        with contextlib.ExitStack() as held:
            for number in range(100):
                connection = held.enter_context(connected(address, receive_buffer=4096))
                path = "/user/me/export" if number % 2 else f"/chatroom/{room}/export"
                connection.sendall(get(path, user.token))
                requests[connection.recv(16)[9:12]] += 1
            grown = peak_memory_mib(pid) - before
            log = stack.processes[-1]
            eventually(lambda: "stalled_reader_cut_off" in log.log, what="the end of the stalled readers")
            eventually(
                lambda: user.at(address).http.head("/user/me/export").status_code == 200,
                what="an export after others have ended",
            )
    left = memory_mib(pid) - before
    stack.processes[-1].stop()
    assert requests[b"429"] >= 90
    others.assert_served_within(1.0)
    assert grown < 40, f"{grown:.0f} MiB"
    assert left < 40, f"{left:.0f} MiB"


def test_an_unread_export_of_large_messages_uses_little_memory(stack: Stack, user: User) -> None:
    """Red with pages of a hundred rows: 60 exports use over 1 GB."""
    room = user.open_room()
    _fill(stack, user, room, messages=50)
    address = stack.start_api(EXPORTS_PER_USER="60")
    pid = stack.processes[-1].popen.pid
    with contextlib.ExitStack() as held:
        before = memory_mib(pid)
        for _ in range(60):
            connection = held.enter_context(connected(address, receive_buffer=4096))
            connection.sendall(get("/user/me/export", user.token))
            assert connection.recv(16)[9:12] == b"200"
        grown = peak_memory_mib(pid) - before
    stack.processes[-1].stop()
    assert grown < 100, f"{grown:.0f} MiB"


def test_a_slow_reader_receives_its_whole_export(stack: Stack, user: User) -> None:
    """Red when slow readers are cut off: their unread bytes decrease, if only slowly."""
    room = user.open_room()
    _fill(stack, user, room, messages=100)
    address = stack.start_api("tests.support.short_body_timeout:app")
    began, received = time.monotonic(), 0
    with connected(address, receive_buffer=65536) as connection:
        connection.sendall(get(f"/chatroom/{room}/export", user.token, "Connection: close"))
        while piece := connection.recv(65536):
            received += len(piece)
            if time.monotonic() - began < 6:
                time.sleep(0.1)
    stack.processes[-1].stop()
    assert received > 100 * 128_000


def test_pages_of_long_messages_are_shorter_and_reach_every_message(stack: Stack, user: User) -> None:
    """Red when pages are bounded by rows only: one is 12 MB."""
    room = user.open_room()
    _fill(stack, user, room, messages=10)
    address, cursor, seen, pages = f"/chatroom/{room}/message", None, 0, 0
    while pages == 0 or cursor:
        answer = user.http.get(address, params={"limit": 100} | ({"cursor": cursor} if cursor else {}))
        page = ok(answer)
        assert len(answer.content) < 400_000
        seen, pages, cursor = seen + len(page["messages"]), pages + 1, page["next_cursor"]
    assert (seen, pages) == (10, 5)
    opened = ok(user.http.get(f"/chatroom/{room}"))
    assert len(opened["messages"]) == 2
    rest = ok(user.http.get(address, params={"limit": 100, "cursor": opened["next_cursor"]}))
    assert {message["id"] for message in rest["messages"]}.isdisjoint(m["id"] for m in opened["messages"])


def test_100_simultaneous_pages_of_long_messages_are_cheap(stack: Stack, user: User) -> None:
    """Red when pages are bounded by rows only: 100 times 12 MB."""
    room = user.open_room()
    _fill(stack, user, room, messages=100)
    address = stack.start_api()
    pid = stack.processes[-1].popen.pid
    request = get(f"/chatroom/{room}/message?limit=100", user.token)
    with others_waiting(stack, at=address) as others:
        before = memory_mib(pid)
        with contextlib.ExitStack() as held:
            for _ in range(100):
                held.enter_context(connected(address, receive_buffer=4096)).sendall(request)
            eventually(lambda: stack.logs().count('/chatroom/{chatroom_id}/message"') >= 100, what="answers")
            grown = peak_memory_mib(pid) - before
    stack.processes[-1].stop()
    others.assert_served_within(3.0)
    assert grown < 120, f"{grown:.0f} MiB"
