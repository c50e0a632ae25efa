"""Search in the user's own messages, in any language."""

# ruff: noqa: RUF001 - many scripts have letters that look like others

import base64
import html
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Servers
from tests.support.database import Database
from tests.support.stack import Stack, alembic, create_database, drop_database
from tests.support.user import Json, User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version


@pytest.fixture(scope="module")
def stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack without a worker: messages are found at once, and no reply repeats them."""
    product = Stack(
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        folder=tmp_path_factory.mktemp("search"),
        CELERY_BROKER_URL=servers.redis_url.rpartition("/")[0] + "/11",
        BASIC_MESSAGES_PER_DAY="1000",
        MESSAGE_MAX_CHARS="120000",
    )
    with product.running() as stack:
        yield stack


def _say(user: User, room: str, *contents: str) -> list[str]:
    """Send messages without waiting for replies; return their ids."""
    return [ok(user.post(room, content, Prefer="respond-async"))["message"]["id"] for content in contents]


def _search(user: User, q: str, **parameters: object) -> Json:
    found = user.http.get("/chatroom/search", params={"q": q, **{k: str(v) for k, v in parameters.items()}})
    return ok(found)


def _found(user: User, q: str) -> list[str]:
    """Return the texts of the matches, newest first, from their snippets."""
    page = _search(user, q)
    assert page["next_cursor"] is None
    return [html.unescape(re.sub("</?mark>", "", hit["snippet"])) for hit in page["hits"]]


_FOX = "The quick brown Fox jumps over the lazy dog"
_DOG = "A dog that doesn't jump: brown, not quick"


@pytest.fixture(scope="module")
def reader(stack: Stack) -> User:
    """A user who has sent a few messages."""
    user = stack.user()
    _say(user, user.open_room(), _FOX, _DOG)
    return user


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("fox", [_FOX]),
        ("FOX", [_FOX]),
        ("quick dog", [_DOG, _FOX]),
        ("dog quick", [_DOG, _FOX]),
        ("quick wolf", []),
        ('"quick brown"', [_DOG, _FOX]),
        ("brown-quick", [_DOG, _FOX]),
        ("jump", [_DOG]),
        ("doesn't", [_DOG]),
        ("fo", []),
        ("fox!!! & (quick) | 'dog' :* <-> \\", [_FOX]),
        ('fox "', [_FOX]),
    ],
)
def test_a_message_must_contain_all_words_in_any_order(reader: User, q: str, expected: list[str]) -> None:
    assert _found(reader, q) == expected


@pytest.mark.parametrize(
    ("content", "q", "marked"),
    [
        ("Die ÄPFEL von der Straße", "äpfel straße", ["ÄPFEL", "Straße"]),
        ("Съешь ещё этих мягких БУЛОК", "булок", ["БУЛОК"]),
        ("Η ΟΔΟΣ είναι μεγάλη", "οδος", ["ΟΔΟΣ"]),
        ("كيف حالك؟ أهلاً، صديقي", "حالك صديقي", ["حالك", "صديقي"]),
        ("मुझे हिन्दी में बताओ।", "हिन्दी बताओ", ["हिन्दी", "बताओ"]),
        ("機械学習の仕組みを教えて。", "仕組み", ["仕組み"]),
        ("カタカナとﾊﾝｶｸ", "ハンカク", ["ﾊﾝｶｸ"]),
        ("我想学习机器学习，谢谢", "机器学习", ["学习机器学习"]),
        ("猫が好きです", "猫", ["猫"]),
        ("한국어를 학교에서 배웠어요", "학교", ["학교"]),
        ("ฉันเรียนภาษาไทยทุกวัน", "ภาษาไทย", ["ภาษาไทย"]),
        ("ຂ້ອຍຮຽນພາສາລາວ", "ພາສາ", ["ພາສາ"]),
        ("Ｆｕｌｌ width and ﬁne print", "full fine", ["Ｆｕｌｌ", "ﬁne"]),
        ("caf\u00e9 na\u00efve", "cafe\u0301", ["caf\u00e9"]),
        ("use node.js, client/server or snake_case", "server js case", ["js", "server", "case"]),
        ("„Hallo“, sagte sie—endlich", "hallo sie endlich", ["Hallo", "sie", "endlich"]),
        ("great👍work", "work", ["work"]),
        ("一二、三四", "二、三", ["二", "三"]),
        ("AI学習 and 3.14", "ai学習 3.14", ["AI学習", "3", "14"]),
        ("2024年にPythonで書いた", "python 2024", ["2024", "Python"]),
    ],
)
def test_every_language_is_found_and_the_match_is_marked(
    stack: Stack, content: str, q: str, marked: list[str]
) -> None:
    user = stack.user()
    _say(user, user.open_room(), "Something else entirely, 学校の習慣と機会", content)
    [hit] = _search(user, q)["hits"]
    assert re.findall("<mark>(.*?)</mark>", hit["snippet"]) == marked


def test_separate_letters_do_not_match_a_word(stack: Stack) -> None:
    """Red without the pairs of letters in the index, and without splitting words into letters."""
    user = stack.user()
    _say(user, user.open_room(), "学校で習う", "学習")
    assert _found(user, "学習") == ["学習"]
    assert _found(user, "学 習") == ["学習", "学校で習う"]


def test_marking_takes_linear_time(stack: Stack) -> None:
    """Red (after minutes) when such marks may both separate the terms of a pattern and be terms."""
    user = stack.user()
    _say(user, user.open_room(), "\u0e31\u0e01" + "\u0e31" * 30_000)
    for q in ("\u0e31" * 9 + "\u0e01", "\u0e31" * 150 + "\u0e01"):
        assert len(_search(user, q)["hits"]) == 1


def test_words_without_accents_match_any_and_words_with_accents_match_as_written(stack: Stack) -> None:
    user = stack.user()
    _say(user, user.open_room(), "resume", "r\u00e9sum\u00e9")
    assert _found(user, "resume") == ["r\u00e9sum\u00e9", "resume"]
    assert _found(user, "R\u00c9SUM\u00c9") == ["r\u00e9sum\u00e9"]


def test_a_snippet_is_safe_html(stack: Stack) -> None:
    """Red without escaping."""
    user = stack.user()
    _say(user, user.open_room(), "<script>alert('Marked &amp; <mark>shown</mark>')</script>")
    [hit] = _search(user, "marked script")["hits"]
    assert hit["snippet"] == (
        "&lt;<mark>script</mark>&gt;alert(&#x27;<mark>Marked</mark> &amp;amp; "
        "&lt;mark&gt;shown&lt;/mark&gt;&#x27;)&lt;/<mark>script</mark>&gt;"
    )


def test_a_snippet_is_short_and_around_the_words(stack: Stack) -> None:
    user = stack.user()
    text = "meadow " * 500 + "hay " * 1000 + "a needle in a haystack " + "straw " * 500
    [message] = _say(user, room := user.open_room(), text)
    [hit] = _search(user, "needle haystack")["hits"]
    assert (hit["message_id"], hit["chatroom_id"]) == (message, room)
    assert "a <mark>needle</mark> in a <mark>haystack</mark> straw" in hit["snippet"]
    assert hit["snippet"].startswith("… hay")
    assert hit["snippet"].endswith("straw …")
    assert len(hit["snippet"]) < 350


@pytest.mark.parametrize(
    ("content", "q", "expected"),
    [
        ("filler " * 4_000 + "concatenate cat end", "cat", "filler concatenate <mark>cat</mark> end"),
        ("filler " * 4_000 + "ΟΔΟΣ end", "οδος", "filler <mark>ΟΔΟΣ</mark> end"),
        ("filler " * 4_000 + "cafe\u0301 end", "CAFÉ", "filler <mark>cafe\u0301</mark> end"),
        ("学校 " * 2_000 + "学習 end", "学習", "学校 <mark>学習</mark> end"),
        ("filler " * 4_000 + "snake_case end", "case", "filler snake_<mark>case</mark> end"),
        ("filler " * 4_000 + "ﬁne", "fine", ""),
    ],
)
def test_a_match_far_from_the_beginning_is_shown(stack: Stack, content: str, q: str, expected: str) -> None:
    """Red when only the beginning is searched; it is shown for matches in compatibility characters."""
    user = stack.user()
    _say(user, user.open_room(), content)
    [hit] = _search(user, q)["hits"]
    assert hit["snippet"].startswith("… " if expected else "filler")
    assert hit["snippet"].endswith(expected or "filler …")


def test_the_first_ten_words_of_a_query_count(stack: Stack) -> None:
    user = stack.user()
    words = [f"{letter}word" for letter in "jihgfedcba"]
    _say(user, user.open_room(), " ".join(words), "一二三四五六七八九十百", " ".join(words[1:]))
    assert _found(user, " ".join([*words, "eleventh"])) == [" ".join(words)]
    assert _found(user, "一二三四五六七八九十百千") == ["一二三四五六七八九十百"]
    assert _found(user, "一二三四五六七八九十千百") == []


def test_a_match_longer_than_a_snippet_is_marked_up_to_its_end(stack: Stack) -> None:
    user = stack.user()
    _say(user, user.open_room(), "before " * 20 + "言" * 400, "word " * 20 + "x" * 300)
    for q, marked in (("言" * 200, "言"), ("x" * 200, "")):
        hits = _search(user, q)["hits"]
        assert [bool(re.search(f"<mark>{marked}+</mark>", hit["snippet"])) for hit in hits] == [True] * bool(
            marked
        )


@pytest.mark.parametrize("q", ["!!!", "👍 🎉", '"" - ()', "。、", "\u200b", " ", "-", "\u001f"])
def test_a_query_without_words_is_rejected(reader: User, q: str) -> None:
    answer = reader.http.get("/chatroom/search", params={"q": q})
    body = problem(answer, 400, "validation_failed")
    assert [error["pointer"] for error in body["errors"]] == ["/query/q"]


@pytest.mark.parametrize("q", ["", "a" * 201, "wörter " * 1_430, "nul\u0000", None])
def test_an_invalid_query_is_rejected(reader: User, q: str | None) -> None:
    answer = reader.http.get("/chatroom/search", params={} if q is None else {"q": q})
    body = problem(answer, 400, "validation_failed")
    assert [error["pointer"] for error in body["errors"]] == ["/query/q"]


@pytest.mark.parametrize("limit", ["0", "101", "many"])
def test_a_limit_out_of_range_is_rejected(reader: User, limit: str) -> None:
    answer = reader.http.get("/chatroom/search", params={"q": "fox", "limit": limit})
    assert problem(answer, 400, "validation_failed")["errors"][0]["pointer"] == "/query/limit"


def test_the_longest_query_and_odd_bytes_are_answered(reader: User) -> None:
    assert _search(reader, "fox " * 49 + "fox?")["hits"] != []
    controls = "\u0003" * 99 + "a", "\u0001\u0002\u0003 fox\u001ffox"
    for q in ("a" * 200, "機" * 200, "-a " * 66, '"' * 200, *controls):
        assert reader.http.get("/chatroom/search", params={"q": q}).status_code in (200, 400), q
    assert reader.http.get("/chatroom/search?q=%ff%fe%ed%a0%80fox").status_code == 200


def test_hits_are_paged_without_gaps_or_duplicates_while_messages_arrive(stack: Stack) -> None:
    user = stack.user()
    rooms = [user.open_room(), user.open_room()]
    said = [_say(user, rooms[number % 2], f"Message {number} about otters")[0] for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = _search(user, "otters", limit=3, **({"cursor": cursor} if cursor else {}))
        seen += [hit["message_id"] for hit in page["hits"]]
        _say(user, rooms[0], "One more about otters")
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == said[::-1]


def test_a_cursor_is_valid_for_its_own_search_and_user_only(stack: Stack, reader: User) -> None:
    cursor = _search(reader, "dog", limit=1)["next_cursor"]
    assert [hit["message_id"] for hit in _search(reader, "dog", cursor=cursor)["hits"]] != []
    listed = ok(reader.http.get("/chatroom", params={"limit": 1}))["next_cursor"]
    stranger = stack.user()
    for user, q, given in (
        (reader, "fox", cursor),
        (reader, "dog\n", cursor),
        (stranger, "dog", cursor),
        (reader, "dog", "garbage"),
        (reader, "dog", cursor[:-2]),
        (reader, "dog", listed or "\u00e9"),
    ):
        answer = user.http.get("/chatroom/search", params={"q": q, "cursor": given})
        problem(answer, 400, "cursor_invalid")


def test_the_border_between_query_and_position_in_a_cursor_cannot_be_moved(reader: User) -> None:
    """Red when the query is signed unescaped: a line of it then passes for the start of the position."""
    cursor = _search(reader, "dog\nbrown", limit=1)["next_cursor"]
    signed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = base64.urlsafe_b64encode(signed[:12] + b"brown\n" + signed[12:]).decode()
    answer = reader.http.get("/chatroom/search", params={"q": "dog", "cursor": forged})
    problem(answer, 400, "cursor_invalid")


def test_messages_of_other_users_are_not_found(stack: Stack) -> None:
    """Red without the owner in each statement, and without the owner's tag in the index."""
    user, stranger = stack.user(), stack.user()
    _say(user, user.open_room(), "My secret is marzipan")
    for q in ("marzipan", "my", user.id, f"@{user.id}", f"'@{user.id}'"):
        assert _search(stranger, q)["hits"] == [], q
    assert len(_search(user, "marzipan")["hits"]) == 1


