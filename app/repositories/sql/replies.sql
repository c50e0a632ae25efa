-- name: read_progress
-- Return the progress of those of the replies `ids` that exist, without their texts.
SELECT id, status, attempt, char_length(content) AS characters
FROM messages
WHERE id = ANY (:ids)
