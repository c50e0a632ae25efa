"""Limits of requests by address and user: exact over several processes, also without Redis."""

import re
import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from redis.client import Monitor

from tests.faults.proxy import Proxy
from tests.support.listener import events_address
from tests.support.stack import Stack
from tests.support.user import User, client, ok, problem

pytestmark = pytest.mark.server_version

_OF_AN_ADDRESS = 20
_OF_A_PERSON = 10
_ON_BASIC = 6
_LIMITS = {
    "IP_REQUESTS_PER_MINUTE": str(_OF_AN_ADDRESS),
    "BASIC_REQUESTS_PER_MINUTE": str(_ON_BASIC),
    "PRO_REQUESTS_PER_MINUTE": str(_OF_A_PERSON),
    "TRUSTED_PROXIES": "127.0.0.1",
}
_NOBODYS = "018f0000-0000-7000-8000-000000000000"
_NO_REDIS = "redis://127.0.0.1:9/0"


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    """An API process with small limits, behind a proxy on this machine."""
    return stack.start_api(**_LIMITS)


@pytest.fixture(scope="module")
def behind_two_proxies(stack: Stack) -> str:
    """An API process behind proxies on this machine and in a network."""
    return stack.start_api(TRUSTED_PROXIES="127.0.0.1, 192.0.2.0/24")


def _somewhere() -> str:
    """An address that no other test calls from."""
    return f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


def _from(place: str, address: str, token: str | None = None) -> httpx.Client:
    headers = {"X-Forwarded-For": place}
    return client(address, headers | ({"Authorization": f"Bearer {token}"} if token else {}))


def _left(answer: httpx.Response, limit: str) -> int | None:
    """Return the remaining quota of a limit in the response."""
    found = re.search(rf'"{limit}";r=(\d+);t=\d+', answer.headers.get("ratelimit", ""))
    return int(found[1]) if found else None


def _refusal(answer: httpx.Response) -> int:
    """Return the seconds of `Retry-After` in a 429."""
    problem(answer, 429, "rate_limit_exceeded")
    seconds = int(answer.headers["retry-after"])
    assert 1 <= seconds <= 60
    return seconds


def _use_up(http: httpx.Client, path: str) -> None:
    """Send requests until a limit rejects one."""
    assert any(http.get(path).status_code == 429 for _ in range(_OF_AN_ADDRESS + 1))


def _without_a_request_left(other: User, address: str) -> httpx.Client:
    """Return a client at an address of its own, whose user has used up the limit."""
    http = _from(_somewhere(), address, other.token)
    _use_up(http, "/user/me")
    return http


def _let_pass(stack: Stack, key: str, seconds: float) -> None:
    """Have every request on this window be so much older."""
    times = [int(moment) - round(seconds * 1000) for moment in stack.redis.lrange(key, 0, -1)]
    stack.redis.delete(key)
    stack.redis.rpush(key, *times)


def test_an_address_over_its_limit_gets_429_with_retry_after(address: str) -> None:
    with _from(_somewhere(), address) as here, _from(_somewhere(), address) as elsewhere:
        for used in range(1, _OF_AN_ADDRESS + 1):
            answer = here.get("/")
            assert (answer.status_code, _left(answer, "ip")) == (200, _OF_AN_ADDRESS - used)
            assert answer.headers["ratelimit-policy"] == f'"ip";q={_OF_AN_ADDRESS};w=60'
        refused = here.get("/")
        assert _refusal(refused) >= 55
        assert refused.headers["ratelimit"] == f'"ip";r=0;t={refused.headers["retry-after"]}'
        assert elsewhere.get("/").is_success


def test_stripe_and_monitors_are_never_limited(address: str) -> None:
    with _from(_somewhere(), address) as here:
        _use_up(here, "/")
        for path in ("/health/live", "/health", "/metrics", "/webhook/stripe"):
            answer = here.post(path) if "webhook" in path else here.get(path)
            assert answer.status_code != 429
            assert "ratelimit" not in answer.headers
            assert "ratelimit-policy" not in answer.headers


