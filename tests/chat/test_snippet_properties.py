"""Properties of snippets and folded texts, over generated texts and all of Unicode."""

# ruff: noqa: RUF001 - many scripts have letters that look like others

import html
import re
import sys
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from app.kit.normal_form import MARKS
from app.repositories.search_forms import folded, forms, stripped
from app.services.chat.folded_text import JOINING, FoldedText
from app.services.chat.snippet import Marker

_LETTERS = (
    "abcIßẞſﬁﬀæœøłđþ\u00e9\u00c9\u00f1\u01f0İıΣσςάᾳῷᾼЙйёЇъ"
    "كتبمأإآٱىةی\u0640\u064e\u0651\u0670\u0654שלום\u05b8\u05c1\u05bc\ufb2a"
    "हिन्दीกำไม่한국\u1112\u1161\u11ab学習がﾊﾞＦ㎏\ufdfa\u0301\u0327\u0345\u030a\u09c7\u09be1"
)
_TEXT = st.text(st.sampled_from(_LETTERS), min_size=1, max_size=12)
_WORDS = st.lists(_TEXT, min_size=1, max_size=30)
_SIGNS = st.sampled_from([" ", ", ", " <b> ", " & ", "\n", " – "])


def _marked(snippet: str) -> list[str]:
    return [html.unescape(marked) for marked in re.findall("<mark>(.*?)</mark>", snippet)]


@given(_WORDS, _SIGNS, st.integers(0, 29))
@settings(max_examples=600, deadline=None)
def test_a_snippet_without_its_marks_is_part_of_the_message(words: list[str], sign: str, number: int) -> None:
    text = sign.join(words)
    for word in (folded(words[number % len(words)]), stripped(words[number % len(words)])):
        if not word.isalnum():
            continue
        snippet = Marker.of([word]).snippet(text)
        bare = html.unescape(re.sub("</?mark>", "", snippet)).removeprefix("… ").removesuffix(" …")
        assert bare in " ".join(text.split())
        for marked in _marked(snippet):
            assert any(word in form for form in forms(marked))


@given(st.text(st.sampled_from(_LETTERS + " "), max_size=60))
@settings(max_examples=600, deadline=None)
def test_the_forms_of_a_text_are_those_of_its_letters_with_spans_within_it(text: str) -> None:
    made = FoldedText.forms_of(text)
    assert {form.text for form in made} == forms(text)
    for form in made:
        ends = [form.original_span((at, at + 1)) for at in range(len(form.text))]
        assert all(0 <= begin < end <= len(text) for begin, end in ends)
        assert ends == sorted(ends)


def test_every_character_that_composes_with_the_one_before_is_known() -> None:
    follows = re.compile(f"[{MARKS}{JOINING}\u1161-\u1175\u11a8-\u11c2]")
    for code in range(sys.maxunicode + 1):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and "<" not in parts[0]:
            composed = unicodedata.normalize("NFC", "".join(chr(int(part, 16)) for part in parts))
            assert len(composed) > 1 or follows.match(chr(int(parts[1], 16))), hex(code)
