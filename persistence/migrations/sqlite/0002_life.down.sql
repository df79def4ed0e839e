ALTER TABLE violations DROP COLUMN times;

ALTER TABLE handoffs DROP COLUMN gone;

CREATE TABLE action_runs_keyed (
    solution_id TEXT NOT NULL REFERENCES solutions (id) ON DELETE CASCADE,
    idx         INTEGER NOT NULL,
    action      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('started', 'done', 'failed')),
    attempts    INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    receipt     TEXT NOT NULL,
    error       TEXT NOT NULL,
    PRIMARY KEY (solution_id, idx)
);

INSERT INTO action_runs_keyed (solution_id, idx, action, state, attempts, started_at, finished_at, receipt, error)
SELECT solution_id, idx, action, state, attempts, started_at, finished_at, receipt, error
FROM action_runs
WHERE NOT rollback;

DROP TABLE action_runs;
ALTER TABLE action_runs_keyed RENAME TO action_runs;

ALTER TABLE solutions DROP COLUMN rollback;
ALTER TABLE solutions DROP COLUMN rollback_template;

DROP INDEX resolution_steps_unasked;
ALTER TABLE resolution_steps DROP COLUMN assertion;
ALTER TABLE resolution_steps DROP COLUMN approval;
ALTER TABLE resolution_steps DROP COLUMN approval_timeout_ns;
ALTER TABLE resolution_steps DROP COLUMN verify_after_ns;
ALTER TABLE resolution_steps DROP COLUMN unasked_at;

ALTER TABLE issues DROP COLUMN verify_at;
ALTER TABLE issues DROP COLUMN notified_at;
ALTER TABLE issues DROP COLUMN renotified;
ALTER TABLE issues DROP COLUMN escalated;

ALTER TABLE narrative_config DROP COLUMN actions;
ALTER TABLE narrative_config DROP COLUMN renotify;
ALTER TABLE narrative_config DROP COLUMN escalate;

-- What was removed must not be checked again.
UPDATE event_metas SET enabled = FALSE WHERE removed_at IS NOT NULL;
UPDATE assertion_metas SET enabled = FALSE WHERE removed_at IS NOT NULL;

ALTER TABLE event_metas DROP COLUMN removed_at;

ALTER TABLE assertion_metas DROP COLUMN max_plans;
ALTER TABLE assertion_metas DROP COLUMN renotify;
ALTER TABLE assertion_metas DROP COLUMN escalate;
ALTER TABLE assertion_metas DROP COLUMN soft;
ALTER TABLE assertion_metas DROP COLUMN removed_at;
