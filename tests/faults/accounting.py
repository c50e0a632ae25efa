"""Compares the ledger with the rows: messages lost, doubled or charged wrongly."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.faults.ledger import Entry, Ledger
from tests.support.database import Database, Row
from tests.support.rooms import untrue_rooms

_FREE = ("failed", "blocked", "cancelled")
_FINAL = ("completed", "failed", "cancelled", "blocked")
_FIRST_WORDS = "You wrote:"
_LAST_WORDS = "(This is the sandbox; no model was asked. 🙂)"


@dataclass
class Account:
    """Result of the comparison."""

    accepted: int = 0
    lost: int = 0
    doubled: int = 0
    failed: int = 0
    losses: int = 0
    """Leases that expired or were released, which shows that the fault hit something."""
    remarks: list[str] = field(default_factory=list)

    def lose(self, what: str) -> None:
        """Count something that was promised and is missing."""
        self.lost += 1
        self.remarks.append(f"lost: {what}")

    def double(self, what: str, times: int = 1) -> None:
        """Count something that exists more than once."""
        self.doubled += times
        self.remarks.append(f"doubled: {what}")


def settle(ledger: Ledger, database: Database, *, seconds: float = 60) -> Account:
    """Wait up to `seconds` until every stored reply has ended; then compare."""
    until = time.monotonic() + seconds
    while _unfinished(ledger, database) and time.monotonic() < until:
        time.sleep(0.1)
    rows = database.rows(
        "SELECT * FROM messages WHERE user_id = ANY(%s::text[]::uuid[])", list(ledger.user_ids)
    )
    account = Account(accepted=ledger.accepted_count)
    _compare_messages(ledger, rows, account)
    _compare_charges(ledger, rows, database, account)
    for room in untrue_rooms(database, ledger.user_ids):
        account.lose(f"the room does not know its messages: {room}")
    account.losses = sum(_number(row["losses"]) for row in rows)
    return account


def _unfinished(ledger: Ledger, database: Database) -> bool:
    return bool(
        database.rows(
            "SELECT 1 FROM messages WHERE user_id = ANY(%s::text[]::uuid[])"
            " AND status IN ('pending', 'generating') LIMIT 1",
            list(ledger.user_ids),
        )
    )


def _compare_messages(ledger: Ledger, rows: list[Row], account: Account) -> None:
    replies: dict[object, list[Row]] = defaultdict(list)
    stored: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        if row["role"] == "model":
            replies[row["reply_to"]].append(row)
        else:
            stored[row["content"]].append(row)
    for entry in ledger.entries:
        found = stored.pop(entry.content, [])
        if len(found) > 1:
            account.double(f"message {entry.key} is stored {len(found)} times", len(found) - 1)
        if not found and entry.is_accepted:
            account.lose(f"message {entry.message_id} was accepted and is not stored")
        for message in found[:1]:
            _compare_reply(entry, message, replies[message["id"]], account)
    for content in stored:
        account.double(f"nobody sent {content!r}")


def _compare_reply(entry: Entry, message: Row, replies: list[Row], account: Account) -> None:
    if entry.is_accepted and str(message["id"]) != entry.message_id:
        account.lose(f"{entry.message_id} was promised, {message['id']} is stored")
    current = [reply for reply in replies if not reply["superseded"]]
    if len(replies) > 1:
        account.double(f"message {message['id']} has {len(replies)} replies", len(replies) - 1)
    if len(current) != 1:
        account.lose(f"message {message['id']} has {len(current)} current replies")
        return
    [reply] = current
    if entry.is_accepted and str(reply["id"]) != entry.reply_id:
        account.lose(f"reply {entry.reply_id} was promised, {reply['id']} is stored")
    if reply["status"] not in _FINAL or reply["lease_token"] is not None:
        account.lose(
            f"reply {reply['id']} is {reply['status']}, attempt {reply['attempt']}, {reply['last_error']}"
        )
    elif reply["status"] != "completed":
        account.failed += 1
        account.remarks.append(f"{reply['status']}: reply {reply['id']} {reply['error_code']}")
    elif entry.is_whole and not _is_whole(entry, str(reply["content"])):
        account.lose(f"reply {reply['id']} is completed with a part of its text: {reply['content']!r}")


def _is_whole(entry: Entry, text: str) -> bool:
    once = text.count(_FIRST_WORDS) == text.count(_LAST_WORDS) == 1
    return once and text.startswith(_FIRST_WORDS) and entry.token in text and text.endswith(_LAST_WORDS)


def _is_free(reply: Row) -> bool:
    return reply["status"] in _FREE and reply["content"] == "" and not reply["has_output"]


def _compare_charges(ledger: Ledger, rows: list[Row], database: Database, account: Account) -> None:
    owed = Counter(str(row["user_id"]) for row in rows if row["role"] == "model" and not _is_free(row))
    used = {
        str(row["user_id"]): _number(row["used"])
        for row in database.rows(
            "SELECT user_id, sum(used) AS used FROM daily_usage"
            " WHERE user_id = ANY(%s::text[]::uuid[]) GROUP BY user_id",
            list(ledger.user_ids),
        )
    }
    for user_id in ledger.user_ids:
        difference = used.get(user_id, 0) - owed[user_id]
        if difference > 0:
            account.double(f"{user_id} was charged {difference} too many", difference)
        elif difference < 0:
            account.lose(f"{-difference} charges of {user_id}")


def _number(value: object) -> int:
    return int(str(value))
