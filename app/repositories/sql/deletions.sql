-- name: claim_account_deletion
-- Claim the deletion of an account that has been due longest; no row if none is due.
--
-- due_at is the time of the erasure, and while a worker holds it the end of its lease: a deletion whose
-- worker died is due again. Deletions that another process is claiming are skipped, not waited for.
UPDATE deletions
SET due_at = now() + make_interval(secs => :lease_seconds)
WHERE id = (
    SELECT id
    FROM deletions
    WHERE due_at <= now()
    ORDER BY due_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id, user_id, stripe_customer_id

-- name: claim_room_deletion
-- Claim the deleted room that has been due longest; no row if none is due.
--
-- erase_at hides a room as soon as it is set; it works as due_at of claim_account_deletion. The partial
-- index of deleted rooms carries the search.
UPDATE chatrooms
SET erase_at = now() + make_interval(secs => :lease_seconds)
WHERE id = (
    SELECT id
    FROM chatrooms
    WHERE erase_at <= now()
    ORDER BY erase_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id

-- name: messages_of_rooms
-- Return up to :limit messages of the rooms :room_ids, and read no more of a long room than that.
--
-- Per room, one range of the index of positions: from its first message to its last, as far as the limit.
SELECT first.id, first.role
FROM unnest(:room_ids) AS rooms (id)
CROSS JOIN LATERAL (
    SELECT messages.id, messages.role
    FROM messages
    WHERE (messages.chatroom_id, messages.position) > (rooms.id, 0)
      AND messages.chatroom_id <= rooms.id
    ORDER BY messages.chatroom_id, messages.position
    LIMIT :limit
) AS first
LIMIT :limit
