-- name: claim_suspect
-- Claim the reply that is due the longest among those that may have killed their workers; return it with its
-- room. For a process that holds no other reply.
--
-- After its second expired lease a reply waits 2, 4, 8 … leases, at most 2 to the power of longest_wait.
-- Parameters: slots (1), suspect_losses, longest_wait, lease_seconds.
-- Index: one scan of ix_messages_unfinished_of_room, as claim_due. Locks as claim_due does.
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
            secs => CASE
                WHEN is_leased THEN :lease_seconds * 2 ^ least(losses - 1, :longest_wait)
                ELSE 0
            END
        ) AS due_at
    FROM first_of_room
    WHERE losses >= :suspect_losses AND free_at < now()
),
chosen AS (
    SELECT id, row_number() OVER (ORDER BY due_at) AS rank
    FROM due
    WHERE due_at <= now()
),
locked AS (
    -- Lock in the order of the queue until the slots are filled; skip what another process has locked, and
    -- what it has claimed since this statement's snapshot. A subquery that locks is never merged with the
    -- query around it, so the plan is one probe of the primary key per reply.
    SELECT reply.id
    FROM (SELECT id FROM chosen ORDER BY rank) AS chosen
    CROSS JOIN LATERAL (
        SELECT messages.id
        FROM messages
        JOIN chatrooms ON chatrooms.id = messages.chatroom_id
        WHERE messages.id = chosen.id
          AND (
              messages.status = 'pending'
              OR (messages.status = 'generating' AND messages.lease_until < now())
          )
          -- In a deleted room a reply is claimed only to be ended.
          AND (chatrooms.erase_at IS NULL OR messages.cancel_requested_at IS NOT NULL)
        FOR UPDATE OF messages SKIP LOCKED
    ) AS reply
    LIMIT :slots
)
UPDATE messages
SET
    status = 'generating',
    -- A reply that is claimed only to end as cancelled keeps the text that was shown.
    content = CASE WHEN messages.cancel_requested_at IS NULL THEN '' ELSE messages.content END,
    attempt = messages.attempt + 1,
    -- Still generating: the lease of the former worker has expired.
    losses = messages.losses + CASE WHEN messages.status = 'generating' THEN 1 ELSE 0 END,
    expired_leases = messages.expired_leases + CASE WHEN messages.status = 'generating' THEN 1 ELSE 0 END,
    lease_token = gen_random_uuid(),
    lease_until = now() + make_interval(secs => :lease_seconds),
    -- Until its end: since when the attempt was due, for `waited_seconds`; NULL if it replaces an expired lease.
    next_attempt_at = CASE
        WHEN messages.status = 'pending' THEN coalesce(messages.next_attempt_at, messages.queued_at)
    END
FROM chatrooms
-- As an array, `locked` runs once and before the update; a join could run it for every row.
WHERE messages.id = ANY (ARRAY (SELECT id FROM locked)) AND chatrooms.id = messages.chatroom_id
RETURNING
    messages.id, messages.chatroom_id, messages.user_id, messages.position, messages.content,
    messages.model, messages.request_id, messages.traceparent, messages.attempt, messages.retries,
    messages.losses, messages.lease_token, messages.cancel_requested_at,
    messages.uncounted_input_tokens, messages.uncounted_output_tokens,
    CAST(extract(epoch FROM now() - messages.next_attempt_at) AS float8) AS waited_seconds,
    chatrooms.id AS room_id, chatrooms.model AS room_model, chatrooms.follows_default,
    chatrooms.title_source, chatrooms.system_instruction, chatrooms.bytes_per_token, chatrooms.summary,
    chatrooms.summary_upto

-- name: find_late_suspect
-- Return a reply that claim_suspect could have claimed for late_seconds, if there is one; lock nothing.
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
            secs => CASE
                WHEN is_leased THEN :lease_seconds * 2 ^ least(losses - 1, :longest_wait)
                ELSE 0
            END
        ) AS due_at
    FROM first_of_room
    WHERE losses >= :suspect_losses AND free_at < now()
)
SELECT id FROM due WHERE due_at <= now() - make_interval(secs => :late_seconds) LIMIT 1
