-- Who is told what: routes, messages that stand for several notifications, and posts that are edited.

ALTER TABLE assertion_metas
    ADD COLUMN notify json NOT NULL DEFAULT '[]';

ALTER TABLE event_metas
    ADD COLUMN notify json NOT NULL DEFAULT '[]';

ALTER TABLE narrative_config
    ADD COLUMN operators json NOT NULL DEFAULT '[]',
    ADD COLUMN digest    json NOT NULL DEFAULT '{}',
    ADD COLUMN webhooks  json NOT NULL DEFAULT '{}';

ALTER TABLE notifications
    ADD COLUMN batch       text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN blocks      json,
    ADD COLUMN suppressed  text NOT NULL DEFAULT '',
    ADD COLUMN tried_since timestamptz,
    DROP CONSTRAINT notifications_kind_check,
    ADD CONSTRAINT notifications_kind_check CHECK (kind IN ('opened', 'no_solution', 'impasse', 'approval', 'escalated',
        'renotified', 'resolved', 'action', 'test'));

UPDATE notifications SET batch = key;

CREATE INDEX notifications_by_batch ON notifications (batch);
CREATE INDEX notifications_by_recipient ON notifications (recipient, channel, kind, created_at);
CREATE INDEX notifications_by_time ON notifications (created_at, id);
CREATE INDEX notifications_undelivered ON notifications (channel) WHERE state = 'undelivered';

-- Messages that others may join until they are claimed, which is when they are sent.
CREATE TABLE notification_batches (
    key        text COLLATE "C" PRIMARY KEY,
    group_key  text COLLATE "C" NOT NULL,
    due_at     timestamptz NOT NULL,
    latest_at  timestamptz NOT NULL,
    claimed_at timestamptz
);

CREATE UNIQUE INDEX notification_batches_open ON notification_batches (group_key) WHERE claimed_at IS NULL;
CREATE INDEX notification_batches_claimed ON notification_batches (claimed_at) WHERE claimed_at IS NOT NULL;

CREATE TABLE posts (
    issue_id  text COLLATE "C" NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    channel   text NOT NULL,
    recipient text NOT NULL,
    place     text NOT NULL,
    message   text NOT NULL,
    shown     integer NOT NULL,
    told      text COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (issue_id, channel, recipient)
);

CREATE INDEX posts_by_message ON posts (message, place);
