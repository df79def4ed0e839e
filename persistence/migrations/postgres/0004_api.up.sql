-- What the API takes: keys that expire, and requests that are answered once.

ALTER TABLE api_keys
    ADD COLUMN expires_at timestamptz;

CREATE TABLE api_requests (
    caller      text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    status      integer,
    header      json,
    body        text,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (caller, key)
);

CREATE INDEX api_requests_by_time ON api_requests (created_at);
