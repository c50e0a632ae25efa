"""The combining marks that normalization sorts, over all of Unicode."""

import re
import sys
import unicodedata

from app.kit.normal_form import MARKS


def _is_mark(sign: str) -> bool:
    return all(unicodedata.combining(part) for part in unicodedata.normalize("NFKD", sign))


def test_the_marks_are_exactly_those_that_normalization_sorts() -> None:
    is_known = re.compile(f"[{MARKS}]")
    for code in range(sys.maxunicode + 1):
        sign = chr(code)
        if _is_mark(sign):
            assert is_known.match(sign), ascii(sign)
        elif is_known.match(sign):  # of a Unicode that is newer than this Python's
            assert unicodedata.category(sign) == "Cn", ascii(sign)
