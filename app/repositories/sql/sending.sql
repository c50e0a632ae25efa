-- name: store_exchange
-- Continue user_plan (usage.sql): store a message and its pending reply, charge the day, update the room.
--
-- All of it or nothing. Each step takes its row from the step before, so no row is returned if the room or
-- the account is deleted or the day is used up. A used idempotency key violates uq_messages_idempotency_key.
-- Locks are taken in the order that holds everywhere, the room before the day's count.
, terms AS (
    -- What the user's plan allows; without a message_limit its messages are unlimited.
    SELECT
        CASE WHEN is_pro THEN :pro_limit ELSE coalesce(own_limit, :basic_limit) END AS message_limit,
        CASE WHEN is_pro THEN :pro_priority ELSE :basic_priority END AS reply_priority
    FROM plan
),
room AS (
    -- Read the count first: on a used-up day a request is rejected before it waits for a lock.
    SELECT chatrooms.id
    FROM chatrooms
    WHERE chatrooms.id = :chatroom_id
      AND chatrooms.user_id = :user_id
      AND chatrooms.erase_at IS NULL
      AND (
          (SELECT message_limit IS NULL FROM terms)
          OR coalesce((SELECT used FROM daily_usage WHERE user_id = :user_id AND day = :day), 0)
              < (SELECT message_limit FROM terms)
      )
    FOR UPDATE
),
charged AS (
    -- Check the limit again, now under the row's lock. The key-share lock rejects an account whose deletion
    -- has copied its count to the carryover, or whose ban has cancelled its replies.
    INSERT INTO daily_usage (user_id, day, used, refunds, input_tokens, output_tokens)
    SELECT users.id, :day, 1, 0, 0, 0
    FROM room
    JOIN users ON users.id = :user_id
    WHERE users.deleted_at IS NULL AND users.banned_at IS NULL
    FOR KEY SHARE OF users
    ON CONFLICT (user_id, day) DO UPDATE
    SET used = daily_usage.used + 1
    WHERE (SELECT message_limit IS NULL FROM terms)
       OR daily_usage.used < (SELECT message_limit FROM terms)
    RETURNING user_id, used
),
grown AS (
    -- Requests get the lock in another order than they read their clocks; a room's times never go back.
    UPDATE chatrooms
    SET
        last_position = chatrooms.last_position + 2,
        message_count = chatrooms.message_count + 2,
        last_message_at = greatest(chatrooms.last_message_at, :now),
        active_at = greatest(chatrooms.last_message_at, :now),
        updated_at = greatest(chatrooms.last_message_at, :now),
        archived = false,
        title = coalesce(chatrooms.title, :first_words),
        title_source = CASE
            WHEN chatrooms.title IS NULL AND :first_words IS NOT NULL THEN 'first_words'
            ELSE chatrooms.title_source
        END
    FROM charged
    WHERE chatrooms.id = :chatroom_id AND chatrooms.user_id = charged.user_id
    RETURNING
        chatrooms.id,
        chatrooms.user_id,
        chatrooms.last_position,
        chatrooms.last_message_at AS stored_at,
        -- The room's named model if it is offered, else the default model. As in OfferedModels.choose.
        CASE
            WHEN chatrooms.follows_default IS NOT TRUE AND chatrooms.model = ANY(:offered_models)
            THEN chatrooms.model
            ELSE :default_model
        END AS model
),
message AS (
    INSERT INTO messages (
        id, chatroom_id, user_id, position, role, status, content, idempotency_key,
        created_at, completed_at, superseded, attempt, retries, losses
    )
    SELECT
        :message_id, id, user_id, last_position - 1, 'user', 'completed', :content, :idempotency_key,
        stored_at, stored_at, false, 0, 0, 0
    FROM grown
),
reply AS (
    -- The queue is ordered by queued_at, the database's time; created_at is the application's.
    INSERT INTO messages (
        id, chatroom_id, user_id, position, role, status, content, reply_to, model, request_id, traceparent,
        charged_on, priority, queued_at, created_at, superseded, attempt, retries, losses
    )
    SELECT
        :reply_id, id, user_id, last_position, 'model', 'pending', '', :message_id, model, :request_id,
        :traceparent, :day, reply_priority, now(), stored_at, false, 0, 0, 0
    FROM grown
    CROSS JOIN terms
)
SELECT plan.is_pro, plan.own_limit, plan.is_banned, charged.used, grown.model, grown.stored_at
FROM grown
CROSS JOIN charged
CROSS JOIN plan

-- name: explain_rejection
-- Continue user_plan (usage.sql): return the committed state that explains why a message was not stored.
--
-- Takes no lock. No row if the account is deleted.
SELECT
    plan.is_pro,
    plan.own_limit,
    plan.is_banned,
    coalesce(daily_usage.used, 0) AS used,
    chatrooms.id IS NOT NULL AS has_room
FROM users
CROSS JOIN plan
LEFT JOIN daily_usage ON daily_usage.user_id = users.id AND daily_usage.day = :day
LEFT JOIN chatrooms
    ON chatrooms.id = :chatroom_id AND chatrooms.user_id = users.id AND chatrooms.erase_at IS NULL
WHERE users.id = :user_id AND users.deleted_at IS NULL
