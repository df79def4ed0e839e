DROP TABLE posts;

DROP TABLE notification_batches;

DELETE FROM notifications WHERE kind = 'test';

DROP INDEX notifications_by_batch;
DROP INDEX notifications_by_recipient;
DROP INDEX notifications_by_time;
DROP INDEX notifications_undelivered;

ALTER TABLE notifications
    DROP COLUMN batch,
    DROP COLUMN blocks,
    DROP COLUMN suppressed,
    DROP COLUMN tried_since,
    DROP CONSTRAINT notifications_kind_check,
    ADD CONSTRAINT notifications_kind_check CHECK (kind IN ('opened', 'no_solution', 'impasse', 'approval', 'escalated',
        'renotified', 'resolved', 'action'));

ALTER TABLE narrative_config
    DROP COLUMN operators,
    DROP COLUMN digest,
    DROP COLUMN webhooks;

ALTER TABLE event_metas
    DROP COLUMN notify;

ALTER TABLE assertion_metas
    DROP COLUMN notify;
