-- Times are microseconds since 1970 in UTC. JSON is kept as it was written.

CREATE TABLE meta_names (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('assertion', 'event')),
    UNIQUE (name, kind)
);

CREATE TABLE assertion_metas (
    name             TEXT PRIMARY KEY,
    kind             TEXT NOT NULL DEFAULT 'assertion' CHECK (kind = 'assertion'),
    display_name     TEXT NOT NULL,
    class            TEXT NOT NULL,
    args             TEXT NOT NULL,
    every_ns         INTEGER NOT NULL,
    cron             TEXT NOT NULL,
    timezone         TEXT NOT NULL,
    enabled          INTEGER NOT NULL,
    severity         TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    timeout_ns       INTEGER NOT NULL,
    queue            TEXT NOT NULL,
    triggered_by     TEXT NOT NULL,
    source           TEXT NOT NULL,
    fail_after       INTEGER NOT NULL,
    resolve_after    INTEGER NOT NULL,
    error_after      INTEGER NOT NULL,
    max_attempts     INTEGER NOT NULL,
    max_issues       INTEGER NOT NULL,
    diagnostics      TEXT NOT NULL,
    revision         INTEGER NOT NULL DEFAULT 1,
    checked_revision INTEGER NOT NULL DEFAULT 0,
    updated_at       INTEGER NOT NULL,
    check_seq        INTEGER NOT NULL DEFAULT 0,
    last_seq         INTEGER NOT NULL DEFAULT 0,
    passed           INTEGER NOT NULL DEFAULT 0,
    failed           INTEGER NOT NULL DEFAULT 0,
    errored          INTEGER NOT NULL DEFAULT 0,
    violating        INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (name, kind) REFERENCES meta_names (name, kind) ON DELETE CASCADE
);

CREATE TABLE event_metas (
    name             TEXT PRIMARY KEY,
    kind             TEXT NOT NULL DEFAULT 'event' CHECK (kind = 'event'),
    display_name     TEXT NOT NULL,
    class            TEXT NOT NULL,
    args             TEXT NOT NULL,
    every_ns         INTEGER NOT NULL,
    cron             TEXT NOT NULL,
    timezone         TEXT NOT NULL,
    enabled          INTEGER NOT NULL,
    severity         TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    timeout_ns       INTEGER NOT NULL,
    queue            TEXT NOT NULL,
    triggered_by     TEXT NOT NULL,
    source           TEXT NOT NULL,
    ttl_ns           INTEGER NOT NULL,
    respond          TEXT NOT NULL,
    revision         INTEGER NOT NULL DEFAULT 1,
    checked_revision INTEGER NOT NULL DEFAULT 0,
    updated_at       INTEGER NOT NULL,
    check_seq        INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (name, kind) REFERENCES meta_names (name, kind) ON DELETE CASCADE
);

CREATE TABLE narrative_config (
    id                      INTEGER PRIMARY KEY CHECK (id = 1),
    minimum_datum_log_level TEXT NOT NULL CHECK (minimum_datum_log_level IN ('trace', 'debug', 'info', 'warn', 'error')),
    default_datum_ttl_ns    INTEGER NOT NULL,
    admins                  TEXT NOT NULL,
    identity                TEXT NOT NULL
);

INSERT INTO narrative_config (id, minimum_datum_log_level, default_datum_ttl_ns, admins, identity)
VALUES (1, 'info', 2592000000000000, '{"email": []}', lower(hex(randomblob(16))));

CREATE TABLE check_runs (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL REFERENCES meta_names (name) ON DELETE CASCADE,
    kind         TEXT NOT NULL CHECK (kind IN ('assertion', 'event')),
    outcome      TEXT NOT NULL CHECK (outcome IN ('passed', 'failed', 'errored', 'detected', 'not_detected')),
    summary      TEXT NOT NULL,
    scheduled_at INTEGER NOT NULL,
    started_at   INTEGER NOT NULL,
    finished_at  INTEGER NOT NULL,
    workflow_id  TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    verdict      TEXT,
    error        TEXT NOT NULL,
    CONSTRAINT check_runs_once UNIQUE (run_id)
);

