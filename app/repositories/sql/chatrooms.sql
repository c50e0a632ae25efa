-- name: list_rooms
-- Return a user's rooms by newest activity, from the one after (:before_at, :before_id) on.
--
-- ix_chatrooms_list has this order, so no more rows are read than returned, but those of deleted rooms.
SELECT
    id, title, description, system_instruction,
    CASE WHEN follows_default IS NOT TRUE THEN model END AS model,
    archived, message_count, last_message_at, created_at, updated_at, active_at
FROM chatrooms
WHERE user_id = :user_id
  AND archived = :archived
  AND erase_at IS NULL
  AND (active_at, id) < (:before_at, :before_id)
ORDER BY active_at DESC, id DESC
LIMIT :limit

-- name: read_room
-- Return a user's room with a page of its messages, newest first, before position :before.
--
-- The first row holds the room (room_id is null without one); each row holds a message, if there are any.
-- Texts of at most :max_bytes are returned, or one longer one; `found` counts the page without that limit.
-- PostgreSQL knows the length of a text without reading it, so the others cost next to nothing.
--
-- Only the unique index of positions has the order of the page. With an equality on the room, the planner
-- might read all of its messages and sort them, estimating that room and owner together match a few rows.
WITH page AS (
    SELECT *
    FROM messages
    WHERE (chatroom_id, position) < (:chatroom_id, :before)
      AND chatroom_id >= :chatroom_id
      AND user_id = :user_id
    ORDER BY chatroom_id DESC, position DESC
    LIMIT :limit
),
weighed AS (
    SELECT
        id, chatroom_id, role, content, status, reply_to, superseded, error_code, error_detail, finish_reason,
        model, input_tokens, output_tokens, thinking_tokens, time_to_first_token_ms, duration_ms, created_at,
        completed_at, position,
        sum(octet_length(content)) OVER (ORDER BY position DESC ROWS UNBOUNDED PRECEDING) AS bytes_so_far,
        row_number() OVER (ORDER BY position DESC) AS number,
        count(*) OVER () AS found
    FROM page
),
room AS (
    SELECT
        1::bigint AS number,
        id, title, description, system_instruction,
        CASE WHEN follows_default IS NOT TRUE THEN model END AS model,
        archived, message_count, last_message_at, created_at, updated_at
    FROM chatrooms
    WHERE id = :chatroom_id AND user_id = :user_id AND erase_at IS NULL
)
SELECT
    weighed.id, weighed.chatroom_id, weighed.role, weighed.content, weighed.status, weighed.reply_to,
    weighed.superseded, weighed.error_code, weighed.error_detail, weighed.finish_reason, weighed.model,
    weighed.input_tokens, weighed.output_tokens, weighed.thinking_tokens, weighed.time_to_first_token_ms,
    weighed.duration_ms, weighed.created_at, weighed.completed_at, weighed.position, weighed.found,
    room.id AS room_id, room.title AS room_title, room.description AS room_description,
    room.system_instruction AS room_system_instruction, room.model AS room_model,
    room.archived AS room_archived, room.message_count AS room_message_count,
    room.last_message_at AS room_last_message_at, room.created_at AS room_created_at,
    room.updated_at AS room_updated_at
FROM (SELECT * FROM weighed WHERE bytes_so_far <= :max_bytes OR number = 1) AS weighed
FULL JOIN room USING (number)
ORDER BY number
