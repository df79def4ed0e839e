DROP TABLE api_requests;

ALTER TABLE api_keys
    DROP COLUMN expires_at;
