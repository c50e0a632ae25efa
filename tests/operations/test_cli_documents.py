"""Each command's JSON document has the fields of docs/administration.md."""

import re
import secrets

import pytest

from tests.support.cli import run
from tests.support.process import ROOT
from tests.support.stack import Stack
from tests.support.stripe import StripeSandbox
from tests.support.user import User

pytestmark = pytest.mark.server_version

_PAGE = (ROOT / "docs" / "administration.md").read_text().partition("\n### JSON documents\n")[2]


def _names(text: str) -> list[str]:
    return re.findall(r"`(\w+)`", text)


_ROWS = {
    command: (set(_names(fields)), objects)
    for command, fields, objects in re.findall(
        r"^\| `([a-z- ]+)` \| (.*?) \| (.*?) ?\|$", _PAGE, re.MULTILINE
    )
}


def _objects(command: str) -> dict[str, set[str]]:
    """Return the documented fields of the objects in a command's document, by the field that holds them."""
    found = {}
    for part in filter(None, _ROWS[command][1].split("; ")):
        if reference := re.search(r"as of `([a-z ]+)`", part):
            [fields] = _objects(reference[1]).values()
            found[next(iter(_ROWS[command][0]))] = fields
        else:
            name, *fields_of_it = _names(part)
            found[name] = set(fields_of_it)
    return found


def _arguments(stack: Stack, stripe: StripeSandbox, user: User) -> dict[str, list[str]]:
    """Return arguments for each command so that its document is full, in the order in which they run."""
    room = user.open_room()
    failed = user.say(room, "[sandbox:400]")["reply"]["id"]
    done = user.say(user.open_room(), "Hello")["reply"]["id"]
    subscription = stripe.subscribe(user.id)
    stripe.send(stripe.events(subscription)[0])
    event = str(stack.database.value("SELECT id FROM stripe_events ORDER BY received_at DESC LIMIT 1"))
    stripe.subscribe(stack.user().id)  # not delivered
    key, reason = f"k{secrets.token_hex(4)}", ["--reason", "test"]
    return {
        "check": ["--offline", "--production"],
        "migrate": ["--check"],
        "purge": [],
        "replies list": ["--user", user.id],
        "replies show": [done],
        "replies retry": [failed, done],
        "replies cancel": [done, "01900000-0000-7000-8000-000000000000"],
        "webhooks list": [],
        "webhooks replay": [event, "evt_none"],
        "reconcile": ["--dry-run"],
        "users find": [user.mobile_number],
        "users show": [user.id],
        "users grant-pro": [user.id, "--until", "2099-01-01", *reason],
        "users revoke-pro": [user.id],
        "users limit": [user.id, "--messages", "7", *reason],
        "users ban": [user.id, *reason],
        "users unban": [user.id],
        "users end-sessions": [user.id],
        "keys create": [key, "--scope", "read"],
        "keys list": [],
        "keys revoke": [key],
        "audit list": ["--user", user.id],
    }


def test_each_document_has_the_fields_of_the_page(stack: Stack, stripe: StripeSandbox, user: User) -> None:
    """Red if a field is added, renamed or left out."""
    arguments = _arguments(stack, stripe, user)
    assert arguments.keys() == _ROWS.keys()
    for command, further in arguments.items():
        done = run(*command.split(), *further, "--json", env=stack.settings, folder=stack.folder)
        assert done.code in (0, 1), done
        document = done.document
        assert document.keys() == _ROWS[command][0], command
        for name, fields in _objects(command).items():
            found = document[name]
            assert found, f"{command} has no {name}"
            for each in found if isinstance(found, list) else [found]:
                assert each.keys() == fields, f"{command} {name}"
