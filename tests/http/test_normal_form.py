"""The combining marks that normalization sorts, over all of Unicode."""

import re
import sys
import unicodedata

from app.kit.normal_form import MARKS


def _is_mark(sign: str) -> bool:
    return all(unicodedata.combining(part) for part in unicodedata.normalize("NFKD", sign))


def test_every_mark_that_normalising_sorts_is_known_and_no_other() -> None:
    is_known = re.compile(f"[{MARKS}]")
    for code in range(sys.maxunicode + 1):
        sign = chr(code)
        if _is_mark(sign):
            assert is_known.match(sign), ascii(sign)
        elif is_known.match(sign):  # of a Unicode that is newer than this Python's
            assert unicodedata.category(sign) == "Cn", ascii(sign)
