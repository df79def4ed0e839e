-- Who is told what: routes, messages that stand for several notifications, and posts that are edited.

ALTER TABLE assertion_metas ADD COLUMN notify TEXT NOT NULL DEFAULT '[]';
ALTER TABLE event_metas ADD COLUMN notify TEXT NOT NULL DEFAULT '[]';

ALTER TABLE narrative_config ADD COLUMN operators TEXT NOT NULL DEFAULT '[]';
ALTER TABLE narrative_config ADD COLUMN digest TEXT NOT NULL DEFAULT '{}';
ALTER TABLE narrative_config ADD COLUMN webhooks TEXT NOT NULL DEFAULT '{}';

CREATE TABLE notifications_told (
    id          TEXT PRIMARY KEY,
    key         TEXT NOT NULL,
    batch       TEXT NOT NULL,
    issue_id    TEXT REFERENCES issues (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL CHECK (kind IN ('opened', 'no_solution', 'impasse', 'approval', 'escalated', 'renotified',
        'resolved', 'action', 'test')),
    channel     TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    subject     TEXT NOT NULL,
    text        TEXT NOT NULL,
    html        TEXT NOT NULL,
    blocks      TEXT,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'undelivered', 'suppressed')),
    suppressed  TEXT NOT NULL DEFAULT '',
    attempts    INTEGER NOT NULL,
    last_error  TEXT NOT NULL,
    receipt     TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    tried_since INTEGER,
    sent_at     INTEGER,
    CONSTRAINT notifications_once UNIQUE (key)
);

INSERT INTO notifications_told (id, key, batch, issue_id, kind, channel, recipient, subject, text, html, state, attempts,
    last_error, receipt, created_at, sent_at)
SELECT id, key, key, issue_id, kind, channel, recipient, subject, text, html, state, attempts, last_error, receipt,
    created_at, sent_at
FROM notifications;

DROP TABLE notifications;
ALTER TABLE notifications_told RENAME TO notifications;

CREATE INDEX notifications_by_issue ON notifications (issue_id, created_at, id);
CREATE INDEX notifications_pending ON notifications (created_at, id) WHERE state = 'pending';
CREATE INDEX notifications_by_batch ON notifications (batch);
CREATE INDEX notifications_by_recipient ON notifications (recipient, channel, kind, created_at);
CREATE INDEX notifications_by_time ON notifications (created_at, id);
CREATE INDEX notifications_undelivered ON notifications (channel) WHERE state = 'undelivered';

-- Messages that others may join until they are claimed, which is when they are sent.
CREATE TABLE notification_batches (
    key        TEXT PRIMARY KEY,
    group_key  TEXT NOT NULL,
    due_at     INTEGER NOT NULL,
    latest_at  INTEGER NOT NULL,
    claimed_at INTEGER
);

CREATE UNIQUE INDEX notification_batches_open ON notification_batches (group_key) WHERE claimed_at IS NULL;
CREATE INDEX notification_batches_claimed ON notification_batches (claimed_at) WHERE claimed_at IS NOT NULL;

CREATE TABLE posts (
    issue_id  TEXT NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    channel   TEXT NOT NULL,
    recipient TEXT NOT NULL,
    place     TEXT NOT NULL,
    message   TEXT NOT NULL,
    shown     INTEGER NOT NULL,
    told      TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (issue_id, channel, recipient)
);

CREATE INDEX posts_by_message ON posts (message, place);
