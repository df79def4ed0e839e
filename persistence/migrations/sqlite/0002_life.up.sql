-- What an issue's life takes: approvals, deadlines, rollback, and metas that are removed.

ALTER TABLE assertion_metas ADD COLUMN max_plans INTEGER NOT NULL DEFAULT 10;
ALTER TABLE assertion_metas ADD COLUMN renotify TEXT NOT NULL DEFAULT '[]';
ALTER TABLE assertion_metas ADD COLUMN escalate TEXT NOT NULL DEFAULT '[]';
ALTER TABLE assertion_metas ADD COLUMN soft TEXT NOT NULL DEFAULT '';
ALTER TABLE assertion_metas ADD COLUMN removed_at INTEGER;

ALTER TABLE event_metas ADD COLUMN removed_at INTEGER;

ALTER TABLE narrative_config ADD COLUMN actions TEXT NOT NULL DEFAULT 'run' CHECK (actions IN ('run', 'approve', 'off'));
ALTER TABLE narrative_config ADD COLUMN renotify TEXT NOT NULL DEFAULT '[]';
ALTER TABLE narrative_config ADD COLUMN escalate TEXT NOT NULL DEFAULT '[]';

ALTER TABLE issues ADD COLUMN verify_at INTEGER;
ALTER TABLE issues ADD COLUMN notified_at INTEGER;
ALTER TABLE issues ADD COLUMN renotified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issues ADD COLUMN escalated INTEGER NOT NULL DEFAULT 0;

-- What people were told, and is still for them to do.
UPDATE issues
SET notified_at = (
    SELECT MAX(n.created_at) FROM notifications n
    WHERE n.issue_id = issues.id AND n.kind IN ('no_solution', 'impasse'))
WHERE status IN ('open', 'impasse') AND NOT working;

-- A step knows its assertion, so that the plans begun unasked for it are counted by one index.
ALTER TABLE resolution_steps ADD COLUMN assertion TEXT NOT NULL DEFAULT '';
ALTER TABLE resolution_steps ADD COLUMN approval TEXT NOT NULL DEFAULT '' CHECK (approval IN ('', 'none', 'required'));
ALTER TABLE resolution_steps ADD COLUMN approval_timeout_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE resolution_steps ADD COLUMN verify_after_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE resolution_steps ADD COLUMN unasked_at INTEGER;

UPDATE resolution_steps
SET assertion = (SELECT i.assertion FROM issues i WHERE i.id = resolution_steps.issue_id);

CREATE INDEX resolution_steps_unasked ON resolution_steps (assertion, unasked_at) WHERE unasked_at IS NOT NULL;

ALTER TABLE solutions ADD COLUMN rollback TEXT;
ALTER TABLE solutions ADD COLUMN rollback_template TEXT;

CREATE TABLE action_runs_keyed (
    solution_id TEXT NOT NULL REFERENCES solutions (id) ON DELETE CASCADE,
    idx         INTEGER NOT NULL,
    rollback    INTEGER NOT NULL DEFAULT FALSE,
    action      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('started', 'done', 'failed')),
    attempts    INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    receipt     TEXT NOT NULL,
    error       TEXT NOT NULL,
    PRIMARY KEY (solution_id, idx, rollback)
);

INSERT INTO action_runs_keyed (solution_id, idx, action, state, attempts, started_at, finished_at, receipt, error)
SELECT solution_id, idx, action, state, attempts, started_at, finished_at, receipt, error
FROM action_runs;

DROP TABLE action_runs;
ALTER TABLE action_runs_keyed RENAME TO action_runs;

ALTER TABLE handoffs ADD COLUMN gone INTEGER NOT NULL DEFAULT FALSE;

ALTER TABLE violations ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
