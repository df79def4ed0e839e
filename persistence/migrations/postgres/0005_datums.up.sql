-- Datums at speed: words to look for, and heartbeats with their history.

ALTER TABLE datums
    ADD COLUMN words tsvector NOT NULL DEFAULT '';

-- As the store takes words from new ones, or nearly so.
UPDATE datums
SET words = strip(to_tsvector('simple', translate(
    left(origin || ' ' || name || ' ' || replace(replace(replace(replace(
        CAST(note AS text), '\\', ' '), '\n', ' '), '\t', ' '), '\r', ' '), 65536),
    '/._-:@<>&+', '          ')));

-- Words wait in a list until it is full, and who fills it moves all of them: a shorter one than usual (4 MB) makes the wait
-- shorter, and writing no slower; without it, writing takes twice as long.
CREATE INDEX datums_by_word ON datums USING gin (words) WITH (gin_pending_list_limit = 1024);

CREATE INDEX datums_of_heartbeats ON datums (name, at, expires_at) WHERE origin = 'heartbeat';

CREATE TABLE heartbeats (
    name         text COLLATE "C" PRIMARY KEY,
    last_success timestamptz,
    last_start   timestamptz,
    last_fail    timestamptz,
    kind         text NOT NULL CHECK (kind IN ('success', 'start', 'fail')),
    note         json NOT NULL,
    fail_note    json NOT NULL DEFAULT 'null',
    at           timestamptz NOT NULL,
    kept_at      timestamptz,
    kept_id      text COLLATE "C"
) WITH (fillfactor = 70);

INSERT INTO heartbeats (name, last_success, kind, note, at)
SELECT name, MAX(at), 'success', 'null', MAX(at)
FROM datums
WHERE origin = 'heartbeat'
GROUP BY name;

ALTER TABLE narrative_config
    ADD COLUMN heartbeat_min_interval_ns bigint NOT NULL DEFAULT 1000000000 CHECK (heartbeat_min_interval_ns >= 0);
