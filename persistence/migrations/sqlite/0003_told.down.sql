DROP TABLE posts;

DROP TABLE notification_batches;

CREATE TABLE notifications_told (
    id         TEXT PRIMARY KEY,
    key        TEXT NOT NULL,
    issue_id   TEXT REFERENCES issues (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('opened', 'no_solution', 'impasse', 'approval', 'escalated', 'renotified',
        'resolved', 'action')),
    channel    TEXT NOT NULL,
    recipient  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    text       TEXT NOT NULL,
    html       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'undelivered', 'suppressed')),
    attempts   INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    receipt    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at    INTEGER,
    CONSTRAINT notifications_once UNIQUE (key)
);

INSERT INTO notifications_told (id, key, issue_id, kind, channel, recipient, subject, text, html, state, attempts,
    last_error, receipt, created_at, sent_at)
SELECT id, key, issue_id, kind, channel, recipient, subject, text, html, state, attempts, last_error, receipt,
    created_at, sent_at
FROM notifications
WHERE kind <> 'test';

DROP TABLE notifications;
ALTER TABLE notifications_told RENAME TO notifications;

CREATE INDEX notifications_by_issue ON notifications (issue_id, created_at, id);
CREATE INDEX notifications_pending ON notifications (created_at, id) WHERE state = 'pending';

ALTER TABLE narrative_config DROP COLUMN operators;
ALTER TABLE narrative_config DROP COLUMN digest;
ALTER TABLE narrative_config DROP COLUMN webhooks;

ALTER TABLE event_metas DROP COLUMN notify;
ALTER TABLE assertion_metas DROP COLUMN notify;
