"""What ./dev check does: every check there is besides the tests, one line each."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from devtools import architecture, rules
from devtools.state import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# A folder with a quote or a dollar breaks the scripts in .venv/bin, so the tools run as modules.
IMPORT_LINTER = "from importlinter.cli import lint_imports_command; lint_imports_command()"
PYTHON_FILES = [".", "dev"]  # ruff finds the rest, but `dev` has no .py
COMMANDS = {
    "format": ["ruff", "format", "--check", "--quiet", "--output-format=concise", *PYTHON_FILES],
    "lint": ["ruff", "check", "--output-format=concise", *PYTHON_FILES],
    "types": ["mypy"],
    "types of ./dev": ["mypy", "dev", "flowerconfig.py"],
    "imports": ["lint-imports", "--no-logo"],
    "security": ["bandit", "-q", "-r", "app", "sandbox", "-c", "pyproject.toml"],
}
REPAIRS = [["ruff", "format", *PYTHON_FILES], ["ruff", "check", "--fix", *PYTHON_FILES]]
RULES = {
    "packages ruled out": rules.denied_packages,
    "locks without addresses": rules.addresses_in_locks,
    "locks complete, with extras": rules.unpinned_requirements,
    "files small, with a first line": rules.file_shapes,
    "one place that commits": rules.ends_of_transactions,
    "no detours through threads": rules.detours_through_threads,
    "words of the glossary": rules.replaced_words,
    "picture equals the imports": architecture.outdated_picture,
}


def main() -> int:
    """Run every check, also after one has failed; 1 if any has."""
    if sys.argv[1:] not in ([], ["--fix"]):
        raise SystemExit("./dev check takes nothing or --fix")
    if sys.argv[1:]:
        for repair in REPAIRS:
            run_tool(repair)
    checks: dict[str, Callable[[], str]] = {name: partial(run_tool, args) for name, args in COMMANDS.items()}
    checks |= {name: partial(run_rule, rule) for name, rule in RULES.items()}
    failed = [name for name, check in checks.items() if not passes(name, check)]
    print(
        f"{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}"
        if failed
        else "all checks passed"
    )
    return 1 if failed else 0


def passes(name: str, check: Callable[[], str]) -> bool:
    """Run one check and say so; a check answers with its complaints."""
    begin = time.monotonic()
    complaints = check()
    print(f"{'FAILED' if complaints else 'ok':<6}  {name:<32}{time.monotonic() - begin:6.1f} s", flush=True)
    if complaints:
        print(complaints, flush=True)
    return not complaints


def run_tool(args: Sequence[str]) -> str:
    """The output of a tool that failed, or nothing."""
    program = ["-c", IMPORT_LINTER] if args[0] == "lint-imports" else ["-m", args[0]]
    done = subprocess.run(
        [sys.executable, *program, *args[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return f"{done.stdout}{done.stderr}".rstrip() or "failed silently" if done.returncode else ""


def run_rule(rule: Callable[[Path], list[str]]) -> str:
    """The complaints of a house rule, or nothing."""
    return "\n".join(rule(ROOT))


if __name__ == "__main__":
    sys.exit(main())