def test_waiting_for_retry_after_is_enough_and_the_window_slides(stack: Stack, address: str) -> None:
    """Red when a minute is a slot of the clock, or the window empties as a whole."""
    place = _somewhere()
    with _from(place, address) as here:
        for _ in range(_OF_AN_ADDRESS // 2):
            here.get("/")
        _let_pass(stack, f"limit:ip:{place}", 30)
        _use_up(here, "/")
        _let_pass(stack, f"limit:ip:{place}", 28.5)
        seconds = _refusal(here.get("/"))
        assert seconds <= 2
        time.sleep(seconds)
        answers = [here.get("/").status_code for _ in range(_OF_AN_ADDRESS)]
    assert Counter(answers) == {200: _OF_AN_ADDRESS // 2, 429: _OF_AN_ADDRESS // 2}


def test_parallel_requests_at_two_processes_get_exactly_the_limit(stack: Stack, address: str) -> None:
    """Red when the count is read and written in two steps."""
    place, second = _somewhere(), stack.start_api(**_LIMITS)
    with _from(place, address) as one, _from(place, second) as other, ThreadPoolExecutor(20) as pool:
        answers = pool.map(lambda number: (one, other)[number % 2].get("/").status_code, range(100))
        assert Counter(answers) == {200: _OF_AN_ADDRESS, 429: 100 - _OF_AN_ADDRESS}


def test_a_rejected_request_does_not_lengthen_the_wait(stack: Stack, address: str) -> None:
    place = _somewhere()
    with _from(place, address) as here:
        for _ in range(2 * _OF_AN_ADDRESS):
            here.get("/")
    assert stack.redis.llen(f"limit:ip:{place}") == _OF_AN_ADDRESS
    assert 0 < int(stack.redis.pttl(f"limit:ip:{place}")) <= 60_000


@pytest.mark.parametrize(
    ("first", "second", "is_one_caller"),
    [
        ("2001:db8:{}:1::1", "2001:db8:{}:1:ffff::2", True),
        ("2001:db8:{}:1::1", "2001:db8:{}:2::1", False),
        ("::ffff:10.0.{}", "10.0.{}", True),
        ("[2001:db8:{}:1::1]:443", "2001:db8:{}:1::1", True),
    ],
)
def test_a_network_of_ipv6_is_one_caller_and_ipv4_in_its_clothes_is_ipv4(
    address: str,
    first: str,
    second: str,
    is_one_caller: bool,  # noqa: FBT001  # pytest's
) -> None:
    own = f"{secrets.randbelow(256)}.{secrets.randbelow(256)}" if "10.0" in first else secrets.token_hex(2)
    with _from(first.format(own), address) as here, _from(second.format(own), address) as there:
        before, after = _left(here.get("/"), "ip"), _left(there.get("/"), "ip")
    assert (after == (before or 0) - 1) is is_one_caller


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        ("6.6.6.6, {}", "{}"),
        ("{}, 192.0.2.1, 192.0.2.77", "{}"),
        ("{}:5678", "{}"),
        ("{}, not-an-address, 192.0.2.77", "192.0.2.77"),
        ("{}, ,", "127.0.0.1"),
    ],
)
def test_the_last_address_that_is_no_trusted_proxys_counts(
    stack: Stack, behind_two_proxies: str, forwarded: str, counted: str
) -> None:
    """Red when the first address of the header counts, which anybody may write."""
    place = _somewhere()
    key = f"limit:ip:{counted.format(place)}"
    before = int(stack.redis.llen(key))
    with client(behind_two_proxies, {"X-Forwarded-For": forwarded.format(place)}) as caller:
        ok(caller.get("/"))
    assert int(stack.redis.llen(key)) > before or counted == "127.0.0.1"
    assert (stack.redis.exists(f"limit:ip:{place}") == 1) is (counted == "{}")


@pytest.mark.parametrize("forwarded", ["{}", "{}:5678", "[2001:db8::7]:5678, {}", "{}, {}", "x, {}:1"])
def test_without_trusted_proxies_forwarded_headers_are_ignored(stack: Stack, forwarded: str) -> None:
    """Red when the address is the one that uvicorn hands over: it believes callers on its own machine."""
    place = _somewhere()
    other = stack.user()
    header = {"X-Forwarded-For": forwarded.format(place, place)}
    with client(stack.base_url, header) as caller:
        ok(caller.get("/"))
        otp = ok(caller.post("/auth/send-otp", json={"mobile_number": other.mobile_number}))["otp"]
        code = {"mobile_number": other.mobile_number, "otp": otp}
        ok(caller.post("/auth/verify-otp", json=code))
    assert stack.redis.exists(f"limit:ip:{place}") == 0
    assert stack.redis.keys("limit:ip:2001:db8::*") == []
    seen = stack.database.rows("SELECT DISTINCT ip_address FROM sessions WHERE user_id = %s", other.id)
    assert seen == [{"ip_address": "127.0.0.1"}]


