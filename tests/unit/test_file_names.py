"""File names of downloads."""

import pytest

from app.kit.download import file_name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Trip to Norway", "Trip to Norway.md"),
        ("../../etc/passwd", "etc-passwd.md"),
        ('a/b\\c:d*e?f"g<h>i|j%k', "a-b-c-d-e-f-g-h-i-j-k.md"),
        ("line\nbreak\u202egnp", "line-break-gnp.md"),
        (".hidden.", "hidden.md"),
        ("nul", "chatroom nul.md"),
        ("Com1.backup", "chatroom Com1.backup.md"),
        ("\u0000", "chatroom.md"),
        ("ä" * 200, "ä" * 90 + ".md"),
        ("e\u0301", "\u00e9.md"),
    ],
)
def test_a_name_is_one_that_every_file_system_accepts(title: str, name: str) -> None:
    assert file_name(title, "md") == name
