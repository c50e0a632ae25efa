-- Choose the replies that are due, in the order in which they are to be claimed.
--
-- Order: Pro before Basic, then the user with the fewest running replies, then the oldest. A user that
-- already holds share places of this process (held, user id -> places) comes after everybody else, and
-- only while spare places would be left over.
--
-- The cost follows the number of unfinished replies, never its square, whatever the statistics say: one
-- scan of the index of unfinished replies, then sorts. There is no join before the places are filled: with
-- the statistics of a quiet time the planner would expect one row on each side and compare each with each.
WITH first_of_room AS MATERIALIZED (
    -- A room answers in order: only its first unfinished reply can be due.
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
        -- A lease that has run out is the reply's next loss.
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
ordered AS (
    SELECT
        id,
        held + nth > :share AS is_beyond_share,
        row_number() OVER (ORDER BY held + nth > :share, priority DESC, running + nth, queued_at, id) AS place
    FROM due
),
chosen AS (
    SELECT id, place FROM ordered WHERE place <= :spare OR NOT is_beyond_share
)
