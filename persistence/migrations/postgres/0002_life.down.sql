ALTER TABLE violations
    DROP COLUMN times;

ALTER TABLE handoffs
    DROP COLUMN gone;

DELETE FROM action_runs WHERE rollback;

ALTER TABLE action_runs
    DROP CONSTRAINT action_runs_pkey,
    DROP COLUMN rollback,
    ADD PRIMARY KEY (solution_id, idx);

ALTER TABLE solutions
    DROP COLUMN rollback,
    DROP COLUMN rollback_template;

DROP INDEX resolution_steps_unasked;

ALTER TABLE resolution_steps
    DROP COLUMN assertion,
    DROP COLUMN approval,
    DROP COLUMN approval_timeout_ns,
    DROP COLUMN verify_after_ns,
    DROP COLUMN unasked_at;

ALTER TABLE issues
    DROP COLUMN verify_at,
    DROP COLUMN notified_at,
    DROP COLUMN renotified,
    DROP COLUMN escalated;

ALTER TABLE narrative_config
    DROP COLUMN actions,
    DROP COLUMN renotify,
    DROP COLUMN escalate;

-- What was removed must not be checked again.
UPDATE event_metas SET enabled = FALSE WHERE removed_at IS NOT NULL;
UPDATE assertion_metas SET enabled = FALSE WHERE removed_at IS NOT NULL;

ALTER TABLE event_metas
    DROP COLUMN removed_at;

ALTER TABLE assertion_metas
    DROP COLUMN max_plans,
    DROP COLUMN renotify,
    DROP COLUMN escalate,
    DROP COLUMN soft,
    DROP COLUMN removed_at;
