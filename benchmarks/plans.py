"""Write how PostgreSQL runs each named statement among a million messages: app/repositories/sql/plans.md.

The plans are those for any values, as the server uses them for prepared statements. A change of a statement
is judged by the change of its plan in this file.
"""

import argparse
import importlib
import pkgutil
import re
from collections import Counter
from itertools import takewhile
from pathlib import Path
from typing import Final

import psycopg

import app.repositories
from app.database import Statement
from benchmarks.histories import Size, make_histories
from benchmarks.product import product
from benchmarks.servers import servers

PAGE: Final = Path("app/repositories/sql/plans.md")
_TITLE: Final = (
    "# Plans of the statements\n\nWritten by `./dev bench plans` on {server}: a user with {rooms:,} rooms,"
    " one of them of {long_room:,} messages, among a million messages; planned for any values.\n"
)
_NAME: Final = re.compile(r"^-- (\w+)$", re.MULTILINE)
_PARAMETER: Final = re.compile(r"\$(\d+)")


def named_statements() -> dict[str, Statement]:
    """Return every statement of the repositories by its name: that of its text which no other has."""
    modules = [
        importlib.import_module(f"app.repositories.{found.name}")
        for found in pkgutil.iter_modules(app.repositories.__path__)
    ]
    values = (value for module in modules for value in vars(module).values())
    found = {value.text: value for value in values if isinstance(value, Statement)}
    uses = Counter(name for text in found for name in _NAME.findall(text))
    by_name = {
        next(name for name in _NAME.findall(text) if uses[name] == 1): statement
        for text, statement in found.items()
    }
    return {name: by_name[name] for name in sorted(by_name)}


def _plan(connection: psycopg.Connection, statement: Statement) -> str:
    """Return the plan of a statement for any values."""
    values = ", ".join("NULL" for _ in set(_PARAMETER.findall(statement.text)))
    connection.execute(b"PREPARE asked AS " + statement.text.encode())
    execute = f"EXECUTE asked({values})" if values else "EXECUTE asked"
    lines = [line for [line] in connection.execute(b"EXPLAIN (COSTS OFF) " + execute.encode())]
    connection.execute("DEALLOCATE asked")
    # PostgreSQL 16 and later name the statement, too.
    return "\n".join(takewhile(lambda line: not line.startswith("Query Identifier"), lines))


def main() -> None:
    """Make the histories, explain, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", action="store_true", help="use the installed PostgreSQL and Redis")
    size, options = Size(), parser.parse_args()
    with servers(installed=options.servers) as given, product(given) as made:
        made.start_api()
        made.sign_up(1, rooms=0)
        make_histories(made.stack.database.url, made.users[0].id, size)
        with psycopg.connect(made.stack.database.url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("SET plan_cache_mode = force_generic_plan")
            version = f"PostgreSQL {connection.info.server_version // 10_000}"
            parts = [_TITLE.format(server=version, rooms=size.rooms, long_room=size.long_room)]
            for name, statement in named_statements().items():
                parts.append(f"## {name}\n\n```\n{_plan(connection, statement)}\n```\n")
    PAGE.write_text("\n".join(parts))
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
