"""Results as rows of a table: ours, the floor, their ratio, and whether the target is reached."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.series import Series, number

HEAD = ("work", "ours", "floor", "ratio", "target", "")


@dataclass(frozen=True, slots=True)
class Target:
    """A bound that a value should keep."""

    bound: float
    is_least: bool = False
    """Whether the bound is the least value; otherwise it is the greatest."""
    unit: str = ""

    def is_reached(self, value: float) -> bool:
        """Compare a value with the bound."""
        return value >= self.bound if self.is_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.is_least else '≤'} {number(self.bound)}{self.unit}"


@dataclass(frozen=True, slots=True)
class Row:
    """One measured kind of work."""

    work: str
    ours: str
    floor: str = ""
    ratio: str = ""
    target: Target | None = None
    compared: float = 0.0
    """The value that the target is compared with."""

    def cells(self) -> tuple[str, ...]:
        """Return the row's texts, in the order of HEAD."""
        verdict = ""
        if self.target is not None:
            verdict = "reached" if self.target.is_reached(self.compared) else "not reached"
        return self.work, self.ours, self.floor, self.ratio, str(self.target or ""), verdict


@dataclass(frozen=True, slots=True)
class Section:
    """The results of one benchmark, and a sentence about what is compared."""

    name: str
    about: str
    rows: tuple[Row, ...]


def at_least(bound: float, unit: str = "") -> Target:
    """Return a target for values that should be high."""
    return Target(bound, is_least=True, unit=unit)


def at_most(bound: float, unit: str = "") -> Target:
    """Return a target for values that should be low."""
    return Target(bound, unit=unit)


def compare(work: str, ours: Series, floor: Series, unit: str, target: Target | None = None) -> Row:
    """Build a row whose target is about the ratio of both."""
    ratio = ours.over(floor)
    return Row(work, ours.written(unit), floor.written(unit), ratio.written(""), target, ratio.median)


def state(work: str, ours: Series, unit: str, target: Target | None = None, *, floor: str = "") -> Row:
    """Build a row whose target is about our own value; the floor is for reading only."""
    return Row(work, ours.written(unit), floor, "", target, ours.median)


def add(work: str, ours: float, floor: float, unit: str, target: Target) -> Row:
    """Build a row whose target is about the difference of both, which takes the ratio's place."""
    difference = ours - floor
    texts = (f"{number(ours)}{unit}", f"{number(floor)}{unit}", f"{difference:+.1f}{unit}")
    return Row(work, *texts, target, difference)


def table(rows: Sequence[Row]) -> list[str]:
    """Write rows as a Markdown table."""
    if not rows:
        return []
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def printed(section: Section) -> str:
    """Write a section for the terminal, in columns."""
    lines = [HEAD, *(row.cells() for row in section.rows)] if section.rows else []
    widths = [max((len(line[column]) for line in lines), default=0) for column in range(len(HEAD))]
    texts = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([f"{section.name}: {section.about}", *texts, ""])
