"""House rules that no other tool checks; each returns its complaints."""

from __future__ import annotations

import ast
import re
from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devtools import locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LOCKS = ("requirements.txt", "requirements-dev.txt")
DENIED = {
    "python-jose": "depends on ecdsa, whose CVE-2024-23342 will not be fixed",
    "ecdsa": "CVE-2024-23342 will not be fixed",
    "passlib": "last released in 2020, fails with today's bcrypt",
    "google-generativeai": "support ended on 2025-11-30",
}
ADDRESS = re.compile(r"://|find-links|file:|index-url|^\s*[./]", re.MULTILINE)
ENDS_TRANSACTION = re.compile(r"\.(commit|rollback)\(")
SAYS_ITS_JOB = re.compile(r'"""\w')
MOST_LINES = 250
# What the glossary replaced, with the words to use; the second pattern is a clause in place of a verb.
REPLACED_WORDS = {
    r"persons?|people|somebody|anybody|everybody|nobody|whoever|whom": "user, client, caller, request",
    r"wish(es)?": "request, checkout",
    r"forgotten|as good as|this very": "stale, unclaimed; equal to; concurrently",
    r"(is|are|was|were|be|goes|went|found|taken for) (away|gone)": "unavailable, deleted, ended",
    r"look(s|ed|ing)? (at|into|after|for)": "read, check, query",
    r"told|anew": "reported, again",
}
WORDED = re.compile("|".join(rf"(\b({words})\b)" for words in REPLACED_WORDS), re.IGNORECASE)
CLAUSE_FIRST = re.compile(r'"""(Who|What|Whose|Whoever)\b')
# Values of released tables, the system's user of that name, and the prompts for summaries and titles.
RIGHT_WORDS = re.compile(r'"person"|`nobody`|\'nobody\'|between a person and|third person|numbers, wishes')


def denied_packages(root: Path) -> list[str]:
    """No lock holds a package that was ruled out."""
    return [
        f"{lock}: {name} is ruled out: {DENIED[name]}"
        for lock in LOCKS
        for written in re.findall(r"^[A-Za-z0-9._-]+", (root / lock).read_text(), re.MULTILINE)
        if (name := written.lower().replace("_", "-")) in DENIED
    ]


def addresses_in_locks(root: Path) -> list[str]:
    """No lock names a host or a path of the machine it was made on."""
    return [
        f"{lock}:{number}: names an address or a path: {line.strip()}"
        for lock in LOCKS
        for number, line in enumerate((root / lock).read_text().splitlines(), 1)
        if ADDRESS.search(line)
    ]


def unpinned_requirements(root: Path, path: Sequence[str] | None = None) -> list[str]:
    """Every requirement of a locked package or an .in file is pinned, with its extras, on every target.

    To some releases of pip a pin without the extra is no pin: they take the newest release instead.
    """
    installed = {
        (canonicalize_name(found.name), found.version): [Requirement(line) for line in found.requires or ()]
        for found in (metadata.distributions() if path is None else metadata.distributions(path=list(path)))
    }
    complaints = []
    for lock, source in locks.SOURCES.items():
        pins, roots = locks.read_pins(root / lock), locks.read_roots(root / source)
        complaints += [
            f"{lock}: {pin.name} {pin.version} is not installed, so its requirements are unknown"
            for pin in pins
            if pin.is_for(None) and (pin.name, pin.version) not in installed
        ]
        found = [line for target in locks.TARGETS for line in locks.unmet(pins, roots, installed, target)]
        complaints += [f"{lock}: {line}" for line in dict.fromkeys(found)]
    return complaints


def file_shapes(root: Path) -> list[str]:
    """Every file says its one job in its first line and stays short."""
    complaints = []
    for path in (*sources(root, "app"), *sources(root, "sandbox"), *sources(root, "devtools")):
        text, name = path.read_text(), path.relative_to(root)
        if (length := len(text.splitlines())) > MOST_LINES:
            complaints.append(f"{name}: {length} lines; {MOST_LINES} is the most")
        if not SAYS_ITS_JOB.match(text):
            complaints.append(f'{name}: the first line has to say the one job of this file, in """ """')
    return complaints


def ends_of_transactions(root: Path) -> list[str]:
    """Only the unit of work commits and rolls back."""
    return [
        f"{path.relative_to(root)}:{number}: only unit_of_work.py may commit or roll back"
        for path in sources(root, "app")
        if path != root / "app/unit_of_work.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if ENDS_TRANSACTION.search(line)
    ]


def detours_through_threads(root: Path) -> list[str]:
    """Routes and what they depend on are coroutines: FastAPI sends other functions through a thread."""
    complaints = []
    for path in sources(root, "app"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        needed = {
            argument.id
            for node in nodes
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Depends"
            for argument in node.args
            if isinstance(argument, ast.Name)
        }
        complaints += [
            f"{path.relative_to(root)}:{node.lineno}: {node.name} has to be `async def`, or it costs a thread"
            for node in nodes
            if isinstance(node, ast.FunctionDef) and (node.name in needed or _is_route(node))
        ]
    return complaints


def replaced_words(root: Path) -> list[str]:
    """Code and documents use the terms of docs/glossary.md, and docstrings begin with a verb or a noun."""
    paths = [*sources(root, "app"), *sorted((root / "docs").rglob("*.md")), *sorted(root.glob("*.md"))]
    advice = list(REPLACED_WORDS.values())
    complaints = []
    for path in paths:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            place = f"{path.relative_to(root)}:{number}"
            if found := WORDED.search(RIGHT_WORDS.sub("", line)):
                index = next(
                    i
                    for i, words in enumerate(REPLACED_WORDS)
                    if re.fullmatch(words, found[0], re.IGNORECASE)
                )
                complaints.append(f"{place}: '{found[0]}'; say {advice[index]}")
            elif CLAUSE_FIRST.search(line):
                complaints.append(f"{place}: begin with a verb or a noun")
    return complaints


def _is_route(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator).startswith("router.") for decorator in function.decorator_list)


def sources(root: Path, package: str) -> Iterator[Path]:
    """The package's Python files, in order."""
    yield from sorted((root / package).rglob("*.py"))
