"""The file ./dev by itself: it makes .venv, mends a broken one, and names what it cannot mend."""

from __future__ import annotations

import ast
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.devtools.conftest import ODD_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
# Root that the modes of files stop as they stop anybody else.
LIKE_A_USER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
# Stands for every tool behind ./dev: it needs a package of the lock.
TOOL = "import sys\nimport lamp.light\nprint('ran', lamp.light.COLOUR, *sys.argv[1:])\n"


class Project:
    """A folder with ./dev, a tool behind it, and a lock of one package that lies in a folder beside it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.root = folder / name
        self.prefix: tuple[str, ...] = ()
        (self.root / "devtools").mkdir(parents=True)
        shutil.copy2(ROOT / "dev", self.root / "dev")
        (self.root / "devtools" / "check.py").write_text(TOOL)
        self._wheels = folder / "wheels"
        self._wheels.mkdir()
        self.lock("lamp", "1.0", "green")

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    def lock(self, name: str, version: str, colour: str, *needs: str) -> None:
        """Make a wheel and name it, and it alone, in the lock."""
        wheel = self._wheels / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        required = "".join(f"Requires-Dist: {need}\n" for need in needs)
        files = {
            f"{name}/__init__.py": "",
            f"{name}/light.py": f"COLOUR = {colour!r}\n",
            f"{name}/glow.py": "import sys\ndef main():\n    print('glowing', *sys.argv[1:])\n",
            f"{info}/entry_points.txt": f"[console_scripts]\nglow = {name}.glow:main\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in files.items())
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
                archive.writestr(path, text)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (self.root / "requirements-dev.txt").write_text(f"{name}=={version} --hash=sha256:{digest}\n")

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Start ./dev check, offline but for the folder of wheels."""
        given = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": self._wheels.as_uri(), "PIP_NO_CACHE_DIR": "1"}
        return subprocess.Popen(
            [*self.prefix, sys.executable, self.root / "dev", "check", *arguments],
            env=given | index | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
        )

    def runs(self, *arguments: str, **env: str) -> str:
        """Run ./dev check, which has to work; what it said about .venv."""
        process = self.start(*arguments, **env)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
        assert out == " ".join(("ran", "green", *arguments)) + "\n"
        return err

    def refuses(self, **env: str) -> str:
        """Run ./dev check, which has to end with one sentence; the sentence."""
        process = self.start(**env)
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (1, ""), err
        return err.strip()


def _digest(text: str) -> str:
    return f"sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')}"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user may enter, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="bootstrap-test-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@pytest.fixture
def project(folder: Path) -> Project:
    return Project(folder, "project")


def test_first_call_makes_venv_and_the_next_finds_it(project: Project) -> None:
    assert project.runs().startswith("setting up .venv (first run)")
    assert project.runs("--fix") == ""


def test_folder_may_have_any_name(folder: Path) -> None:
    odd = Project(folder, ODD_NAME)
    assert "first run" in odd.runs()
    assert odd.runs("an argument", "$y") == ""
    script = subprocess.run([odd.venv / "bin" / "glow", "$y"], capture_output=True, text=True, check=True)
    assert script.stdout == "glowing $y\n"


@pytest.mark.parametrize("name", [b"a:b", b"50%", b"M\xfcller"], ids=["colon", "percent", "Latin-1"])
def test_folder_whose_name_others_cannot_take_is_named(folder: Path, name: bytes) -> None:
    said = Project(folder, os.fsdecode(name)).refuses()
    assert said.startswith("./dev takes no path with ':', '%' or bytes that are no text: rename '/")
    assert "\n" not in said


@pytest.mark.parametrize(
    "missing",
    [
        "lib/python*/site-packages/lamp",
        "lib/python*/site-packages/lamp/light.py",
        "bin/python*",
    ],
)
def test_what_was_deleted_from_venv_comes_back(project: Project, missing: str) -> None:
    project.runs()
    for path in project.venv.glob(missing):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    assert project.runs().startswith("setting up .venv (")
    assert project.runs() == ""


def test_venv_whose_making_was_cut_off_is_made_again(project: Project) -> None:
    project.runs()
    (project.venv / ".made-from").unlink()
    assert "it is incomplete" in project.runs()


def test_venv_of_another_place_is_made_again(project: Project) -> None:
    project.runs()
    project.root = project.root.rename(project.root.with_name("moved"))
    assert "the requirements or the folder have changed" in project.runs()


def test_venv_of_another_lock_is_made_again(project: Project) -> None:
    project.lock("lamp", "0.9", "red")
    process = project.start()
    assert process.communicate(timeout=120)[0] == "ran red\n"
    project.lock("lamp", "1.0", "green")
    assert "have changed" in project.runs()


