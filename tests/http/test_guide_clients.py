"""The clients of docs/api.md show a reply over cut connections and a restart."""

import json
import subprocess
import time
import uuid
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.proxy import Proxy
from tests.support import guide
from tests.support.follow_ups import holding
from tests.support.installed import installed, missing
from tests.support.process import ROOT
from tests.support.stack import Stack
from tests.support.user import Json, ok
from tests.support.waiting import eventually

_PACKAGE = ROOT / "tests" / "clients" / "npm" / "node_modules" / "eventsource"
_READER = """
import { follow } from "./follow.mjs";
const [base, token, reply] = process.argv.slice(2);
const plain = fetch, shown = [];
let connections = 0, end;
globalThis.fetch = (...request) => { connections += 1; return plain(...request); };
process.on("exit", () => console.log(JSON.stringify({ end, shown, connections })));
end = await follow(base, token, JSON.parse(reply), (text) => shown.push(text));
"""


def _follow_over_cuts(stack: Stack, script: str, folder: Path) -> tuple[Json, Json]:
    """Follow a reply with a client of the guide; what it saw, and the reply."""
    node = installed("node", package="nodejs")
    (folder / "follow.mjs").write_text(script)
    (folder / "reader.mjs").write_text(_READER)
    user = stack.user()
    mark = uuid.uuid4()  # a counted word acts once for each text
    words = f"[sandbox:cut=60*1] [sandbox:pieces=80] [sandbox:pace=40] Tell me the story of {mark}."
    port = urlsplit(stack.base_url).port
    assert port is not None
    with Proxy(port) as proxy, ExitStack() as hold:
        hold.enter_context(holding(stack, words))
        reply = ok(user.post(user.open_room(title="Stories"), words, Prefer="respond-async"))["reply"]
        address = f"http://127.0.0.1:{proxy.port}"
        command = [str(node), "reader.mjs", address, user.token, json.dumps(reply)]
        with subprocess.Popen(
            command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as reading:
            eventually(lambda: proxy.connections, what="a first connection")
            hold.close()
            for _ in range(5):
                time.sleep(0.4)
                proxy.cut()
            output, complaints = reading.communicate(timeout=60)
    assert reading.returncode == 0, complaints
    return json.loads(output), user.wait_for(reply)


def _assert_all_was_shown(seen: Json, reply: Json) -> None:
    assert reply["status"] == "completed"
    assert seen["shown"][-1] == reply["content"]
    # Both attempts write the same, so nothing may ever be shown that is not the beginning of it.
    assert all(reply["content"].startswith(text) for text in seen["shown"])
    assert any(text and not later for text, later in pairwise(seen["shown"]))
    assert len(seen["shown"]) > 10


def test_the_client_without_a_package_shows_the_reply_over_cut_connections_and_a_restart(
    stack: Stack, tmp_path: Path
) -> None:
    """Red when the client forgets the last id, or goes on appending after a restart."""
    seen, reply = _follow_over_cuts(stack, guide.scripts()[1], tmp_path)
    _assert_all_was_shown(seen, reply)
    assert seen["end"] == {**reply, "type": "end"}
    assert seen["connections"] >= 3


def test_the_client_with_eventsource_shows_the_reply_over_cut_connections_and_a_restart(
    stack: Stack, tmp_path: Path
) -> None:
    """Red when its token is not sent again, or when it goes on appending after a restart."""
    if not _PACKAGE.is_dir():
        missing("npm's eventsource is not installed: .venv/bin/python -m tests.clients.install")
    (tmp_path / "node_modules").symlink_to(_PACKAGE.parent)
    seen, reply = _follow_over_cuts(stack, guide.scripts()[0], tmp_path)
    _assert_all_was_shown(seen, reply)
    assert seen["connections"] >= 2
