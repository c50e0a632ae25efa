-- name: claim_event
-- Claim one event under a lease, if it is unprocessed and due; no row otherwise.
--
-- next_attempt_at is NULL until the first claim, then the end of the lease, and after a failed attempt the
-- end of its pause. An event whose lease ran out, because its worker died, is therefore due again.
UPDATE stripe_events
SET
    attempts = attempts + 1,
    next_attempt_at = now() + make_interval(secs => :lease_seconds)
WHERE id = :event_id
  AND processed_at IS NULL
  AND (next_attempt_at IS NULL OR next_attempt_at <= now())
RETURNING id, type, subscription_id, customer_id, session_id AS checkout_session_id, attempts

-- name: claim_stale_events
-- Claim up to :limit due events under a lease, the oldest first.
--
-- A new event is left to its queued job for :unclaimed_seconds; after that the job counts as lost. Events
-- that another process is claiming are skipped, not waited for. The partial index of unprocessed events
-- carries the search.
WITH stale AS (
    SELECT id
    FROM stripe_events
    WHERE processed_at IS NULL
      AND (
          next_attempt_at <= now()
          OR (next_attempt_at IS NULL AND received_at < now() - make_interval(secs => :unclaimed_seconds))
      )
    ORDER BY received_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
UPDATE stripe_events
SET
    attempts = attempts + 1,
    next_attempt_at = now() + make_interval(secs => :lease_seconds)
WHERE id IN (SELECT id FROM stale)
  AND processed_at IS NULL
RETURNING id, type, subscription_id, customer_id, session_id AS checkout_session_id, attempts