def test_a_reply_is_found_once_it_has_ended(stack: Stack) -> None:
    """Red when unfinished replies are indexed: the text saved so far would be found."""
    user = stack.user()
    room = user.open_room()
    reply = ok(
        user.post(room, "[sandbox:unicode] [sandbox:pieces=40] [sandbox:pace=150]", Prefer="respond-async")
    )["reply"]
    worker = stack.start_worker()
    try:
        eventually(
            lambda: stack.database.value(
                "SELECT content LIKE '%%ngstr%%' AND status = 'generating' FROM messages WHERE id = %s",
                reply["id"],
            ),
            what="a saved part of the reply",
        )
        assert _search(user, "naïve")["hits"] == []
        ended = user.wait_for(reply)
        for q in ("Ångström", "世界", "Добрый", "สวัสดี", "नमस्ते"):
            hits = _search(user, q)["hits"]
            assert [hit["message_id"] for hit in hits] == [ended["id"]], q
    finally:
        worker.kill()


def test_deleted_messages_are_not_found(stack: Stack) -> None:
    user = stack.user()
    _say(user, kept := user.open_room(), "Some pancakes")
    _say(user, deleted := user.open_room(), "More pancakes")
    stack.database.run("UPDATE chatrooms SET archived = true WHERE id = %s", uuid.UUID(kept))
    assert {hit["chatroom_id"] for hit in _search(user, "pancakes")["hits"]} == {kept, deleted}
    stack.database.run("DELETE FROM chatrooms WHERE id = %s", uuid.UUID(deleted))
    assert [hit["chatroom_id"] for hit in _search(user, "pancakes")["hits"]] == [kept]


