-- How long it was silent before each beat that is kept, whatever came in between and was not.

ALTER TABLE datums
    ADD COLUMN success_before timestamptz;

DROP INDEX datums_of_heartbeats;

CREATE INDEX datums_of_heartbeats ON datums (name, at, expires_at, success_before) WHERE origin = 'heartbeat';

ALTER TABLE heartbeats
    ADD COLUMN success_before timestamptz;

-- What was no heartbeat, though a datum was written so; and what nothing is known of any more.
DELETE FROM heartbeats
WHERE kept_id IS NULL AND last_start IS NULL AND last_fail IS NULL AND (name !~ '^[a-z0-9][a-z0-9._-]{0,62}$' OR NOT EXISTS (
    SELECT 1
    FROM datums
    WHERE origin = 'heartbeat' AND datums.name = heartbeats.name AND (expires_at IS NULL OR expires_at > now())));
