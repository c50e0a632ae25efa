"""Complete the locks that uv has made: `make lock` runs this last, with any Python.

To pip's releases of 2023 `name` and `name[extra]` are two requirements. With only one of them pinned, a
package that requires the other gets the newest release, and the installation ends for want of its hash. So
each package that is pinned with extras is pinned without them, too, and with each one alone.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_ENTRY = re.compile(r"(?m)^(?=[A-Za-z0-9])")
_WITH_EXTRAS = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)\[(?P<extras>[^\]]+)\](?P<rest>==[^#]+?)\n *#", re.DOTALL
)
_COMMENT = "    # the same to pip's newest releases, another requirement to its older ones\n"


def complete(lock: str) -> str:
    """Return the lock with a pin for every form in which its packages may be required."""
    head, *entries = _ENTRY.split(lock)
    completed = [head]
    for entry in entries:
        if _COMMENT in entry:
            continue  # made here the last time
        if found := _WITH_EXTRAS.match(entry):
            extras = found["extras"].split(",")
            forms = ["", *(f"[{extra}]" for extra in extras if len(extras) > 1)]
            completed += [f"{found['name']}{form}{found['rest']}\n{_COMMENT}" for form in forms]
        completed.append(entry)
    return "".join(completed)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(complete(Path(name).read_text()))
