"""Install and resolve both locks as users do, from an index that also offers newer releases of everything."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from devtools import locks, newer
from devtools.pip import LOCKED, InstallError, dry_run, run_pip, run_python
from devtools.pythons import SUPPORTED, Python, find_pythons
from devtools.state import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

LOCK, DEV_LOCK = locks.SOURCES
AT_ONCE = 2
RESOLVED_FOR = {"3.11.0", "3.12.99", "3.13.99"}  # later releases of 3.11 need fewer packages
# The oldest systems for which there are wheels of everything: glibc 2.28 (Debian 10, RHEL 8) and macOS 11.
_GLIBC = range(28, 4, -1)
WHEEL_PLATFORMS = {
    "Linux x86-64": ["manylinux2014_x86_64", *(f"manylinux_2_{minor}_x86_64" for minor in _GLIBC)],
    "Linux aarch64": ["manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in _GLIBC)],
    "macOS arm64": ["macosx_11_0_arm64"],
    "macOS x86-64": ["macosx_11_0_x86_64"],
}
_DESCRIBE = """\
import importlib.metadata, json, os, platform, sys
full = platform.python_version()
print(json.dumps({
    "environment": {
        "implementation_name": sys.implementation.name, "implementation_version": full, "os_name": os.name,
        "platform_machine": platform.machine(), "platform_system": platform.system(),
        "platform_python_implementation": platform.python_implementation(), "python_full_version": full,
        "python_version": ".".join(full.split(".")[:2]), "sys_platform": sys.platform,
    },
    "installed": [[found.metadata["Name"], found.version] for found in importlib.metadata.distributions()],
}))
"""
_WITH_VENV = {"pip", "setuptools"}  # in a new virtual environment


@dataclass(frozen=True, slots=True)
class Trials:
    """The ways in which the locks of `root` are installed, each in a folder of its own below `folder`."""

    root: Path
    folder: Path

    def offer_newer_releases(self) -> None:
        """Make the folder of newer releases, and see that pip takes from it what is not pinned."""
        pins = [pin for lock in locks.SOURCES for pin in locks.read_pins(self.root / lock)]
        self._offer.mkdir()
        newer.make_newer_releases(self._offer, {(pin.name, pin.version) for pin in pins})
        unpinned = pins[0].name
        report = self.folder / "unpinned.json"
        taken = dry_run(sys.executable, report, "--no-deps", "--find-links", self._offer, unpinned)
        if list(taken) != [(unpinned, newer.VERSION)]:
            raise InstallError(f"pip does not see the newer releases: {unpinned} gave {list(taken)}")

    def install_as_readme_says(self, python: Python) -> None:
        """`pip install -r requirements.txt`, as the client's document has it."""
        with self.new_venv(python) as program:
            run_pip(program, "install", "--no-compile", "--find-links", self._offer, "-r", self.root / LOCK)
            self._compare(program, LOCK)

    def install_as_dev_does(self, python: Python) -> None:
        """Install the other lock with nothing to resolve, as ./dev does; and resolve it in a dry run."""
        with self.new_venv(python) as program:
            offered: list[str | Path] = ["--find-links", self._offer, "-r", self.root / DEV_LOCK]
            run_pip(program, "install", "--no-compile", *LOCKED, *offered)
            environment = self._compare(program, DEV_LOCK)
            resolved = dry_run(program, program.parents[2] / "report.json", *offered)
            self._expect(DEV_LOCK, environment, resolved)

    def resolve(self, target: locks.Target, program: Path) -> None:
        """Resolve both locks for a platform that need not be this one, with the pip of `program`.

        pip takes the wheels of the target, but evaluates markers for the Python that it runs on. So it is
        given the lines that hold on the target, without their markers; and the requirements that these wheels
        have there are compared with the locks here.
        """
        pins = {lock: locks.read_pins(self.root / lock) for lock in locks.SOURCES}
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        arguments: list[str | Path] = [*LOCKED, "--target", folder / "target", "--implementation", "cp"]
        arguments += ["--python-version", target.python]
        for platform in WHEEL_PLATFORMS[target.platform]:
            arguments += ["--platform", platform]
        for lock, all_pins in pins.items():
            lines = [pin.line() for pin in all_pins if pin.is_for(target.environment)]
            (folder / lock).write_text("\n".join(lines))
            arguments += ["-r", folder / lock]
        resolved = dry_run(program, folder / "report.json", *arguments)
        self._expect(DEV_LOCK, target.environment, resolved)
        for lock, source in locks.SOURCES.items():
            open_ends = locks.unmet(pins[lock], locks.read_roots(self.root / source), resolved, target)
            if complaints := "\n".join(f"{lock}: {line}" for line in open_ends):
                raise InstallError(complaints)

    @contextmanager
    def new_venv(self, python: Python) -> Iterator[Path]:
        """A virtual environment with the bundled pip, in a folder that is deleted at the end; its Python."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            run_python(python.program, "-m", "venv", Path(folder, "venv"))
            yield Path(folder, "venv", "bin", "python")

    @property
    def _offer(self) -> Path:
        return self.folder / "newer releases"

    def _compare(self, program: Path, lock: str) -> Mapping[str, str]:
        """See that all fits and exactly the lock is installed; returns the values of the markers there."""
        run_pip(program, "check")
        described = json.loads(run_python(program, "-c", _DESCRIBE))
        found = {(canonicalize_name(name), version) for name, version in described["installed"]}
        environment: Mapping[str, str] = described["environment"]
        self._expect(lock, environment, {item for item in found if item[0] not in _WITH_VENV})
        return environment

    def _expect(self, lock: str, environment: Mapping[str, str], found: Iterable[tuple[str, str]]) -> None:
        pins = [pin for pin in locks.read_pins(self.root / lock) if pin.is_for(environment)]
        expected = {(str(pin.name), pin.version) for pin in pins}
        if difference := expected.symmetric_difference(found):
            raise InstallError(f"{lock} and what pip takes differ in {sorted(difference)}")


def main() -> int:
    """Run every trial, some at once; 1 if any failed."""
    pythons = find_pythons()
    for python in pythons:
        print(f"found   {python}: {python.program}")
    for version in sorted(set(SUPPORTED) - {python.version for python in pythons}):
        print(f"absent  Python {version}: nothing is installed with it")
    if not pythons:
        raise SystemExit("none of them was found with its venv module")
    with tempfile.TemporaryDirectory(prefix="installs-") as folder:
        trials = Trials(ROOT, Path(folder))
        trials.offer_newer_releases()
        todo: dict[str, Callable[[], None]] = {}
        for python in pythons:
            todo[f"{DEV_LOCK}, {python}"] = partial(trials.install_as_dev_does, python)
            todo[f"{LOCK}, {python}"] = partial(trials.install_as_readme_says, python)
        with trials.new_venv(pythons[-1]) as program, ThreadPoolExecutor(AT_ONCE) as pool:
            for target in locks.TARGETS:
                if target.python in RESOLVED_FOR:
                    todo[f"both for {target}"] = partial(trials.resolve, target, program)
            passed = list(pool.map(passes, todo, todo.values()))
    failed = passed.count(False)
    print(f"{failed} of {len(passed)} trials failed" if failed else "all trials passed")
    return 1 if failed else 0


def passes(name: str, trial: Callable[[], None]) -> bool:
    """Run one trial and say so."""
    begin = time.monotonic()
    try:
        trial()
    except InstallError as error:
        complaint = f"\n{error}"
    else:
        complaint = ""
    seconds = time.monotonic() - begin
    print(f"{'FAILED' if complaint else 'ok':<6}  {name:<52}{seconds:6.1f} s{complaint}", flush=True)
    return not complaint


if __name__ == "__main__":
    sys.exit(main())
