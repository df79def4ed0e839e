-- Datums at speed: heartbeats with their history.

CREATE INDEX datums_of_heartbeats ON datums (name, at, expires_at) WHERE origin = 'heartbeat';

CREATE TABLE heartbeats (
    name         TEXT PRIMARY KEY,
    last_success INTEGER,
    last_start   INTEGER,
    last_fail    INTEGER,
    kind         TEXT NOT NULL CHECK (kind IN ('success', 'start', 'fail')),
    note         TEXT NOT NULL,
    fail_note    TEXT NOT NULL DEFAULT 'null',
    at           INTEGER NOT NULL,
    kept_at      INTEGER,
    kept_id      TEXT
);

INSERT INTO heartbeats (name, last_success, kind, note, at)
SELECT name, MAX(at), 'success', 'null', MAX(at)
FROM datums
WHERE origin = 'heartbeat'
GROUP BY name;

ALTER TABLE narrative_config
    ADD COLUMN heartbeat_min_interval_ns INTEGER NOT NULL DEFAULT 1000000000 CHECK (heartbeat_min_interval_ns >= 0);
