ALTER TABLE narrative_config DROP COLUMN heartbeat_min_interval_ns;

DROP TABLE heartbeats;

DROP INDEX datums_of_heartbeats;
