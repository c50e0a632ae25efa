-- Choose the replies that may be what their workers died of, the longest due first.
--
-- From its second expired lease on a reply waits 2, 4, 8 … leases, at most 2^longest_wait of them, and is
-- claimed apart from all others. late_seconds: only those that have been due for so long.
WITH first_of_room AS MATERIALIZED (
    SELECT DISTINCT ON (chatroom_id)
        id,
        expired_leases + CASE WHEN status = 'generating' THEN 1 ELSE 0 END AS losses,
        CASE
            WHEN status = 'generating' THEN lease_until
            ELSE coalesce(next_attempt_at, queued_at)
        END AS free_at,
        status = 'generating' AS is_leased
    FROM messages
    WHERE role = 'model' AND status IN ('pending', 'generating')
    ORDER BY chatroom_id, position
),
due AS (
    SELECT
        id,
        free_at + make_interval(
            secs => CASE WHEN is_leased THEN :lease_seconds * 2 ^ least(losses - 1, :longest_wait) ELSE 0 END
        ) AS due_at
    FROM first_of_room
    WHERE losses >= :suspect_losses AND free_at < now()
),
chosen AS (
    SELECT id, row_number() OVER (ORDER BY due_at) AS place
    FROM due
    WHERE due_at <= now() - make_interval(secs => :late_seconds)
)
