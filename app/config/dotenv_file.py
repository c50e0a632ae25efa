"""The file `.env`: whether it is readable, and which lines are malformed."""

import io
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

DOTENV_FILE = ".env"
ENCODING = "utf-8-sig"
"""UTF-8, with or without a byte order mark."""


def dotenv_problems() -> list[str]:
    """Return the problems of the file in the working directory, without any part of it; it may be missing."""
    if unreadable := unreadable_dotenv():
        return [unreadable]
    path = Path(DOTENV_FILE)
    text = path.read_text(encoding=ENCODING) if path.exists() else ""
    lines = [
        binding.original.line
        for binding in parse_stream(io.StringIO(text))
        if binding.error or (binding.key is not None and binding.value is None)
    ]
    return [
        f"{DOTENV_FILE} line {line} is not NAME=value, or a quotation mark in it is not closed"
        for line in lines
    ]


def dotenv_variables() -> dict[str, str]:
    """Return the variables of the file; none if it is missing."""
    values = dotenv_values(DOTENV_FILE, encoding=ENCODING)
    return {name: value for name, value in values.items() if value is not None}


def unreadable_dotenv() -> str | None:
    """Return why the whole file cannot be read; None if it can, or is missing."""
    path = Path(DOTENV_FILE)
    try:
        if not path.exists():
            return None
        if path.is_dir():
            return f"{DOTENV_FILE} is a folder, and should be a file or not be there"
        path.read_text(encoding=ENCODING)
    except UnicodeDecodeError:
        return f"{DOTENV_FILE} is not UTF-8 text: save it in that encoding"
    except OSError as error:
        return f"{DOTENV_FILE} cannot be read: {error.strerror or type(error).__name__}"
    return None