@pytest.fixture
def ascii_stack(servers: Servers, tmp_path: Path) -> Iterator[Stack]:
    """A stack whose database has the encoding SQL_ASCII, as on a server set up without a locale."""
    running = Stack(database_url=servers.database_url, redis_url=servers.redis_url, folder=tmp_path)
    unaware = f"{running.database.url}_ascii"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL(
                "CREATE DATABASE {} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc"
            ).format(sql.Identifier(unaware.rpartition("/")[2]))
        )
    try:
        running.settings["DATABASE_URL"] = unaware
        alembic(unaware, "upgrade", "head")
        running.start_sandbox()
        running.base_url = running.start_api()
        yield running
    finally:
        running.stop()
        drop_database(unaware)


def test_a_database_without_an_encoding_stores_every_message_and_finds_ascii_words(
    ascii_stack: Stack,
) -> None:
    """Red with the function for UTF-8: no message could be stored."""
    user = ascii_stack.user()
    room = user.open_room()
    _say(user, room, "Grüße aus Köln, your friend", "機械学習 " * 6_000 + "end")
    assert _found(user, "FRIEND") == ["Grüße aus Köln, your friend"]
    assert len(_search(user, "friend")["hits"]) == 1


_ONE_LETTER = "a" + "\u0345" * 16_000 + "\u0334" * 15_999
_PLAIN = ("cafe\u0301 \u1ea5 q\u0323\u0301", "ﬁne ﾊﾝｶﾞｸ 機械 Ａ", "ﷺ न्दी", "d" + "\u0301\u0323" * 15)


