"""No input costs more than its size: requests of other users stay quick meanwhile."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import httpx
import pytest

from tests.conftest import Servers
from tests.support.others import others_waiting
from tests.support.stack import Stack
from tests.support.user import Json, client, problem

pytestmark = pytest.mark.server_version

_AT_ONCE = 6
_JSON = {"Content-Type": "application/json"}
_FEW_BYTES = 20_000
_MARKS = ("\u0f73\u0f75\u0f81" * 11_000)[:31_999], "\u0345" * 15_999 + "\u0334" * 16_000


def ascii_start(text: str) -> str:
    """A name for a case."""
    return ascii(text[:2])


def _names(count: int) -> str:
    return ",".join(f'"n{number}": 1' for number in range(count))


def _object(count: int) -> bytes:
    return f"{{{_names(count)}}}".encode()


def _refused(stack: Stack, body: bytes) -> Json:
    """Return the error for this body, sent without an account."""
    with client(stack.base_url) as anyone:
        answer = anyone.post("/auth/signup", content=body, headers=_JSON)
    assert len(answer.content) < _FEW_BYTES
    return problem(answer, 400, "validation_failed")


@pytest.mark.parametrize(
    "body",
    [
        _object(70_000),
        ("{" + _names(30_000) + "}").encode("utf-16"),
        b'{"mobile_number": [' + b"1," * 400_000 + b"1]}",
        b"[" + b",".join([_object(100)] * 99) + b"]",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"mobile_number": "' + b'\\"' * 500_000,
        b'{"mobile_number": ' + b"9" * 1_000_000 + b"}",
        b'"" ' * 300_000,
        b'{"otp": "' + b"\xcc\x81" * 500_000 + b'"}',
    ],
    ids=["names", "UTF-16", "items", "objects", "deep", "unclosed", "digits", "strings", "text"],
)
def test_a_body_costs_no_more_than_its_size(stack: Stack, body: bytes) -> None:
    """Red without the bounds: 70,000 names are checked one by one and told one by one, in 5.7 MB.

    Six at once stand still for seconds then.
    """

    def send(_number: int) -> httpx.Response:
        with client(stack.base_url) as anyone:
            return anyone.post("/auth/signup", content=body, headers=_JSON)

    with others_waiting(stack) as others, ThreadPoolExecutor(_AT_ONCE) as threads:
        answers = list(threads.map(send, range(_AT_ONCE)))
    for answer in answers:
        problem(answer, 400, "validation_failed")
        assert len(answer.content) < _FEW_BYTES
    others.assert_served_within(1.0)


def test_at_most_a_hundred_members_are_parsed(stack: Stack) -> None:
    looked_at = _refused(stack, _object(100))
    assert len(looked_at["errors"]) == 20
    assert looked_at["errors_omitted"] == 81  # the number itself is missing, too
    assert "20 of 101" in looked_at["detail"]
    [error] = _refused(stack, _object(101))["errors"]
    assert (error["pointer"], error["code"]) == ("", "too_many_members")
    within = b'{"mobile_number": "+14155550100", "x": {"y": [' + b"1," * 100 + b"1]}}"
    [error] = _refused(stack, within)["errors"]
    assert error["code"] == "too_many_members"


def test_at_most_ten_levels_are_parsed(stack: Stack) -> None:
    def nested(levels: int) -> bytes:
        return b'{"x": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"

    codes = [error["code"] for error in _refused(stack, nested(10))["errors"]]
    assert sorted(codes) == ["extra_forbidden", "missing"]
    [error] = _refused(stack, nested(11))["errors"]
    assert (error["pointer"], error["code"]) == ("", "too_deep")


def test_brackets_within_a_text_are_text(stack: Stack) -> None:
    """Red if strings are not skipped: a message of JSON or code would be rejected."""
    user = stack.user()
    text = json.dumps([[[[[[[[[[[[{"a\\": [1]}]]]]]]]]]]]]) + '\\"[,' * 1000
    answer = user.post(user.open_room(), text, Prefer="respond-async")
    assert answer.status_code == 202
    assert answer.json()["message"]["content"] == text


@pytest.mark.parametrize("marks", _MARKS, ids=ascii_start)
def test_marks_on_one_letter_cost_no_more_than_other_letters(stack: Stack, marks: str) -> None:
    """Red without the cut in PostgreSQL: each takes it 5 to 15 seconds, the POST is 503, yet stored."""
    users = [stack.user() for _ in range(_AT_ONCE)]
    rooms = [user.open_room() for user in users]

    def send(number: int) -> float:
        answer = users[number].post(rooms[number], f"a{marks}", Prefer="respond-async")
        assert answer.status_code == 202, answer.text
        return answer.elapsed.total_seconds()

    with others_waiting(stack) as others, ThreadPoolExecutor(_AT_ONCE) as threads:
        slowest = max(threads.map(send, range(_AT_ONCE)))
    assert slowest < 1.5
    others.assert_served_within(1.0)


@pytest.fixture(scope="module")
def unanswered(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack without a worker, with high limits."""
    running = Stack(
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        folder=tmp_path_factory.mktemp("unanswered"),
        CELERY_BROKER_URL=servers.redis_url.rpartition("/")[0] + "/12",
        BASIC_MESSAGES_PER_DAY="1000",
    )
    with running.running() as stack:
        yield stack