def test_venv_that_the_user_made_is_completed(project: Project) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project.venv], check=True)
    assert "it is incomplete" in project.runs()


def test_file_of_that_name_is_left_alone_and_named(project: Project) -> None:
    project.venv.write_text("mine")
    assert project.refuses() == ".venv is a file, and ./dev needs a folder of that name: move or delete it"
    assert project.venv.read_text() == "mine"
    project.venv.unlink()
    project.venv.symlink_to("nowhere")
    assert project.refuses().startswith(".venv is a link that leads nowhere")


def test_folder_of_something_else_is_left_alone_and_named(project: Project) -> None:
    project.venv.mkdir()
    (project.venv / "thesis.tex").touch()
    assert (
        project.refuses()
        == f"{project.venv} holds something other than a Python environment: move or delete it"
    )
    assert (project.venv / "thesis.tex").exists()


def test_read_only_folder_is_named_and_works_when_venv_is_there(project: Project) -> None:
    project.root.chmod(0o555)
    try:
        project.prefix = LIKE_A_USER
        process = project.start()
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (1, "")
        assert err == (  # one sentence
            f"./dev cannot write {project.root}/.venv.lock: Permission denied;"
            f" it keeps .venv in the project's folder, {project.root}\n"
        )
        project.root.chmod(0o755)
        project.runs()
        project.root.chmod(0o555)
        assert project.start().communicate(timeout=120) == ("ran green\n", "")
    finally:
        project.root.chmod(0o755)


def test_venv_that_is_closed_to_us_is_named(project: Project) -> None:
    project.runs()
    (project.venv / ".made-from").unlink()
    project.venv.chmod(0o555)
    project.prefix = LIKE_A_USER
    process = project.start()
    out, err = process.communicate(timeout=120)
    project.venv.chmod(0o755)
    assert (process.returncode, out) == (1, "")
    assert err.splitlines()[1:] == [
        f"{project.venv} belongs to another user or is read-only: delete it, or run ./dev as its owner"
    ]


def test_variables_that_lead_a_python_elsewhere_do_no_harm(project: Project, tmp_path: Path) -> None:
    (tmp_path / "lamp").mkdir()
    (tmp_path / "lamp" / "__init__.py").touch()
    misled = {
        "PYTHONPATH": str(tmp_path),
        "PYTHONSAFEPATH": "1",
        "VIRTUAL_ENV": str(tmp_path),
        "PIP_USER": "1",
        "PIP_TARGET": str(tmp_path / "target"),
    }
    assert "first run" in project.runs(**misled)
    assert project.runs(**misled) == ""


def test_lock_that_is_not_complete_is_named(project: Project) -> None:
    project.lock("lamp", "1.1", "blue", "shade>=1")
    said = project.refuses()
    assert "requirements-dev.txt is not complete:\nlamp 1.1 requires shade, which is not installed." in said
    project.lock("lamp", "1.0", "green")
    assert "it is incomplete" in project.runs()


def test_package_that_is_not_to_be_had_is_named(project: Project) -> None:
    (project.root / "requirements-dev.txt").write_text(f"lantern==1 --hash=sha256:{'0' * 64}\n")
    said = project.refuses()
    assert "No matching distribution found for lantern==1" in said
    assert said.endswith("the requirements could not be installed; the reason is printed above")


def test_two_first_runs_at_once_make_it_once(project: Project) -> None:
    both = [project.start(), project.start()]
    said = [process.communicate(timeout=120) for process in both]
    assert [out for out, _ in said] == ["ran green\n", "ran green\n"], said
    assert sorted(err != "" for _, err in said) == [False, True]


def test_python_that_is_too_old_can_read_the_file() -> None:
    """Its syntax is that of 3.6, so that such a Python comes to the sentence that asks for a newer one."""
    ast.parse((ROOT / "dev").read_text(), feature_version=(3, 6))


def test_help_lists_every_command() -> None:
    """It needs no .venv: the folder of the file is read only for the others."""
    done = subprocess.run([sys.executable, ROOT / "dev", "help"], capture_output=True, text=True, check=True)
    commands = ("run", "logs", "env", "psql", "test", "check", "bench", "reset", "help")
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("./dev")] == list(
        commands
    )
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    assert all(f"./dev {name}" in guide for name in commands if name != "reset")
    readme = (ROOT / "README.md").read_text()
    assert all(f"./dev {name}" in readme for name in ("run", "test", "reset"))