def test_a_session_remembers_the_address_behind_the_proxy(stack: Stack, address: str) -> None:
    place, other = _somewhere(), stack.user()
    with _from(place, address) as caller:
        otp = ok(caller.post("/auth/send-otp", json={"mobile_number": other.mobile_number}))["otp"]
        ok(caller.post("/auth/verify-otp", json={"mobile_number": other.mobile_number, "otp": otp}))
    seen = stack.database.rows("SELECT ip_address FROM sessions WHERE user_id = %s", other.id)
    assert {"ip_address": place} in seen


def test_the_limit_of_a_user_on_pro_covers_all_addresses(pro: User, address: str) -> None:
    with _from(_somewhere(), address, pro.token) as here:
        for used in range(1, _OF_A_PERSON + 1):
            answer = here.get("/user/me")
            assert (answer.status_code, _left(answer, "pro")) == (200, _OF_A_PERSON - used)
    with _from(_somewhere(), address, pro.token) as elsewhere:
        refused = elsewhere.get("/user/me")
    assert _refusal(refused) >= 55
    assert refused.headers["ratelimit-policy"] == (
        f'"ip";q={_OF_AN_ADDRESS};w=60, "pro";q={_OF_A_PERSON};w=60'
    )
    assert _left(refused, "pro") == 0


@pytest.mark.parametrize("is_first_at_process", [True, False])
def test_the_limit_of_a_user_on_basic_covers_all_addresses(
    stack: Stack,
    user: User,
    address: str,
    is_first_at_process: bool,  # noqa: FBT001  # pytest's
) -> None:
    """Red without a limit on Basic: one free account could ask as much as an address may.

    Red as well when a process that does not know the plan yet counts twice, or lets one more through.
    """
    where = stack.start_api(**_LIMITS) if is_first_at_process else address
    with _from(_somewhere(), address, user.token) as here:
        for used in range(1, _ON_BASIC):
            answer = here.get("/user/me")
            assert (answer.status_code, _left(answer, "basic")) == (200, _ON_BASIC - used)
    with _from(_somewhere(), where, user.token) as elsewhere:
        last = elsewhere.get("/user/me")
        assert (last.status_code, _left(last, "basic")) == (200, 0)
        assert stack.redis.llen(f"limit:user:{user.id}") == _ON_BASIC
    with _from(_somewhere(), stack.start_api(**_LIMITS) if is_first_at_process else address) as http:
        refused = http.get("/user/me", headers={"Authorization": f"Bearer {user.token}"})
    assert _refusal(refused) >= 50
    assert refused.headers["ratelimit-policy"] == f'"ip";q={_OF_AN_ADDRESS};w=60, "basic";q={_ON_BASIC};w=60'
    assert _left(refused, "basic") == 0


def test_parallel_requests_of_a_user_on_basic_get_exactly_the_limit(stack: Stack, user: User) -> None:
    """None of the processes knows the plan when the first requests arrive."""
    wide = {**_LIMITS, "IP_REQUESTS_PER_MINUTE": "1000"}
    second, third, token = stack.start_api(**wide), stack.start_api(**wide), user.token
    with (
        _from(_somewhere(), second, token) as one,
        _from(_somewhere(), third, token) as other,
        ThreadPoolExecutor(20) as pool,
    ):
        answers = pool.map(lambda number: (one, other)[number % 2].get("/user/me").status_code, range(60))
        assert Counter(answers) == {200: _ON_BASIC, 429: 60 - _ON_BASIC}


def test_an_upgrade_raises_the_limit_of_the_same_window(stack: Stack, user: User, address: str) -> None:
    """The window belongs to the user on every plan, so that the difference remains."""
    http = _without_a_request_left(user, address)
    stack.make_pro(user)
    elsewhere = stack.start_api(**_LIMITS)  # which does not hold the plan of a moment ago
    with _from(_somewhere(), elsewhere, user.token) as pro:
        answer = pro.get("/user/me")
        assert (answer.status_code, _left(answer, "pro")) == (200, _OF_A_PERSON - _ON_BASIC - 1)
    http.close()


