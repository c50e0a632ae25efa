-- name: select_message
-- In front of the columns of messages.
SELECT

-- name: message_columns
-- All columns of messages but the one of search, behind SELECT or RETURNING.
    id, chatroom_id, user_id, position, role, status, content, created_at, completed_at, idempotency_key,
    reply_to, superseded, error_code, error_detail, finish_reason, model, input_tokens, output_tokens,
    thinking_tokens, time_to_first_token_ms, duration_ms, request_id, traceparent, charged_on, attempt, retries,
    losses, expired_leases, priority, queued_at, lease_token, lease_until, next_attempt_at, cancel_requested_at,
    last_error, has_output, uncounted_input_tokens, uncounted_output_tokens

-- name: message_by_id
FROM messages
WHERE id = :message_id

-- name: own_message
-- A message in a room of this user that is not deleted.
FROM messages
WHERE id = :message_id
  AND chatroom_id = :chatroom_id
  AND user_id = :user_id
  AND EXISTS (
      SELECT FROM chatrooms
      WHERE id = :chatroom_id AND user_id = :user_id AND erase_at IS NULL
  )

-- name: exchange_of_key
-- The message and the reply of an Idempotency-Key, in this order: the first reply, or a regenerated one.
--
-- A message and its first reply are stored together, at neighbouring positions; a regenerated reply itself has
-- the key.
FROM messages
WHERE id IN (
    WITH keyed AS (
        SELECT id, chatroom_id, position, reply_to
        FROM messages
        WHERE user_id = :user_id AND idempotency_key = :idempotency_key
    )
    SELECT id FROM keyed
    UNION ALL
    SELECT reply_to FROM keyed WHERE reply_to IS NOT NULL
    UNION ALL
    SELECT first_reply.id
    FROM keyed
    JOIN messages AS first_reply
        ON first_reply.chatroom_id = keyed.chatroom_id AND first_reply.position = keyed.position + 1
    WHERE keyed.reply_to IS NULL
)
ORDER BY position
