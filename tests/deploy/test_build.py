"""deploy/build-image builds with the engine that is there, from the base that is asked for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app import __version__
from tests.support.process import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def _build(folder: Path, engine: str, *arguments: str, **environment: str) -> list[str]:
    """Run the script with a program of this name that prints its arguments; return these."""
    program = folder / engine
    program.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    program.chmod(0o755)
    for name in ("sh", "sed", "git", "dirname"):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    done = subprocess.run(
        [ROOT / "deploy" / "build-image", *arguments],
        env={"PATH": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(("engine", "verb"), [("docker", "build"), ("podman", "build"), ("buildah", "bud")])
def test_the_image_is_built_with_the_engine_that_is_there(tmp_path: Path, engine: str, verb: str) -> None:
    words = _build(tmp_path, engine)
    assert words[0] == verb
    assert words[words.index("--tag") + 1] == f"ai-chat-backend:{__version__}"
    assert f"org.opencontainers.image.version={__version__}" in words
    assert words[-2:] == [".", f"built ai-chat-backend:{__version__}"]


def test_the_base_is_pinned_and_options_are_passed_on(tmp_path: Path) -> None:
    pinned = "python:3.13-slim@sha256:0"
    words = _build(tmp_path, "docker", "registry.test/chat:1", "--pull", PYTHON_IMAGE=pinned)
    assert words[words.index("--build-arg") + 1] == f"PYTHON_IMAGE={pinned}"
    assert words[words.index("--tag") + 1] == "registry.test/chat:1"
    assert "--pull" in words


def test_the_image_runs_as_a_user_without_rights_and_compiles_its_code() -> None:
    [user] = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    assert user == "10001:10001"
    assert DOCKERFILE.index("compileall") < DOCKERFILE.index("USER")
