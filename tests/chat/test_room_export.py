"""Exports of a room: complete, as JSON and Markdown, with a file name that every file system accepts."""

import json
import re
from urllib.parse import unquote

import pytest

from tests.support.stack import Stack
from tests.support.user import User, ok, problem


def test_the_json_export_is_the_room_with_all_its_messages(user: User) -> None:
    room = user.open_room(title="Sea", description="Poems", system_instruction="Be brief.")
    for number in range(2):
        user.say(room, f"Poem {number} \N{WATER WAVE} <script>")
    user.say(room, "[sandbox:safety]")
    last = user.say(room, "Once more")["reply"]
    ok(user.http.post(f"/chatroom/{room}/message/{last['id']}/regenerate", headers={"Prefer": "wait=60"}))
    answer = user.http.get(f"/chatroom/{room}/export")
    exported = ok(answer)
    assert answer.headers["content-disposition"] == 'attachment; filename="Sea.json"'
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    seen = ok(user.http.get(f"/chatroom/{room}"))
    messages = seen.pop("messages")
    seen.pop("next_cursor")
    assert exported["chatroom"] == seen
    assert exported["messages"] == messages
    assert len(messages) == 9


def test_the_markdown_export_has_authors_and_contents_byte_for_byte(user: User) -> None:
    room = user.open_room(title="Sea # and *stars*", description="Poems")
    said = "  Two\n\nlines \N{WATER WAVE} <b>&amp;</b>\n"
    reply = user.say(room, said)["reply"]
    blocked = user.say(room, "[sandbox:safety]")["reply"]
    answer = user.http.get(f"/chatroom/{room}/export", params={"format": "markdown"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.text.startswith("# Sea # and *stars*\n\n*gemini-3.8-flash, exported 20")
    assert f"**You** ({_minute(reply['created_at'])})\n\n{said}\n" in answer.text
    assert f"**Gemini** ({_minute(reply['created_at'])})\n\n{reply['content']}\n" in answer.text
    reason = f"blocked: {blocked['error']['detail']})\n\n{blocked['content']}\n"
    assert reason in answer.text
    positions = [answer.text.index(part) for part in ("Poems", said, reply["content"], "[sandbox:safety]")]
    assert positions == sorted(positions)


def _minute(moment: str) -> str:
    return f"{moment[:10]} {moment[11:16]} UTC"


def test_a_room_of_more_than_a_page_is_exported_whole_and_in_order(stack: Stack, user: User) -> None:
    """Red when only the first page is read."""
    room = user.open_room(title="Long")
    stack.database.run(
        "INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at,"
        " superseded, attempt, retries, losses)"
        " SELECT gen_random_uuid(), %s::uuid, %s::uuid, n, 'user', 'completed', 'number ' || n, now(),"
        " false, 0, 0, 0 FROM generate_series(1, 1234) AS n",
        room,
        user.id,
    )
    wanted = [f"number {number}" for number in range(1, 1235)]
    exported = ok(user.http.get(f"/chatroom/{room}/export"))
    assert [message["content"] for message in exported["messages"]] == wanted
    text = user.http.get(f"/chatroom/{room}/export?format=markdown").text
    assert re.findall(r"^number \d+$", text, re.MULTILINE) == wanted


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Plans for 2027", "Plans for 2027.json"),
        ("../../etc/passwd", "etc-passwd.json"),
        ('a"b; filename="evil.exe', "a-b; filename=-evil.exe.json"),
        ("Käse & 東京 \N{GRINNING FACE}", "Käse & 東京 \N{GRINNING FACE}.json"),
        ("invoice\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe", "invoice-gpj.exe.json"),
        ("CON", "chatroom CON.json"),
        ("nul.txt", "chatroom nul.txt.json"),
        ("...", "chatroom.json"),
        ("100%", "100.json"),
        ("\N{GRINNING FACE}" * 100, "\N{GRINNING FACE}" * 45 + ".json"),
        (None, "chatroom.json"),
    ],
)
def test_the_file_name_is_safe_and_made_of_the_title(user: User, title: str | None, name: str) -> None:
    room = user.open_room(title=title)
    disposition = user.http.get(f"/chatroom/{room}/export").headers["content-disposition"]
    assert disposition.startswith('attachment; filename="')
    plain, _, encoded = disposition.removeprefix('attachment; filename="').partition("\"; filename*=UTF-8''")
    assert plain.isascii()
    assert unquote(encoded) == name if encoded else plain.removesuffix('"') == name


def test_an_export_in_an_unknown_format_is_rejected(user: User) -> None:
    room = user.open_room()
    answer = user.http.get(f"/chatroom/{room}/export", params={"format": "pdf"})
    assert problem(answer, 400, "validation_failed")["errors"]


def test_an_empty_room_is_exported_as_such(user: User) -> None:
    room = user.open_room()
    assert ok(user.http.get(f"/chatroom/{room}/export"))["messages"] == []
    text = user.http.get(f"/chatroom/{room}/export?format=markdown").text
    assert text.startswith("# Untitled conversation\n")
    assert json.dumps(text)