@pytest.mark.parametrize("is_pro", [True, False])
def test_a_replay_counts_as_a_request_and_succeeds_after_the_wait(
    stack: Stack,
    user: User,
    address: str,
    is_pro: bool,  # noqa: FBT001  # pytest's
) -> None:
    """The daily limit never rejects a replay; the limit of requests does, before anything is read."""
    if is_pro:
        stack.make_pro(user)
    room, key = user.open_room(), secrets.token_hex(8)
    first = ok(user.post(room, "Once", Idempotency_Key=key))
    http = _without_a_request_left(user, address)
    again = {"json": {"content": "Once"}, "headers": {"Idempotency-Key": key}}
    _refusal(http.post(f"/chatroom/{room}/message", **again))  # type: ignore[arg-type]  # httpx's many
    stack.redis.delete(f"limit:user:{user.id}")
    replay = http.post(f"/chatroom/{room}/message", **again)  # type: ignore[arg-type]  # httpx's many
    assert (replay.status_code, replay.headers["idempotent-replayed"]) == (201, "true")
    assert replay.json()["message"] == first["message"]


def test_a_rejected_message_is_not_stored(stack: Stack, pro: User, address: str) -> None:
    room = pro.open_room()
    http = _without_a_request_left(pro, address)
    _refusal(http.post(f"/chatroom/{room}/message", json={"content": "Too much"}))
    assert stack.database.value("SELECT count(*) FROM messages WHERE chatroom_id = %s", room) == 0


@pytest.mark.parametrize("is_pro", [True, False])
def test_following_a_reply_counts_on_no_user(
    stack: Stack,
    user: User,
    address: str,
    is_pro: bool,  # noqa: FBT001  # pytest's
) -> None:
    if is_pro:
        stack.make_pro(user)
    room = user.open_room()
    exchange = user.say(room, "Long live the limit")
    http = _without_a_request_left(user, address)
    for _ in range(3):
        answer = http.get(f"/chatroom/{room}/message/{exchange['reply']['id']}")
        assert answer.is_success
        assert answer.headers["ratelimit-policy"] == f'"ip";q={_OF_AN_ADDRESS};w=60'
    with http.stream("GET", events_address(exchange["reply"])) as answer:
        assert answer.status_code == 200
        assert _left(answer, "ip") is not None
        assert "event: end" in answer.read().decode()
    _refusal(http.get(f"/chatroom/{room}/message"))


@pytest.mark.parametrize("is_pro", [True, False])
def test_ids_of_other_users_are_404_before_429(
    stack: Stack,
    user: User,
    address: str,
    is_pro: bool,  # noqa: FBT001  # pytest's
) -> None:
    """Red if the rejection does not check the room first."""
    other = stack.user()
    if is_pro:
        stack.make_pro(other)
    own = other.open_room()
    others = user.open_room()
    others_message = user.say(others, "Mine")["message"]["id"]
    http = _without_a_request_left(other, address)
    for room in (others, _NOBODYS, "no-uuid"):
        problem(http.get(f"/chatroom/{room}"), 404, "chatroom_not_found")
        problem(http.post(f"/chatroom/{room}/message", json={"content": "x"}), 404, "chatroom_not_found")
    for message in (others_message, _NOBODYS, "no-uuid"):
        problem(http.post(f"/chatroom/{own}/message/{message}/regenerate"), 404, "message_not_found")
    problem(http.get("/nowhere"), 404, "not_found")
    _refusal(http.get(f"/chatroom/{own}"))


def test_every_response_shows_the_remaining_limits(pro: User, address: str) -> None:
    """Also those that no route has written."""
    with _from(_somewhere(), address, pro.token) as http, _from(_somewhere(), address) as anyone:
        created = http.post("/chatroom", json={})
        room = created.json()["id"]
        stream = http.post(
            f"/chatroom/{room}/message", json={"content": "Hello"}, headers={"Accept": "text/event-stream"}
        )
        told = [
            created,
            stream,
            http.get(f"/chatroom/{_NOBODYS}"),
            http.post("/chatroom", json={"title": ""}),
        ]
        assert [answer.status_code for answer in told] == [201, 200, 404, 400]
        for answer in told:
            assert _left(answer, "ip") is not None
            assert _left(answer, "pro") is not None
        # Answered before anybody asked who is calling, and shown all the same.
        early = [
            http.get("/nowhere"),
            http.put("/chatroom"),
            http.post("/chatroom", content=b"{", headers={"Content-Type": "application/json"}),
        ]
        assert [answer.status_code for answer in early] == [404, 405, 400]
        assert all(_left(answer, "pro") is not None for answer in early)
        bare = [
            anyone.get("/user/me"),
            anyone.get("/nowhere"),
            anyone.delete("/"),
            anyone.post("/auth/signup", content=b"x" * 2_000_000),
        ]
        assert [answer.status_code for answer in bare] == [401, 404, 405, 413]
        assert all(_left(answer, "ip") is not None for answer in bare)


