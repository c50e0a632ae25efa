"""Put measured results into docs/performance.md; its other text is benchmarks/performance.md."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.report import Section, table

_FOLDER: Final = Path(__file__).resolve().parent
TEMPLATE: Final = _FOLDER / "performance.md"
PAGE: Final = _FOLDER.parent / "docs" / "performance.md"
_MACHINE: Final = "<!-- machine -->"
_RESULTS: Final = "<!-- results -->"


def render(template: str, *, command: str, machine: Iterable[str], sections: Sequence[Section]) -> str:
    """Replace the two marks of the template by what was measured."""
    facts = "\n".join(f"- {fact}" for fact in (f"`{command}`", *machine))
    results = "\n\n".join(
        "\n".join([f"### {section.name}", "", section.about, "", *table(section.rows)]).rstrip()
        for section in sections
    )
    return template.replace(_MACHINE, facts).replace(_RESULTS, results)
