-- name: claim_due
-- Claim the replies that are due, in the order of the queue; return each with its room.
--
-- Order: Pro before Basic, then the user with the fewest running replies, then the oldest. Replies of a user
-- beyond its share of this process come last, and only the first `spare` ranks are open to them.
--
-- Parameters: slots (free slots of this process), held (JSON object, user id to slots that it holds in this
-- process), share (slots of one user while others wait), spare, unclaimed_seconds (age from which a new reply
-- is due: until then its wake-up may be under way), suspect_losses (expired leases from which a reply is left
-- to claim_suspect), lease_seconds.
--
-- Locks the claimed replies, never waits for a lock, and locks no room.
--
-- The cost is linear in the unfinished replies, whatever the statistics say: one scan of
-- ix_messages_unfinished_of_room, then sorts. Nothing is joined before the slots are filled, since with the
-- statistics of an empty queue the planner expects one row on each side and compares each with each.
WITH first_of_room AS MATERIALIZED (
    -- A room is answered in order: only its first unfinished reply can be due.
    SELECT DISTINCT ON (chatroom_id)
        id,
        user_id,
        priority,
        queued_at,
        status = 'generating' AS is_leased,
        CASE
            WHEN status = 'generating' THEN lease_until
            ELSE coalesce(next_attempt_at, queued_at + make_interval(secs => :unclaimed_seconds))
        END AS due_at,
        -- The claim will count an expired lease.
        expired_leases + CASE WHEN status = 'generating' AND lease_until < now() THEN 1 ELSE 0 END AS losses
    FROM messages
    WHERE role = 'model' AND status IN ('pending', 'generating')
    ORDER BY chatroom_id, position
),
counted AS (
    SELECT
        *,
        count(*) FILTER (WHERE is_leased AND due_at >= now()) OVER (PARTITION BY user_id) AS running
    FROM first_of_room
),
due AS (
    SELECT
        id,
        priority,
        queued_at,
        running,
        coalesce(CAST(CAST(:held AS jsonb) ->> CAST(user_id AS text) AS integer), 0) AS held,
        row_number() OVER (PARTITION BY user_id ORDER BY priority DESC, queued_at, id) AS nth
    FROM counted
    WHERE due_at <= now() AND losses < :suspect_losses
),
ranked AS (
    SELECT
        id,
        held + nth > :share AS is_beyond_share,
        row_number() OVER (ORDER BY held + nth > :share, priority DESC, running + nth, queued_at, id) AS rank
    FROM due
),
chosen AS (
    SELECT id, rank FROM ranked WHERE rank <= :spare OR NOT is_beyond_share
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

-- name: claim_named
-- Claim those of the replies `ids` that are due; return each with its room and its newest exchanges.
--
-- For the wake-ups of a process that has free slots and knows of no waiting reply: a few probes of the
-- primary key instead of a scan of all unfinished replies. The exchanges save a round trip before the first
-- token. A user gets no more slots than by claim_due.
--
-- Parameters: ids (array of uuid), exchange_limit (exchanges per reply); the others as in claim_due.
-- Locks as claim_due does.
WITH due AS (
    SELECT
        message.id,
        coalesce(CAST(CAST(:held AS jsonb) ->> CAST(message.user_id AS text) AS integer), 0)
            + row_number() OVER (PARTITION BY message.user_id ORDER BY message.queued_at, message.id) AS held,
        message.queued_at
    FROM unnest(:ids) AS named (id)
    -- OFFSET keeps the conditions outside, so that each reply is read by its primary key.
    CROSS JOIN LATERAL (SELECT * FROM messages WHERE messages.id = named.id OFFSET 0) AS message
    WHERE message.status = 'pending'
      AND message.expired_leases < :suspect_losses
      AND (message.next_attempt_at IS NULL OR message.next_attempt_at <= now())
      -- A room is answered in order.
      AND message.id = (
          SELECT earliest.id
          FROM messages AS earliest
          WHERE earliest.chatroom_id = message.chatroom_id
            AND earliest.role = 'model'
            AND earliest.status IN ('pending', 'generating')
          ORDER BY earliest.position
          LIMIT 1
      )
),
ranked AS (
    SELECT
        id,
        held > :share AS is_beyond_share,
        row_number() OVER (ORDER BY held > :share, held, queued_at, id) AS rank
    FROM due
),
chosen AS (
    SELECT id, rank FROM ranked WHERE rank <= :spare OR NOT is_beyond_share
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
),
claimed AS (
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
)
SELECT claimed.*, context.newest
FROM claimed
CROSS JOIN LATERAL (
    SELECT json_agg(
        json_build_array(exchange.position, exchange.question, exchange.answer)
        ORDER BY exchange.position DESC
    ) AS newest
    FROM (
        -- The claimed reply's own exchange, and those before it that the summary does not cover: completed,
        -- or cancelled after some text.
        SELECT reply.position, question.content AS question, reply.content AS answer
        FROM messages AS reply
        JOIN messages AS question ON question.id = reply.reply_to
        WHERE reply.chatroom_id = claimed.chatroom_id
          AND reply.role = 'model'
          AND reply.position > least(claimed.summary_upto, claimed.position - 1)
          AND reply.position < claimed.position + 1
          AND (
              reply.id = claimed.id
              OR (
                  NOT reply.superseded
                  AND (reply.status = 'completed' OR (reply.status = 'cancelled' AND reply.content <> ''))
              )
          )
        ORDER BY reply.position DESC
        LIMIT :exchange_limit
    ) AS exchange
) AS context

-- name: claim_next_of_room
-- Claim the first unfinished reply of a room, if it is due; return it with its room.
--
-- Runs in the transaction that ends the reply before it, so that a room goes on without another wake-up.
-- Parameters: chatroom_id, slots (1), suspect_losses, lease_seconds.
WITH first_of_room AS MATERIALIZED (
    SELECT id, status, next_attempt_at, expired_leases
    FROM messages
    WHERE chatroom_id = :chatroom_id AND role = 'model' AND status IN ('pending', 'generating')
    ORDER BY position
    LIMIT 1
),
chosen AS (
    SELECT id, 1 AS rank
    FROM first_of_room
    WHERE status = 'pending'
      AND expired_leases < :suspect_losses
      AND (next_attempt_at IS NULL OR next_attempt_at <= now())
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