def test_a_route_without_a_limit_knows_its_caller(stack: Stack, user: User) -> None:
    """Red when the token's claims reach only those routes on whose paths requests are counted."""
    address = stack.start_api("tests.support.exempt_route:app", **_LIMITS)
    with _from(_somewhere(), address, user.token) as http, _from(_somewhere(), address) as anyone:
        problem(anyone.get("/health/caller"), 401, "authentication_required")
        for _ in range(_OF_A_PERSON + 1):
            answer = http.get("/health/caller")
            assert ok(answer) == {"id": user.id}
            assert "ratelimit" not in answer.headers


def test_without_redis_every_process_counts_for_itself_and_nothing_fails(stack: Stack, pro: User) -> None:
    """Red without the process-local windows."""
    lonely = stack.start_api(**_LIMITS, REDIS_URL=_NO_REDIS)
    http = _without_a_request_left(pro, lonely)
    _refusal(http.get("/user/me"))
    with _from(_somewhere(), lonely) as anyone:
        answers = [anyone.get("/").status_code for _ in range(_OF_AN_ADDRESS + 5)]
    assert answers == [200] * _OF_AN_ADDRESS + [429] * 5


def test_a_hanging_redis_delays_requests_only_briefly(stack: Stack) -> None:
    """Red without the breaker: every request waits half a second."""
    port = int(stack.redis.connection_pool.connection_kwargs["port"])
    with Proxy(port) as proxy:
        through = stack.redis_url.replace(f":{port}/", f":{proxy.port}/")
        slow = stack.start_api(**_LIMITS, REDIS_URL=through)
        with _from(_somewhere(), slow) as anyone:
            ok(anyone.get("/"))
            proxy.silence()
            begin = time.monotonic()
            answers = [anyone.get("/").status_code for _ in range(_OF_AN_ADDRESS + 5)]
            assert time.monotonic() - begin < 2
    assert answers == [200] * _OF_AN_ADDRESS + [429] * 5


def test_sign_in_and_limits_cost_one_round_trip_to_redis_and_none_to_the_database(
    stack: Stack, pro: User
) -> None:
    """The list of rooms comes out of Redis by one GET of its own; what else is asked is ours.

    Red when the two windows are counted one after the other, and, as the locked tables show, when every
    request looks its session up.
    """
    ok(pro.http.get("/chatroom"))
    monitoring = Monitor(stack.redis.connection_pool)  # type: ignore[no-untyped-call]  # redis-py's
    with psycopg.connect(stack.database.url) as holder, monitoring as monitor:
        ok(pro.http.get("/chatroom"))  # the process knows the session and the plan for 5 s from here on
        holder.execute("LOCK TABLE users, sessions, subscriptions, chatrooms IN ACCESS EXCLUSIVE MODE")
        mark = f"begin-{secrets.token_hex(8)}"
        stack.redis.get(mark)
        for _ in range(50):
            assert pro.http.get("/chatroom").headers["x-cache"] == "HIT"
        stack.redis.get(mark + "-end")
        holder.rollback()
        commands = _between(monitor, mark, mark + "-end")
    ours = [command for command in commands if pro.id in command or "limit:ip:127.0.0.1" in command]
    assert Counter(command.split()[0].upper() for command in ours) == {"EVALSHA": 50, "GET": 50}
    scripts = [command for command in ours if command.upper().startswith("EVALSHA")]
    assert all("limit:ip:127.0.0.1" in command and f"limit:user:{pro.id}" in command for command in scripts)


def _between(monitor: Monitor, begin: str, end: str) -> list[str]:
    """Return the commands of clients between two marks."""
    commands: list[str] = []
    while not commands or end not in commands[-1]:
        heard = monitor.next_command()  # type: ignore[no-untyped-call]  # redis-py's
        if heard["client_type"] != "lua" and (commands or begin in heard["command"]):
            commands.append(heard["command"])
    return commands
