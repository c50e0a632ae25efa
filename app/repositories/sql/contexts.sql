-- name: read_context
-- Return a room's settings and summary, for its replies; no row once it is deleted.
SELECT
    id, model, follows_default, title_source, system_instruction, bytes_per_token, summary, summary_upto
FROM chatrooms
WHERE id = :room AND erase_at IS NULL

-- name: read_newest_exchanges
-- Return the context's exchanges with replies between two positions, newest first.
--
-- Completed, cut at the output limit, or cancelled after some text; not failed, blocked or replaced. Also that
-- of :pending_reply_id, which has no text yet. The unique index of positions carries the order.
SELECT reply.position, question.content AS question, reply.content AS answer
FROM messages AS reply
JOIN messages AS question ON question.id = reply.reply_to
WHERE reply.chatroom_id = :room
  AND reply.role = 'model'
  AND reply.position > :after
  AND reply.position < :before
  AND (
      reply.id = :pending_reply_id
      OR (
          NOT reply.superseded
          AND (reply.status = 'completed' OR (reply.status = 'cancelled' AND reply.content <> ''))
      )
  )
ORDER BY reply.position DESC
LIMIT :limit

-- name: read_oldest_exchanges
-- Return the same exchanges, oldest first.
SELECT reply.position, question.content AS question, reply.content AS answer
FROM messages AS reply
JOIN messages AS question ON question.id = reply.reply_to
WHERE reply.chatroom_id = :room
  AND reply.role = 'model'
  AND reply.position > :after
  AND reply.position < :before
  AND (
      reply.id = :pending_reply_id
      OR (
          NOT reply.superseded
          AND (reply.status = 'completed' OR (reply.status = 'cancelled' AND reply.content <> ''))
      )
  )
ORDER BY reply.position
LIMIT :limit

-- name: measure_history
-- Count the same exchanges and the bytes of their texts, without the pending one and without reading texts.
SELECT
    count(*) AS exchanges,
    coalesce(sum(octet_length(question.content) + octet_length(reply.content)), 0) AS text_bytes
FROM messages AS reply
JOIN messages AS question ON question.id = reply.reply_to
WHERE reply.chatroom_id = :room
  AND reply.role = 'model'
  AND reply.position > :after
  AND reply.position < :before
  AND NOT reply.superseded
  AND (reply.status = 'completed' OR (reply.status = 'cancelled' AND reply.content <> ''))
