-- Choose the room's first unfinished reply, if it is due.
WITH first_of_room AS MATERIALIZED (
    SELECT id, status, next_attempt_at, expired_leases
    FROM messages
    WHERE chatroom_id = :room AND role = 'model' AND status IN ('pending', 'generating')
    ORDER BY position
    LIMIT 1
),
chosen AS (
    SELECT id, 1 AS place
    FROM first_of_room
    WHERE status = 'pending'
      AND expired_leases < :suspect_losses
      AND (next_attempt_at IS NULL OR next_attempt_at <= now())
)
