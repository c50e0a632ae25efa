"""Search in other forms of words: case folding, optional marks, accents."""

# ruff: noqa: RUF001 - many scripts have letters that look like others

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import LiteralString

import pytest

from app.repositories.search_forms import folded, stripped, without_subscripts
from tests.conftest import Servers
from tests.support.database import Database
from tests.support.stack import Stack, alembic, create_database, drop_database
from tests.support.user import Json, User, ok, problem


@pytest.fixture(scope="module")
def stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack without a worker, with a high limit of messages."""
    product = Stack(
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        folder=tmp_path_factory.mktemp("search-forms"),
        CELERY_BROKER_URL=servers.redis_url.rpartition("/")[0] + "/13",
        BASIC_MESSAGES_PER_DAY="1000",
    )
    with product.running() as stack:
        yield stack


def _say(user: User, *contents: str) -> None:
    room = user.open_room()
    for content in contents:
        ok(user.post(room, content, Prefer="respond-async"))


def _search(user: User, q: str, **parameters: str | int) -> Json:
    return ok(user.http.get("/chatroom/search", params={"q": q, **parameters}))


def _texts(page: Json) -> list[str]:
    return [html.unescape(re.sub("</?mark>", "", hit["snippet"])) for hit in page["hits"]]


_FOUND = [
    # Case folding.
    ("Königstraße 5", "KÖNIGSTRASSE", "Königstraße"),
    ("KÖNIGSTRASSE 5", "königstraße", "KÖNIGSTRASSE"),
    ("KÖNIGSTRAẞE 5", "königstrasse", "KÖNIGSTRAẞE"),
    ("Ein Spaß", "SPASS", "Spaß"),
    ("ὁ λόγος", "ΛΟΓΟΣ", "λόγος"),
    ("ΤΩΙ ΟΝΤΙ", "τῳ", "ΤΩΙ"),
    ("τῷ ὄντι", "τω", "τῷ"),
    ("İstanbul ve İzmir", "istanbul", "İstanbul"),
    ("istanbul", "İSTANBUL", "istanbul"),
    ("ılık su", "ilik", "ılık"),
    ("oﬀen", "OFFEN", "oﬀen"),
    ("Ⅳ. Kapitel", "iv", "Ⅳ"),
    ("ﬆop", "STOP", "ﬆop"),
    ("Ꭰꮃꭹ", "ꭰꮃꭹ", "Ꭰꮃꭹ"),
    ("Თბილისი", "თბილისი", "Თბილისი"),
    ("ՀԱՅԱՍՏԱՆ", "հայաստան", "ՀԱՅԱՍՏԱՆ"),
    # Marks of Arabic, Hebrew and Syriac, on both sides.
    ("كَتَبَ الوَلَدُ", "كتب", "كَتَبَ"),
    ("كتب الولد", "كَتَبَ", "كتب"),
    ("مُحَمَّد", "محمد", "مُحَمَّد"),
    ("محمد", "مُحَمَّد", "محمد"),
    ("هٰذَا كـتـاب", "هذا كتاب", "هٰذَا"),
    ("ٱلرَّحْمَٰنِ", "الرحمن", "ٱلرَّحْمَٰنِ"),
    ("שָׁלוֹם עֲלֵיכֶם", "שלום", "שָׁלוֹם"),
    ("שלום עליכם", "שָׁלוֹם", "שלום"),
    ("בְּרֵאשִׁ֖ית בָּרָ֣א", "בראשית", "בְּרֵאשִׁ֖ית"),
    ("\ufb2a\u05b8לוֹם", "שלום", "\ufb2a\u05b8לוֹם"),
    ("ܫܠܳܡܳܐ", "ܫܠܡܐ", "ܫܠܳܡܳܐ"),
    # Without accents.
    ("un café noir", "cafe", "café"),
    ("un cafe\u0301 noir", "cafe", "cafe\u0301"),
    ("a cafe", "café", "cafe"),
    ("la niñez", "NINEZ", "niñez"),
    ("Tiếng Việt", "tieng", "Tiếng"),
    ("Đà Nẵng", "da", "Đà"),
    ("Łódź", "lodz", "Łódź"),
    ("smørrebrød", "smorrebrod", "smørrebrød"),
    ("cœur", "coeur", "cœur"),
    ("Ægir", "aegir", "Ægir"),
    ("ещё ёлка", "елка", "ёлка"),
    ("моя Україна", "украіна", "Україна"),
    ("أحمد وإبراهيم", "احمد", "أحمد"),
    ("احمد", "أحمد", "احمد"),
    ("مدرسة كبيرة", "مدرسه", "مدرسة"),
    ("هدى", "هدي", "هدى"),
    ("کتابی", "كتابي", "کتابی"),
]


@pytest.mark.parametrize(("content", "q", "marked"), _FOUND)
def test_another_form_of_a_word_is_found_and_marked_as_written(
    stack: Stack, content: str, q: str, marked: str
) -> None:
    user = stack.user()
    _say(user, content, "other words")
    [hit] = _search(user, q)["hits"]
    assert _texts({"hits": [hit]}) == [content]
    assert html.unescape(hit["snippet"]).startswith(f"<mark>{marked}</mark>") or (
        f" <mark>{marked}</mark>" in html.unescape(hit["snippet"])
    )


@pytest.mark.parametrize(("content", "q", "marked"), _FOUND)
def test_another_form_far_from_the_beginning_is_shown(
    stack: Stack, content: str, q: str, marked: str
) -> None:
    """Except for ligatures and similar characters: for these the beginning is shown."""
    user = stack.user()
    _say(user, "filler " * 3_000 + content)
    [hit] = _search(user, q)["hits"]
    is_shown = f"<mark>{marked}</mark>" in html.unescape(hit["snippet"])
    assert is_shown == (marked not in {"oﬀen", "Ⅳ", "ﬆop"})


@pytest.mark.parametrize(
    ("content", "q"),
    [
        ("कि", "की"),
        ("कला", "कल"),
        ("ไม่ ดี", "ไมล์"),
        ("각", "가"),
        ("がか", "かか"),
        ("ガス", "カス"),
        ("தமிழ்", "தமழ"),
        ("ދިވެހި", "ދވހ"),
        ("Straße", "strase"),
        ("كتب", "كلب"),
        ("café", "cafes"),
    ],
)
def test_marks_that_make_another_letter_are_kept(stack: Stack, content: str, q: str) -> None:
    """Red when all marks are dropped: in these scripts, vowel signs and sound marks make other letters."""
    user = stack.user()
    _say(user, content)
    assert _search(user, q)["hits"] == []


def test_accents_are_ignored_only_without_another_match(stack: Stack) -> None:
    user = stack.user()
    _say(user, "cafe one", "café two", "cafe three")
    assert _texts(_search(user, "cafe")) == ["cafe three", "café two", "cafe one"]
    assert _texts(_search(user, "café")) == ["café two"]
    _say(user, "Zurich one", "Zurich two")
    assert _texts(_search(user, "Zürich")) == ["Zurich two", "Zurich one"]


def test_later_pages_ignore_accents_if_the_first_one_did(stack: Stack) -> None:
    """Red when each page decides again: a message sent meanwhile would end the list."""
    user = stack.user()
    _say(user, *(f"piñata {number}".replace("ñ", "n") for number in range(5)))
    page = _search(user, "piñata", limit=2)
    seen = _texts(page)
    _say(user, "A piñata at last")
    while page["next_cursor"]:
        page = _search(user, "piñata", limit=2, cursor=page["next_cursor"])
        seen += _texts(page)
    assert seen == [f"pinata {number}" for number in (4, 3, 2, 1, 0)]
    assert _texts(_search(user, "piñata")) == ["A piñata at last"]


@pytest.mark.parametrize("q", ["\u0301", "\u064e\u064f", "\u0640\u0640", "\u05b8", "\u0345"])
def test_a_query_of_marks_alone_is_rejected_or_empty(stack: Stack, q: str) -> None:
    user = stack.user()
    answer = user.http.get("/chatroom/search", params={"q": q})
    if not answer.is_success:
        problem(answer, 400, "validation_failed")


_SQL: LiteralString = """
SELECT letter, plain, search_folded(plain) AS folded, search_stripped(search_folded(plain)) AS stripped,
    search_stripped(plain) AS without_subscripts
FROM (SELECT letter, search_text(letter) AS plain FROM unnest(%s::text[]) AS letter) AS letters
"""


@pytest.mark.parametrize("behind", ["", "\u0301", "\u0654\u064e", "\u0327\u0345", "\u05bc"], ids=ascii)
def test_python_makes_the_same_forms_as_the_database(servers: Servers, behind: str) -> None:
    """For every letter of every script that both support."""
    letters = [
        chr(code) + behind for code in range(0x80, 0x110000) if unicodedata.category(chr(code))[0] in "LMN"
    ]
    url = create_database(servers.database_url)
    try:
        alembic(url, "upgrade", "head")
        differing = []
        for row in Database(url).rows(_SQL, letters):
            letter, plain, *forms = (str(value).replace("\x1f", "") for value in row.values())
            if "\x1e" not in plain and forms != [
                folded(letter),
                stripped(letter),
                without_subscripts(letter),
            ]:
                differing.append((ascii(letter), list(map(ascii, forms))))
        assert differing == []
    finally:
        drop_database(url)
