"""Read the locks, and find what their packages require that is not pinned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

SOURCES = {"requirements.txt": "requirements.in", "requirements-dev.txt": "requirements-dev.in"}
PLATFORMS = {  # the name of a platform: sys_platform, platform_system, platform_machine
    "Linux x86-64": ("linux", "Linux", "x86_64"),
    "Linux aarch64": ("linux", "Linux", "aarch64"),
    "macOS arm64": ("darwin", "Darwin", "arm64"),
    "macOS x86-64": ("darwin", "Darwin", "x86_64"),
}
# The first and the last 3.11: later releases need fewer packages.
PYTHONS = ("3.11.0", "3.11.99", "3.12.99", "3.13.99")


@dataclass(frozen=True, slots=True)
class Target:
    """A platform and a Python that the locks have to serve."""

    platform: str
    python: str

    def __str__(self) -> str:
        return f"Python {self.python} on {self.platform}"

    @property
    def environment(self) -> dict[str, str]:
        """The values of the markers there."""
        sys_platform, system, machine = PLATFORMS[self.platform]
        return {
            "implementation_name": "cpython",
            "implementation_version": self.python,
            "os_name": "posix",
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_system": system,
            "python_full_version": self.python,
            "python_version": ".".join(self.python.split(".")[:2]),
            "sys_platform": sys_platform,
        }


TARGETS = tuple(Target(platform, python) for platform in PLATFORMS for python in PYTHONS)


@dataclass(frozen=True)
class Pin:
    """One package of a lock, with all that the lock says of it."""

    requirement: Requirement
    hashes: tuple[str, ...] = ()

    @cached_property
    def name(self) -> NormalizedName:
        """In its canonical form."""
        return canonicalize_name(self.requirement.name)

    @cached_property
    def extras(self) -> frozenset[str]:
        """In their canonical form."""
        return _canonical(self.requirement.extras)

    @cached_property
    def version(self) -> str:
        """The one version that is pinned; raises ValueError if there is no such."""
        (specifier,) = self.requirement.specifier
        if specifier.operator != "==":
            raise ValueError(f"{self.requirement} pins no version")
        return specifier.version

    def is_for(self, environment: Mapping[str, str] | None) -> bool:
        """Whether the lock installs it there; None is the running Python."""
        marker = self.requirement.marker
        return marker is None or marker.evaluate(dict(environment) if environment is not None else None)

    def written(self) -> str:
        """Name, extras and version."""
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        return f"{self.name}{extras}=={self.version}"

    def line(self) -> str:
        """As a line of a lock, without the marker."""
        return " ".join([self.written(), *(f"--hash={value}" for value in self.hashes)])


def read_pins(lock: Path) -> list[Pin]:
    """The packages of a lock, in its order."""
    pins = []
    for line in _logical_lines(lock):
        written, *hashes = line.split(" --hash=")
        pins.append(Pin(Requirement(written), tuple(value.strip() for value in hashes)))
    return pins


def read_roots(source: Path) -> list[Requirement]:
    """The requirements of an .in file and of those that it includes."""
    included = [
        requirement
        for line in source.read_text().splitlines()
        if line.startswith("-r ")
        for requirement in read_roots(source.with_name(line.removeprefix("-r ").strip()))
    ]
    return [*included, *(Requirement(line) for line in _logical_lines(source))]


def unmet(
    pins: Iterable[Pin],
    roots: Iterable[Requirement],
    required: Mapping[tuple[NormalizedName, str], Sequence[Requirement]],
    target: Target,
) -> Iterator[str]:
    """Find the requirements of the roots and of the pinned packages that no pin meets on the target.

    `required` holds the requirements of each package, by name and version; one that it lacks has none.
    """
    environment = target.environment
    chosen: dict[NormalizedName, list[Pin]] = {}
    for pin in pins:
        if pin.is_for(environment):
            chosen.setdefault(pin.name, []).append(pin)
    yield from _unmet_of("this project", frozenset(), roots, chosen, environment)
    for pin in chain.from_iterable(chosen.values()):
        requirements = required.get((pin.name, pin.version), ())
        yield from _unmet_of(pin.name, pin.extras, requirements, chosen, environment)


def _unmet_of(
    name: str,
    extras: frozenset[str],
    requirements: Iterable[Requirement],
    chosen: Mapping[NormalizedName, Sequence[Pin]],
    environment: Mapping[str, str],
) -> Iterator[str]:
    for requirement in requirements:
        marker = requirement.marker
        if marker is not None and not any(
            marker.evaluate({**environment, "extra": extra}) for extra in (*extras, "")
        ):
            continue
        pins = chosen.get(canonicalize_name(requirement.name), ())
        wanted = _canonical(requirement.extras)
        if not any(
            pin.extras == wanted and requirement.specifier.contains(pin.version, prereleases=True)
            for pin in pins
        ):
            pinned = ", ".join(pin.written() for pin in pins) or "nothing of it"
            yield f"{name} requires {requirement}; pinned is {pinned}"


def _canonical(extras: Iterable[str]) -> frozenset[str]:
    return frozenset(canonicalize_name(extra) for extra in extras)


def _logical_lines(path: Path) -> Iterator[str]:
    """Lines joined where they end in a backslash, without options, comments and empty ones."""
    for line in path.read_text().replace("\\\n", " ").splitlines():
        stripped = " ".join(line.partition(" #")[0].split())
        if stripped and not stripped.startswith(("#", "-")):
            yield stripped
