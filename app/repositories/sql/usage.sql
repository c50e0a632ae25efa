-- name: user_plan
-- Begin a statement with `plan`: whether the user is on Pro at :now, and what an operator has set: an own daily
-- limit on Basic, a ban. The condition on subscriptions is that of gives_pro.
WITH plan AS (
    SELECT
        coalesce(users.pro_until > :now, false) OR EXISTS (
            SELECT FROM subscriptions
            WHERE user_id = :user_id
              AND (status = 'active' OR status = 'trialing' OR status = 'past_due' AND grace_until > :now)
              AND (
                  voided_period IS NULL
                  OR voided_period = 'next' AND (current_period_end IS NULL OR current_period_end > :now)
              )
        ) AS is_pro,
        users.messages_per_day AS own_limit,
        users.banned_at IS NOT NULL AS is_banned
    FROM users
    WHERE users.id = :user_id
)

-- name: read_usage
-- Continue user_plan: return the plan and the day's count, without a lock; no row if the account is deleted.
SELECT plan.is_pro, plan.own_limit, plan.is_banned, coalesce(daily_usage.used, 0) AS used
FROM users
CROSS JOIN plan
LEFT JOIN daily_usage ON daily_usage.user_id = users.id AND daily_usage.day = :day
WHERE users.id = :user_id AND users.deleted_at IS NULL

-- name: charge_message
-- Add one message to the day's count if that is below the limit (NULL: unlimited), and return the count.
--
-- The condition is checked under the row's lock, so concurrent charges wait for each other and each sees the
-- one before it. The key-share lock rejects an account whose deletion has copied its count to the carryover,
-- or whose ban has cancelled its replies.
INSERT INTO daily_usage (user_id, day, used, refunds, input_tokens, output_tokens)
SELECT users.id, :day, 1, 0, 0, 0
FROM users
WHERE users.id = :user_id
  AND users.deleted_at IS NULL
  AND users.banned_at IS NULL
  AND (:limit IS NULL OR :limit > 0)
FOR KEY SHARE
ON CONFLICT (user_id, day) DO UPDATE
SET used = daily_usage.used + 1
WHERE :limit IS NULL OR daily_usage.used < :limit
RETURNING used

-- name: refund_messages
-- Continue user_plan: take messages off the count of the day they were charged to, and return that count.
--
-- On Basic a day refunds at most max_refunds messages, or refunds_per_message times the user's own limit. The row is locked before it is read, so concurrent
-- refunds wait for each other and each sees the one before it.
, charged_day AS (
    SELECT used, refunds
    FROM daily_usage
    WHERE user_id = :user_id AND day = :day
    FOR UPDATE
),
refund AS (
    SELECT least(
        :messages,
        charged_day.used,
        CASE
            WHEN plan.is_pro THEN :messages
            ELSE coalesce(plan.own_limit * :refunds_per_message, :max_refunds) - charged_day.refunds
        END
    ) AS messages
    FROM charged_day
    CROSS JOIN plan
)
UPDATE daily_usage
SET used = daily_usage.used - refund.messages, refunds = daily_usage.refunds + refund.messages
FROM refund
WHERE daily_usage.user_id = :user_id AND daily_usage.day = :day AND refund.messages > 0
RETURNING daily_usage.used

-- name: add_tokens
-- Add the tokens of an attempt to the day.
INSERT INTO daily_usage (user_id, day, used, refunds, input_tokens, output_tokens)
VALUES (:user_id, :day, 0, 0, :input_tokens, :output_tokens)
ON CONFLICT (user_id, day) DO UPDATE
SET
    input_tokens = daily_usage.input_tokens + excluded.input_tokens,
    output_tokens = daily_usage.output_tokens + excluded.output_tokens

-- name: save_carryover
-- Copy the day's counts of an account to its number. Of two accounts on one day the higher counts stay.
INSERT INTO carried_usage (number_digest, day, used, refunds)
SELECT :number_digest, day, used, refunds
FROM daily_usage
WHERE user_id = :user_id AND day = :day AND (used > 0 OR refunds > 0)
ON CONFLICT (number_digest, day) DO UPDATE
SET
    used = greatest(carried_usage.used, excluded.used),
    refunds = greatest(carried_usage.refunds, excluded.refunds)

-- name: restore_carryover
-- Begin a new account's day with the counts that its number has from a deleted account.
INSERT INTO daily_usage (user_id, day, used, refunds, input_tokens, output_tokens)
SELECT :user_id, day, used, refunds, 0, 0
FROM carried_usage
WHERE number_digest = :number_digest AND day = :day
ON CONFLICT DO NOTHING
