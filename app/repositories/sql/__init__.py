"""Statements as SQL text, for those that are clearer so."""

from functools import cache
from importlib.resources import files


@cache
def statement(*names: str) -> str:
    """Return the texts of these files of this folder, one behind the other."""
    folder = files(__name__)
    return "".join(folder.joinpath(f"{name}.sql").read_text(encoding="utf-8") for name in names)
