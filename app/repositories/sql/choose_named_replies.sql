-- Choose those of the replies ids that are due, in the order in which they are to be claimed.
--
-- For the wake-ups of a process that has free places and knows of nobody who waits: a few probes of the
-- primary key instead of a look at all that is unfinished. A user gets no more places than choose_replies.sql
-- would give.
WITH due AS (
    SELECT
        message.id,
        coalesce(CAST(CAST(:held AS jsonb) ->> CAST(message.user_id AS text) AS integer), 0)
            + row_number() OVER (PARTITION BY message.user_id ORDER BY message.queued_at, message.id) AS holding,
        message.queued_at
    FROM unnest(:ids) AS named (id)
    -- OFFSET keeps the conditions outside, so that each reply is looked up by its id and in no other way.
    CROSS JOIN LATERAL (SELECT * FROM messages WHERE messages.id = named.id OFFSET 0) AS message
    WHERE message.status = 'pending'
      AND message.expired_leases < :suspect_losses
      AND (message.next_attempt_at IS NULL OR message.next_attempt_at <= now())
      -- A room answers in order.
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
ordered AS (
    SELECT
        id,
        holding > :share AS is_beyond_share,
        row_number() OVER (ORDER BY holding > :share, holding, queued_at, id) AS place
    FROM due
),
chosen AS (
    SELECT id, place FROM ordered WHERE place <= :spare OR NOT is_beyond_share
)
