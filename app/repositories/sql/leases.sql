-- name: renew_leases
-- Renew leases and save their checkpoints; return the ids of the replies whose lease this process still holds.
--
-- Parameters: arrays of the same length (ids, lease_tokens, texts, have_output, input_tokens, output_tokens),
-- and lease_seconds. One probe of the primary key per reply. Locks the replies until the transaction ends.
UPDATE messages
SET
    lease_until = now() + make_interval(secs => :lease_seconds),
    content = held.content,
    has_output = messages.has_output OR held.has_output,
    uncounted_input_tokens = held.input_tokens,
    uncounted_output_tokens = held.output_tokens
FROM unnest(:ids, :lease_tokens, :texts, :have_output, :input_tokens, :output_tokens)
    AS held (id, lease_token, content, has_output, input_tokens, output_tokens)
WHERE messages.id = held.id
  -- A process that was stalled or cut off may still hold an expired lease.
  AND messages.lease_token = held.lease_token
  AND messages.status = 'generating'
RETURNING messages.id

-- name: end_reply
-- Write the end of a reply, if this lease token still holds it.
--
-- Each of the three endings below clears the uncounted tokens: the same transaction adds them to the day.
-- Locks: the reply here, then its room, then the day's usage; another order could deadlock.
UPDATE messages
SET
    status = :status,
    content = :content,
    -- Null if no model was called.
    model = coalesce(:model, model),
    error_code = :error_code,
    error_detail = :error_detail,
    last_error = :last_error,
    finish_reason = :finish_reason,
    input_tokens = :input_tokens,
    output_tokens = :output_tokens,
    thinking_tokens = :thinking_tokens,
    time_to_first_token_ms = :time_to_first_token_ms,
    duration_ms = :duration_ms,
    completed_at = now(),
    next_attempt_at = NULL,
    has_output = has_output OR :has_output,
    uncounted_input_tokens = 0,
    uncounted_output_tokens = 0,
    lease_token = NULL,
    lease_until = NULL
WHERE id = :id AND lease_token = :lease_token AND status = 'generating'

-- name: retry_reply
-- Make a reply pending again after a failure of the model, if this lease token still holds it.
UPDATE messages
SET
    status = 'pending',
    content = '',
    retries = retries + 1,
    -- A reply that was cancelled meanwhile is due at once, to end as cancelled.
    next_attempt_at = CASE
        WHEN cancel_requested_at IS NULL THEN now() + make_interval(secs => :after_seconds)
    END,
    last_error = :last_error,
    has_output = has_output OR :has_output,
    uncounted_input_tokens = 0,
    uncounted_output_tokens = 0,
    lease_token = NULL,
    lease_until = NULL
WHERE id = :id AND lease_token = :lease_token AND status = 'generating'

-- name: release_reply
-- Make a reply pending again because its process cannot finish it, if this lease token still holds it.
--
-- It is due at once and costs no retry.
UPDATE messages
SET
    status = 'pending',
    content = '',
    losses = losses + 1,
    next_attempt_at = now(),
    has_output = has_output OR :has_output,
    uncounted_input_tokens = 0,
    uncounted_output_tokens = 0,
    lease_token = NULL,
    lease_until = NULL
WHERE id = :id AND lease_token = :lease_token AND status = 'generating'

-- name: returning
-- Behind each of the three, in front of the columns of messages.
RETURNING

-- name: forgive_expiry
-- Uncount the expiry of a lease that another process has replaced.
UPDATE messages
SET expired_leases = expired_leases - 1
WHERE id = :id AND lease_token <> :lease_token AND expired_leases > 0

-- name: find_cancelled_leases
-- Find the leases of all replies that a worker is to cancel: nearly always none.
--
-- Each worker runs it four times a second while it holds replies; ix_messages_cancel_requested carries it.
SELECT lease_token
FROM messages
WHERE cancel_requested_at IS NOT NULL AND status = 'generating' AND lease_token IS NOT NULL
