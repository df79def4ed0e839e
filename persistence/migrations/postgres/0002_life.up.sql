-- What an issue's life takes: approvals, deadlines, rollback, and metas that are removed.

ALTER TABLE assertion_metas
    ADD COLUMN max_plans  integer NOT NULL DEFAULT 10,
    ADD COLUMN renotify   json NOT NULL DEFAULT '[]',
    ADD COLUMN escalate   json NOT NULL DEFAULT '[]',
    ADD COLUMN soft       text NOT NULL DEFAULT '',
    ADD COLUMN removed_at timestamptz;

ALTER TABLE event_metas
    ADD COLUMN removed_at timestamptz;

ALTER TABLE narrative_config
    ADD COLUMN actions  text NOT NULL DEFAULT 'run' CHECK (actions IN ('run', 'approve', 'off')),
    ADD COLUMN renotify json NOT NULL DEFAULT '[]',
    ADD COLUMN escalate json NOT NULL DEFAULT '[]';

ALTER TABLE issues
    ADD COLUMN verify_at   timestamptz,
    ADD COLUMN notified_at timestamptz,
    ADD COLUMN renotified  integer NOT NULL DEFAULT 0,
    ADD COLUMN escalated   integer NOT NULL DEFAULT 0;

-- What people were told, and is still for them to do.
UPDATE issues
SET notified_at = (
    SELECT MAX(n.created_at) FROM notifications n
    WHERE n.issue_id = issues.id AND n.kind IN ('no_solution', 'impasse'))
WHERE status IN ('open', 'impasse') AND NOT working;

-- A step knows its assertion, so that the plans begun unasked for it are counted by one index.
ALTER TABLE resolution_steps
    ADD COLUMN assertion           text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN approval            text NOT NULL DEFAULT '' CHECK (approval IN ('', 'none', 'required')),
    ADD COLUMN approval_timeout_ns bigint NOT NULL DEFAULT 0,
    ADD COLUMN verify_after_ns     bigint NOT NULL DEFAULT 0,
    ADD COLUMN unasked_at          timestamptz;

UPDATE resolution_steps
SET assertion = (SELECT i.assertion FROM issues i WHERE i.id = resolution_steps.issue_id);

CREATE INDEX resolution_steps_unasked ON resolution_steps (assertion, unasked_at) WHERE unasked_at IS NOT NULL;

ALTER TABLE solutions
    ADD COLUMN rollback          json,
    ADD COLUMN rollback_template json;

ALTER TABLE action_runs
    ADD COLUMN rollback boolean NOT NULL DEFAULT FALSE,
    DROP CONSTRAINT action_runs_pkey,
    ADD PRIMARY KEY (solution_id, idx, rollback);

ALTER TABLE handoffs
    ADD COLUMN gone boolean NOT NULL DEFAULT FALSE;

ALTER TABLE violations
    ADD COLUMN times integer NOT NULL DEFAULT 1;
