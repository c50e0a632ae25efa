"""Print every metric as a row of a Markdown table: `python -m app.metrics`."""

import sys

from app.metrics.catalogue import CATALOGUE

_HEAD = "| metric | type | labels | job | meaning |\n|---|---|---|---|---|\n"


def table() -> str:
    """Return the table of all metrics of this product."""
    return _HEAD + "".join(
        f"| `{family.name}` | {family.kind} | {', '.join(f'`{label}`' for label in family.labels)}"
        f" | {', '.join(sorted(family.processes))} | {family.text} |\n"
        for family in CATALOGUE.values()
    )


if __name__ == "__main__":
    sys.stdout.write(table())
