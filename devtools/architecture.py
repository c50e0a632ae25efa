"""Draws the picture of docs/architecture.md from the imports of app/; a rule of ./dev check compares them."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from devtools.state import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE: Final = "docs/architecture.md"
# The parts of the picture: title, then the modules and packages below app/ that belong to it.
PARTS: Final = {
    "entry": ("main, worker, tasks", ("main", "worker", "tasks", "task_events")),
    "cli": ("__main__, cli", ("__main__", "cli")),
    "http": (
        "routers, middleware, openapi, http_server",
        (
            "routers",
            "middleware",
            "dependencies",
            "error_handlers",
            "problem_response",
            "openapi",
            "http_server",
            "routing",
        ),
    ),
    "bootstrap": ("bootstrap", ("bootstrap",)),
    "operations": ("services/operations", ("services.operations",)),
    "account": ("services/account", ("services.account",)),
    "billing": ("services/billing", ("services.billing",)),
    "chat": ("services/chat", ("services.chat",)),
    "generation": ("services/generation", ("services.generation",)),
    "identity": ("services/identity", ("services.identity",)),
    "usage": ("services/usage", ("services.usage",)),
    "shared": ("services: what domains share", ("services",)),
    "transaction": ("unit_of_work", ("unit_of_work",)),
    "repositories": ("repositories", ("repositories",)),
    "database": ("database, migrations", ("database", "migrations")),
    "queue": ("queue, celery_app", ("queue", "celery_app")),
    "redis": ("redis_client, rate_limiter", ("redis_client", "rate_limiter")),
    "gemini": ("gemini_client", ("gemini_client",)),
    "stripe": ("stripe_client", ("stripe_client",)),
    "sms": ("sms_client", ("sms_client",)),
    "data": ("models, schemas", ("models", "schemas")),
    "base": (
        "kit, errors, config, log",
        ("kit", "security", "errors", "config", "log", "log_lines", "metrics", "tracing"),
    ),
}
BLOCK: Final = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)


class Imports:
    """The imports among the parts of app/."""

    def __init__(self, root: Path) -> None:
        self.modules = {
            ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
            for path in (root / "app").rglob("*.py")
        }

    @cached_property
    def between_parts(self) -> dict[str, set[str]]:
        """The parts that each part imports."""
        found: dict[str, set[str]] = {part: set() for part in PARTS}
        for module, path in self.modules.items():
            if module == "app":
                continue
            part = part_of(module)
            found[part] |= {part_of(name) for name in self._imported(path) if name != "app"} - {part}
        return found

    def _imported(self, path: Path) -> Iterator[str]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "app":
                for alias in node.names:
                    name = f"{node.module}.{alias.name}"
                    yield name if name in self.modules else node.module
            elif isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "app")


def part_of(module: str) -> str:
    """Return the part that a module such as `app.services.chat.search` belongs to; the longest name wins."""
    matching = {
        prefix: part
        for part, (_, prefixes) in PARTS.items()
        for prefix in prefixes
        if f"{module}.".startswith(f"app.{prefix}.")
    }
    if not matching:
        raise ValueError(f"{module} belongs to no part of the picture: name it in devtools/architecture.py")
    return matching[max(matching, key=len)]


def draw(root: Path = ROOT) -> str:
    """Return the picture in Mermaid's language: an arrow for each import that no longer way implies.

    Raises:
        ValueError: parts import each other in a circle, or a module belongs to no part.
    """
    graph = Imports(root).between_parts
    lines = ["flowchart TD"]
    lines += [f'    {part}["{title}"]' for part, (title, _) in PARTS.items()]
    for part, imported in graph.items():
        implied = {below for other in imported for below in reachable(graph, other) - {other}}
        lines += [f"    {part} --> {other}" for other in PARTS if other in imported - implied]
    return "\n".join(lines) + "\n"


def reachable(graph: dict[str, set[str]], start: str, path: tuple[str, ...] = ()) -> set[str]:
    """Return the part itself and everything that it imports, directly or through others.

    Raises:
        ValueError: the parts import each other in a circle.
    """
    if start in path:
        raise ValueError(f"a circle of imports: {' → '.join((*path, start))}")
    return {start}.union(*(reachable(graph, other, (*path, start)) for other in graph[start]))


def outdated_picture(root: Path) -> list[str]:
    """Complain unless the picture in docs/architecture.md equals the imports."""
    drawn = BLOCK.search((root / PAGE).read_text())
    try:
        if drawn and drawn[0] == draw(root):
            return []
    except ValueError as error:
        return [str(error)]
    return [f"{PAGE} does not show the present imports: run `.venv/bin/python -m devtools.architecture`"]


if __name__ == "__main__":
    page = ROOT / PAGE
    page.write_text(BLOCK.sub(lambda _: draw(), page.read_text(), count=1))
