"""Snippets mark a match as it is written in the message, in any form that matched."""

import pytest

from app.services.chat.snippet import Marker


@pytest.mark.parametrize(
    ("text", "word", "snippet"),
    [
        ("Die Königstraße hier", "königstrasse", "Die <mark>Königstraße</mark> hier"),
        ("İİİ ß fox ﬃ", "fox", "İİİ ß <mark>fox</mark> ﬃ"),
        ("ßßß fox", "ssssss", "<mark>ßßß</mark> fox"),
        ("ﬁ ﬁ fine", "fi", "<mark>ﬁ</mark> <mark>ﬁ</mark> fine"),
        ("الكِتَابُ، كِتَابٌ", "كتاب", "الكِتَابُ، <mark>كِتَابٌ</mark>"),
        ("e\u0301te\u0301 <i>", "ete", "<mark>e\u0301te\u0301</mark> &lt;i&gt;"),
        (
            "\u1112\u1161\u11ab\u1100\u116e\u11a8 x",
            "한국",
            "<mark>\u1112\u1161\u11ab\u1100\u116e\u11a8</mark> x",
        ),
        ("か\u3099く", "がく", "<mark>か\u3099く</mark>"),
        ("\u0995\u09c7\u09be x", "\u0995\u09cb", "<mark>\u0995\u09c7\u09be</mark> x"),
        ("café cafe cafés", "cafe", "<mark>café</mark> <mark>cafe</mark> cafés"),
        ("café cafe", "café", "<mark>café</mark> cafe"),
    ],
)
def test_a_match_is_marked_as_written(text: str, word: str, snippet: str) -> None:
    assert Marker.of([word]).snippet(text) == snippet