_TWO_LETTERS = ["".join(pair) for pair in product("abcdefghi", repeat=2)][:66]


@pytest.mark.parametrize(
    ("content", "count", "q"),
    [
        ("the quick brown " * 1_980 + " ".join(_TWO_LETTERS), 101, " ".join(_TWO_LETTERS)),
        (" ".join(_TWO_LETTERS * 160), 101, " ".join(_TWO_LETTERS)),
        (f"a{_MARKS[1][:31_980]} zebra", 5, "zebra"),
        ("\U0001f600" * 31_990 + " zebra", 20, "zebra"),
        ("漢字仮名" * 7_990 + "機械", 20, "機械学習" * 50),
        ("\u1eaf" * 31_900 + " z\u00e9bra", 101, "zebra"),
        ("r\u00e9sum\u00e9 " * 4_500, 101, "resume " + "aeiou" * 38),
        ("e\u0301" * 15_900 + " " + "\u00e9" * 190, 101, "e" * 190),
        ("\u0643\u064e\u0651" * 10_600 + " \u0643\u062a\u0628", 20, "\u0643\u064e\u062a\u064e\u0628"),
        ("\ufdfa\u00df" * 15_900 + " strasse", 20, "stra\u00dfe"),
    ],
    ids=[
        "words at the end",
        "words everywhere",
        "marks",
        "emoji",
        "letters",
        "accents",
        "many forms of letters",
        "decomposed letters",
        "Arabic marks",
        "letters that become longer",
    ],
)
def test_a_search_costs_no_more_than_what_it_shows(
    unanswered: Stack, content: str, count: int, q: str
) -> None:
    """Red when every word is marked in the whole of every message: others wait for seconds."""
    user = unanswered.user()
    room = user.open_room()
    for _ in range(count):
        assert user.post(room, content, Prefer="respond-async").status_code == 202

    def search(_number: int) -> float:
        answer = user.http.get("/chatroom/search", params={"q": q, "limit": 100})
        assert answer.status_code == 200, answer.text
        assert len(answer.content) < 100 * 1024
        return answer.elapsed.total_seconds()

    with others_waiting(unanswered) as others, ThreadPoolExecutor(_AT_ONCE) as threads:
        slowest = max(threads.map(search, range(_AT_ONCE)))
    others.assert_served_within(1.0)
    assert slowest < 5


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/chatroom?" + "&".join(f"n{number}=1" for number in range(5_000)), {}),
        ("/chatroom?cursor=" + "A" * 50_000, {}),
        ("/chatroom/search?q=" + "%CC%81" * 10_000, {}),
        ("/chatroom", {"Prefer": ", ".join(["wait=1"] * 4_000)}),
        ("/chatroom", {"Accept": ",".join(["text/html;q=0.1"] * 2_000)}),
        ("/chatroom", {"If-None-Match": ", ".join(['"a"'] * 6_000)}),
        ("/chatroom", {"Last-Event-ID": "9" * 30_000}),
        ("/chatroom", {"X-Forwarded-For": ", ".join(["10.0.0.1"] * 3_000)}),
        ("/chatroom", {"Cookie": "; ".join(["a=b"] * 6_000)}),
    ],
    ids=lambda value: str(value)[:28],
)
def test_a_head_costs_no_more_than_its_size(stack: Stack, path: str, headers: dict[str, str]) -> None:
    """Each as long as a head may be."""
    user = stack.user()

    def ask(_number: int) -> int:
        return user.http.get(path, headers=headers).status_code

    with others_waiting(stack) as others, ThreadPoolExecutor(_AT_ONCE) as threads:
        statuses = set(threads.map(ask, range(4 * _AT_ONCE)))
    assert statuses <= {200, 400, 414, 431}
    others.assert_served_within(1.0)