CREATE INDEX check_runs_by_name ON check_runs (name, seq, id);
CREATE INDEX check_runs_by_end ON check_runs (finished_at);

CREATE TABLE issues (
    id            TEXT PRIMARY KEY,
    workflow_id   TEXT NOT NULL,
    assertion     TEXT NOT NULL REFERENCES assertion_metas (name),
    kind          TEXT NOT NULL CHECK (kind IN ('failure', 'record', 'many', 'check_error', 'system')),
    record_type   TEXT NOT NULL,
    record_id     TEXT NOT NULL,
    status        TEXT NOT NULL CHECK (status IN ('open', 'solution_applied', 'impasse', 'resolved', 'wont_fix')),
    severity      TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    summary       TEXT NOT NULL,
    verdict       TEXT NOT NULL,
    opened_at     INTEGER NOT NULL,
    opened_seq    INTEGER NOT NULL,
    resolved_at   INTEGER,
    closed_seq    INTEGER NOT NULL DEFAULT 0,
    muted_until   INTEGER,
    acknowledged  TEXT,
    snoozed_until INTEGER,
    awaiting      TEXT,
    rounds        INTEGER NOT NULL DEFAULT 0,
    version       INTEGER NOT NULL DEFAULT 0,
    working       INTEGER NOT NULL DEFAULT FALSE,
    next_round_at INTEGER,
    enacted_seq   INTEGER NOT NULL DEFAULT 0,
    attempts      INTEGER NOT NULL DEFAULT 0,
    idle          INTEGER NOT NULL DEFAULT 0,
    passes        INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT issues_closed CHECK ((status IN ('resolved', 'wont_fix')) = (resolved_at IS NOT NULL))
);

CREATE UNIQUE INDEX issues_unresolved ON issues (assertion, kind, record_type, record_id)
    WHERE status NOT IN ('resolved', 'wont_fix');
CREATE INDEX issues_unresolved_by_id ON issues (id) WHERE status NOT IN ('resolved', 'wont_fix');
CREATE INDEX issues_by_time ON issues (opened_at, id);
CREATE INDEX issues_by_assertion ON issues (assertion, opened_at, id);
CREATE INDEX issues_by_closing ON issues (assertion, closed_seq) WHERE status IN ('resolved', 'wont_fix');
CREATE INDEX issues_muting ON issues (assertion) WHERE status = 'wont_fix';

CREATE TABLE issue_entries (
    issue_id TEXT NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    author   TEXT NOT NULL,
    text     TEXT NOT NULL,
    data     TEXT,
    key      TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (issue_id, number)
);

CREATE UNIQUE INDEX issue_entries_once ON issue_entries (issue_id, key) WHERE key <> '';

CREATE TABLE resolution_steps (
    id         TEXT PRIMARY KEY,
    issue_id   TEXT NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    case_name  TEXT NOT NULL,
    action     TEXT NOT NULL CHECK (action IN ('exec', 'pass')),
    reason     TEXT NOT NULL,
    digest     TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('proposed', 'awaiting_approval', 'running', 'applied', 'failed', 'unknown',
        'rolled_back', 'rejected', 'passed')),
    times      INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    round      INTEGER NOT NULL
);

CREATE INDEX resolution_steps_by_issue ON resolution_steps (issue_id, position);

CREATE TABLE occurrences (
    id         TEXT PRIMARY KEY,
    event      TEXT NOT NULL REFERENCES event_metas (name) ON DELETE CASCADE,
    hash       TEXT NOT NULL,
    summary    TEXT NOT NULL,
    details    TEXT,
    at         INTEGER NOT NULL,
    expires_at INTEGER,
    run_id     TEXT NOT NULL,
    CONSTRAINT occurrences_once UNIQUE (event, hash)
);

