-- name: parse_search_query
-- Split a query into terms, in the forms in which messages keep theirs.
--
-- The functions are those that split messages. legacy is the only form that messages of an earlier version
-- have until they are indexed again.
SELECT
    tsvector_to_array(search_words(plain)) AS legacy,
    tsvector_to_array(search_words(search_folded(plain))) AS folded,
    tsvector_to_array(search_words(search_stripped(search_folded(plain)))) AS stripped
FROM (SELECT search_text(:query) AS plain) AS query

-- name: search_recent_messages
-- Find matches among the user's newest messages, newest first.
--
-- For common terms: the index of terms has no order, so it would return every match before the newest is known.
SELECT recent.id
FROM (
    -- Only ix_messages_newest has this order and these bounds. In the order of ids alone, the primary key could
    -- be read through the rows of all users.
    SELECT user_id, id, words
    FROM messages
    WHERE (user_id, id) < (:user_id, :before_id) AND user_id >= :user_id AND words IS NOT NULL
    ORDER BY user_id DESC, id DESC
    LIMIT :recent_scan_limit -- sent as a number, not as a parameter: the plan depends on it
) AS recent
-- In a subquery, the terms have no influence on the plan.
WHERE recent.words @@ (SELECT CAST(:tsquery AS tsquery))
ORDER BY recent.user_id DESC, recent.id DESC
LIMIT :limit

-- name: search_all_messages
-- Find matches among all messages of the user, newest first.
--
-- For rare terms: reads every match in the index of terms, and nothing else. The user's tag is one of the terms,
-- so the index returns no message of another user. MATERIALIZED keeps order and limit outside: with them the
-- planner might read the user's messages in order instead.
WITH found AS MATERIALIZED (
    SELECT id, user_id
    FROM messages
    WHERE words @@ (SELECT CAST(:tsquery AS tsquery))
)
SELECT id
FROM found
WHERE user_id = :user_id AND id < :before_id
ORDER BY id DESC
LIMIT :limit

-- name: load_search_hits
-- Load the user's messages of these ids, newest first, each with the passage around its first match.
--
-- A passage is the beginning of the message, or starts shortly before a match that lies behind it. A match in
-- compatibility characters, such as ligatures, is only found at the beginning.
SELECT
    id,
    chatroom_id,
    created_at,
    substr(content, start, :passage_chars) AS passage,
    start > 1 AS is_cut_before,
    length(content) >= start + :passage_chars AS is_cut_behind
FROM (
    SELECT
        *,
        CASE
            WHEN match_at > :passage_chars - :chars_after_match THEN match_at - :chars_before_match
            ELSE 1
        END AS start
    FROM (
        SELECT *, coalesce(strpos(content, substring(content FROM :pattern)), 0) AS match_at
        FROM (
            SELECT
                message.id,
                message.chatroom_id,
                message.created_at,
                left(message.content, :searched_chars) AS content
            FROM messages AS message
            JOIN chatrooms AS room ON room.id = message.chatroom_id
            WHERE message.id = ANY(:ids) AND message.user_id = :user_id AND room.erase_at IS NULL
            OFFSET 0 -- evaluated once: each content is read once, each match is searched once
        ) AS searchable
        OFFSET 0
    ) AS matched
) AS hit
ORDER BY id DESC
