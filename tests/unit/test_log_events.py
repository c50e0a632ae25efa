"""docs/logs.md lists each event of the code with its levels and fields, and no other."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PAGE = ROOT / "docs" / "logs.md"
_LEVELS = ("debug", "info", "warning", "error", "critical")
_ROW = re.compile(r"^\| `(\w+)` \| ([a-z, ]+) \| [^|]+ \| ([^|]*) \| [^|]+ \|$", re.MULTILINE)
_BY_HAND: dict[str, tuple[str, str]] = {
    # Their level or some fields are not in the call that names them.
    "request": ("debug", "method route stream disconnected unsent_status"),
    "reply_rescued": ("", "request_id user_id chatroom_id reply_id worker_losses"),
    "reply_suspected": ("", "request_id user_id chatroom_id reply_id worker_losses"),
    "start_refused": ("critical", "problem"),
    "stripe_missing": ("info", "reason"),
    "stripe_not_configured": ("debug error", "reason"),
    "stripe_refused": ("warning", "reason"),
    "stripe_unavailable": ("debug", "reason"),
    # Limited to one warning a minute by `StripeOutage`.
    "erasure_interrupted": ("debug", "left_out"),
    "periodic_job_failed": ("debug", "left_out"),
    "stripe_event_postponed": ("debug", "left_out"),
}


@dataclass
class Event:
    """What the code says about one event."""

    levels: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


def _names(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(name)):
            return [name]
        case ast.IfExp(body=body, orelse=other):
            return _names(body) + _names(other)
    return []


def _calls() -> Iterator[tuple[ast.Call, str]]:
    """Yield each call that logs an event, with its level."""
    for path in [*sorted((ROOT / "app").rglob("*.py")), ROOT / "alembic" / "env.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr="exception")):
                    yield node, "error"
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=method)) if method in _LEVELS:
                    yield node, method
                case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="outage"), attr="report")):
                    yield node, "warning"
                case ast.Call(func=ast.Name(id="write"), args=[ast.Constant(value="request")]):
                    yield node, "info"


def _of_the_code() -> dict[str, Event]:
    events: dict[str, Event] = {}
    for call, level in _calls():
        for name in _names(call.args[0]):
            event = events.setdefault(name, Event())
            event.levels.add(level)
            event.fields |= {keyword.arg for keyword in call.keywords if keyword.arg} - {"exc_info"}
    for name, (levels, fields) in _BY_HAND.items():
        event = events.setdefault(name, Event())
        event.levels |= set(levels.split())
        event.fields |= set(fields.split())
    return events


def _of_the_page() -> dict[str, Event]:
    rows = _ROW.findall(_PAGE.read_text().partition("\n## Events\n")[2])
    return {
        name: Event(set(levels.split(", ")), set(re.findall(r"`(\w+)`", fields)))
        for name, levels, fields in rows
    }


def test_the_page_lists_every_event_of_the_code_and_no_other() -> None:
    """Red when an event, a level or a field is added or renamed in one place only."""
    code, page = _of_the_code(), _of_the_page()
    assert sorted(code) == sorted(page)
    assert {name: event for name, event in code.items() if event != page[name]} == {}


def test_names_of_events_and_fields_have_one_form() -> None:
    for name, event in _of_the_code().items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name), name
        assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", each) for each in event.fields), name
