"""The commands of docs/administration.md work, and its tables match the code."""

import os
import re
import subprocess

import pytest

from app.errors import ADMIN_CATALOGUE
from tests.support.operator import ALL_SCOPES, Operator
from tests.support.process import ROOT
from tests.support.routes import OPERATORS, routes_at
from tests.support.stack import Stack
from tests.support.user import User

_GUIDE = (ROOT / "docs" / "administration.md").read_text()


def test_every_command_of_the_guide_succeeds(stack: Stack, user: User) -> None:
    message = user.say(user.open_room(), "Hello")["message"]
    env = {
        "PATH": os.environ["PATH"],
        "API": stack.base_url,
        "KEY": Operator(stack).key,
        "NUMBER": user.mobile_number,
        "USER_ID": user.id,
        "MESSAGE_ID": message["id"],
        "NO_PROXY": "*",
    }
    blocks = re.findall(r"^```sh\n(.*?)^```", _GUIDE, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    for block in blocks:
        script = block.replace("curl -sS", "curl -sS --fail-with-body")
        done = subprocess.run(
            ["/bin/bash", "-e", "-c", script],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


def test_the_guide_lists_every_route_with_its_scope(stack: Stack) -> None:
    """Red when a route or a scope is added or changed in one of both only."""
    rows = re.findall(r"^\| `(\w+) (/admin\S*)` \| `(\w+)` \|", _GUIDE, re.MULTILINE)
    listed = {f"{method} {address.partition('?')[0]}": scope for method, address, scope in rows}
    documented = {
        str(route): next(iter(route.documented["security"][0].values()))[0]
        for route in routes_at(stack.base_url, OPERATORS)
    }
    assert listed == documented
    keys = _GUIDE.partition("\n## Routes\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \| ", keys, re.MULTILINE)) == set(ALL_SCOPES)


@pytest.mark.parametrize("error", ADMIN_CATALOGUE)
def test_the_guide_names_every_code(error: type) -> None:
    assert f"`{error.code}`" in _GUIDE  # type: ignore[attr-defined]  # a class of AppError
