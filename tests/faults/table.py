"""Table at the end of a run, with one line per fault."""

from dataclasses import dataclass

_HEAD = ("fault", "times", "accepted", "lost", "doubled", "slowest POST")


@dataclass(frozen=True, slots=True)
class Line:
    """Result of one fault."""

    fault: str
    times: str
    accepted: int
    lost: int
    doubled: int
    slowest: float

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the line as text."""
        numbers = (self.accepted, self.lost, self.doubled)
        return (self.fault, self.times, *map(str, numbers), f"{self.slowest:.2f} s")


def _order(line: Line) -> tuple[int, str]:
    """Return the sort key: the fault's number, those without one last."""
    word = line.fault.split()[0]
    return (int(word[1:]) if word[1:].isdigit() else 99, word)


def drawn(lines: list[Line]) -> list[str]:
    """Return the lines as a table with totals."""
    total = Line(
        "all",
        "",
        sum(line.accepted for line in lines),
        sum(line.lost for line in lines),
        sum(line.doubled for line in lines),
        max((line.slowest for line in lines), default=0.0),
    )
    rows = [_HEAD, *(line.cells() for line in sorted(lines, key=_order)), total.cells()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    written = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return [written[0], "-" * len(written[0]), *written[1:-1], "-" * len(written[0]), written[-1]]