CREATE INDEX occurrences_by_expiry ON occurrences (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX occurrences_by_run ON occurrences (run_id);

CREATE TABLE solutions (
    id            TEXT PRIMARY KEY,
    step_id       TEXT UNIQUE REFERENCES resolution_steps (id) ON DELETE CASCADE,
    occurrence_id TEXT UNIQUE REFERENCES occurrences (id) ON DELETE CASCADE,
    problem       TEXT NOT NULL,
    plan          TEXT NOT NULL,
    template      TEXT,
    data          TEXT,
    enacted_at    INTEGER,
    error         TEXT NOT NULL,
    CONSTRAINT solutions_of_one CHECK ((step_id IS NULL) <> (occurrence_id IS NULL))
);

CREATE TABLE action_runs (
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

CREATE TABLE violations (
    assertion   TEXT NOT NULL REFERENCES assertion_metas (name) ON DELETE CASCADE,
    record_type TEXT NOT NULL,
    record_id   TEXT NOT NULL,
    summary     TEXT NOT NULL,
    details     TEXT,
    first_seen  INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,
    last_seq    INTEGER NOT NULL,
    PRIMARY KEY (assertion, record_type, record_id)
);

CREATE TABLE handoffs (
    id            TEXT PRIMARY KEY,
    check_run_id  TEXT NOT NULL REFERENCES check_runs (id) ON DELETE CASCADE,
    workflow_id   TEXT NOT NULL,
    issue_id      TEXT REFERENCES issues (id) ON DELETE CASCADE,
    check_seq     INTEGER NOT NULL,
    passed        INTEGER NOT NULL,
    occurrence_id TEXT REFERENCES occurrences (id) ON DELETE CASCADE,
    created_at    INTEGER NOT NULL,
    done_at       INTEGER,
    CONSTRAINT handoffs_of_one CHECK ((issue_id IS NULL) <> (occurrence_id IS NULL))
);

CREATE INDEX handoffs_by_run ON handoffs (check_run_id);
CREATE INDEX handoffs_by_issue ON handoffs (issue_id);
CREATE INDEX handoffs_by_occurrence ON handoffs (occurrence_id);
CREATE INDEX handoffs_pending ON handoffs (created_at, id) WHERE done_at IS NULL;

CREATE TABLE datums (
    id         TEXT PRIMARY KEY,
    origin     TEXT NOT NULL,
    name       TEXT NOT NULL,
    note       TEXT NOT NULL,
    level      TEXT NOT NULL CHECK (level IN ('trace', 'debug', 'info', 'warn', 'error')),
    thread_id  TEXT NOT NULL,
    at         INTEGER NOT NULL,
    expires_at INTEGER
);

CREATE INDEX datums_by_time ON datums (at, id);
CREATE INDEX datums_by_name ON datums (name, at);
CREATE INDEX datums_by_thread ON datums (thread_id);
CREATE INDEX datums_by_expiry ON datums (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE notifications (
    id         TEXT PRIMARY KEY,
    key        TEXT NOT NULL,
    issue_id   TEXT REFERENCES issues (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('opened', 'no_solution', 'impasse', 'approval', 'escalated', 'renotified',
        'resolved', 'action')),
    channel    TEXT NOT NULL,
    recipient  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    text       TEXT NOT NULL,
    html       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'undelivered', 'suppressed')),
    attempts   INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    receipt    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at    INTEGER,
    CONSTRAINT notifications_once UNIQUE (key)
);

CREATE INDEX notifications_by_issue ON notifications (issue_id, created_at, id);
CREATE INDEX notifications_pending ON notifications (created_at, id) WHERE state = 'pending';

CREATE TABLE api_keys (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    hash         TEXT NOT NULL UNIQUE,
    scopes       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
);