def test_cutting_runs_of_marks_changes_the_terms_of_no_other_message(servers: Servers) -> None:
    """Rows keep their terms, so the function must return the same ones as before."""
    url = create_database(servers.database_url)
    query: LiteralString = "SELECT search_text(text) AS words FROM unnest(%s::text[]) AS text"
    try:
        found = []
        for command in (("upgrade", "0008"), ("upgrade", "head"), ("downgrade", "0008")):
            alembic(url, *command)
            found.append(Database(url).rows(query, list(_PLAIN)))
        assert found[0] == found[1] == found[2]
    finally:
        drop_database(url)


def test_a_message_with_cut_marks_is_found_by_its_words(stack: Stack) -> None:
    user = stack.user()
    _say(user, user.open_room(), f"before {_ONE_LETTER} behind")
    for q in ("before", "behind", "a" + "\u0345" * 60):
        assert len(_search(user, q)["hits"]) == 1, ascii(q)


@pytest.mark.parametrize(
    "content",
    [
        "".join(chr(0x20000 + n * step % 40_000) for step in (1, 7, 11) for n in range(40_000)),
        "".join(map(chr, range(0x20000, 0x20000 + 40_000))),
        "\ufdfa" * 32_000,
        " ".join(f"{number:x}" for number in range(6_500)),
        "a" * 32_000,
        "<a href='http://a.b/c?d=e'>" * 1_000,
        "a\u0301\u0302" * 10_000,
        "\u001f機\u001f\u001f" * 8_000,
    ],
    ids=lambda content: ascii(content[:6]),
)
def test_no_message_is_rejected_because_of_the_search_index(stack: Stack, content: str) -> None:
    """Red without the cut and the fallback: the terms of a row may take at most a mebibyte."""
    user = stack.user()
    room = user.open_room()
    [message_id] = _say(user, room, content)
    assert ok(user.http.get(f"/chatroom/{room}/message/{message_id}"))["content"] == content
