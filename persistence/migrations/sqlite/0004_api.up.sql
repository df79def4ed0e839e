-- What the API takes: keys that expire, and requests that are answered once.

ALTER TABLE api_keys ADD COLUMN expires_at INTEGER;

CREATE TABLE api_requests (
    caller      TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status      INTEGER,
    header      TEXT,
    body        TEXT,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
);

CREATE INDEX api_requests_by_time ON api_requests (created_at);
