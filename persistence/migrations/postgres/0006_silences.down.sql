ALTER TABLE heartbeats
    DROP COLUMN success_before;

DROP INDEX datums_of_heartbeats;

CREATE INDEX datums_of_heartbeats ON datums (name, at, expires_at) WHERE origin = 'heartbeat';

ALTER TABLE datums
    DROP COLUMN success_before;
