-- name: get_account
-- Continue user_plan (usage.sql): return a user's account with the plan; no row if it is deleted.
SELECT
    users.id, users.mobile_number, users.full_name, users.password_hash IS NOT NULL AS has_password,
    users.created_at, users.last_login_at, plan.is_pro
FROM users
CROSS JOIN plan
WHERE users.id = :user_id AND users.deleted_at IS NULL

-- name: find_open_session
-- Continue user_plan (usage.sql): return the last use of a user's session, with the plan; no row if it is not
-- open at :open_at.
SELECT
    sessions.last_used_at,
    coalesce(sessions.last_used_ip, sessions.ip_address) AS used_from,
    plan.is_pro,
    plan.is_banned
FROM sessions
JOIN users ON users.id = sessions.user_id
CROSS JOIN plan
WHERE sessions.id = :session_id
  AND sessions.user_id = :user_id
  AND sessions.ended_at IS NULL
  AND sessions.refresh_expires_at > :open_at
  AND users.deleted_at IS NULL
