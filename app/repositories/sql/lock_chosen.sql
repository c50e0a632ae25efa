-- Lock the replies of `chosen` in their order, until places are filled; those that another process holds
-- or has claimed meanwhile are passed over.
--
-- One probe of the primary key for each reply. It cannot be planned otherwise: a subquery that locks is not
-- merged with what is around it.
SELECT locked.id
FROM (SELECT id FROM chosen ORDER BY place) AS chosen
CROSS JOIN LATERAL (
    SELECT message.id
    FROM messages AS message
    JOIN chatrooms AS room ON room.id = message.chatroom_id
    WHERE message.id = chosen.id
      AND (
          message.status = 'pending'
          OR (message.status = 'generating' AND message.lease_until < now())
      )
      -- In a deleted room a reply is claimed only to be ended.
      AND (room.erase_at IS NULL OR message.cancel_requested_at IS NOT NULL)
    FOR UPDATE OF message SKIP LOCKED
) AS locked
LIMIT :places
