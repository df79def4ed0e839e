-- Names sort by their bytes, the same on every machine, hence COLLATE "C". JSON is kept as it was written, hence json.

CREATE TABLE meta_names (
    name text COLLATE "C" PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('assertion', 'event')),
    UNIQUE (name, kind)
);

CREATE TABLE assertion_metas (
    name             text COLLATE "C" PRIMARY KEY,
    kind             text NOT NULL DEFAULT 'assertion' CHECK (kind = 'assertion'),
    display_name     text NOT NULL,
    class            text NOT NULL,
    args             json NOT NULL,
    every_ns         bigint NOT NULL,
    cron             text NOT NULL,
    timezone         text NOT NULL,
    enabled          boolean NOT NULL,
    severity         text NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    timeout_ns       bigint NOT NULL,
    queue            text NOT NULL,
    triggered_by     text NOT NULL,
    source           text NOT NULL,
    fail_after       integer NOT NULL,
    resolve_after    integer NOT NULL,
    error_after      integer NOT NULL,
    max_attempts     integer NOT NULL,
    max_issues       integer NOT NULL,
    diagnostics      json NOT NULL,
    revision         bigint NOT NULL DEFAULT 1,
    checked_revision bigint NOT NULL DEFAULT 0,
    updated_at       timestamptz NOT NULL,
    check_seq        bigint NOT NULL DEFAULT 0,
    last_seq         bigint NOT NULL DEFAULT 0,
    passed           integer NOT NULL DEFAULT 0,
    failed           integer NOT NULL DEFAULT 0,
    errored          integer NOT NULL DEFAULT 0,
    violating        integer NOT NULL DEFAULT 0,
    FOREIGN KEY (name, kind) REFERENCES meta_names (name, kind) ON DELETE CASCADE
) WITH (fillfactor = 70);

CREATE TABLE event_metas (
    name             text COLLATE "C" PRIMARY KEY,
    kind             text NOT NULL DEFAULT 'event' CHECK (kind = 'event'),
    display_name     text NOT NULL,
    class            text NOT NULL,
    args             json NOT NULL,
    every_ns         bigint NOT NULL,
    cron             text NOT NULL,
    timezone         text NOT NULL,
    enabled          boolean NOT NULL,
    severity         text NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    timeout_ns       bigint NOT NULL,
    queue            text NOT NULL,
    triggered_by     text NOT NULL,
    source           text NOT NULL,
    ttl_ns           bigint NOT NULL,
    respond          json NOT NULL,
    revision         bigint NOT NULL DEFAULT 1,
    checked_revision bigint NOT NULL DEFAULT 0,
    updated_at       timestamptz NOT NULL,
    check_seq        bigint NOT NULL DEFAULT 0,
    FOREIGN KEY (name, kind) REFERENCES meta_names (name, kind) ON DELETE CASCADE
) WITH (fillfactor = 70);

CREATE TABLE narrative_config (
    id                      integer PRIMARY KEY CHECK (id = 1),
    minimum_datum_log_level text NOT NULL CHECK (minimum_datum_log_level IN ('trace', 'debug', 'info', 'warn', 'error')),
    default_datum_ttl_ns    bigint NOT NULL,
    admins                  json NOT NULL,
    identity                text NOT NULL
);

INSERT INTO narrative_config (id, minimum_datum_log_level, default_datum_ttl_ns, admins, identity)
VALUES (1, 'info', 2592000000000000, '{"email": []}', gen_random_uuid()::text);

CREATE TABLE check_runs (
    id           text COLLATE "C" PRIMARY KEY,
    name         text COLLATE "C" NOT NULL REFERENCES meta_names (name) ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('assertion', 'event')),
    outcome      text NOT NULL CHECK (outcome IN ('passed', 'failed', 'errored', 'detected', 'not_detected')),
    summary      text NOT NULL,
    scheduled_at timestamptz NOT NULL,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz NOT NULL,
    workflow_id  text NOT NULL,
    run_id       text COLLATE "C" NOT NULL,
    seq          bigint NOT NULL,
    revision     bigint NOT NULL,
    verdict      json,
    error        text NOT NULL,
    CONSTRAINT check_runs_once UNIQUE (run_id)
);

CREATE INDEX check_runs_by_name ON check_runs (name, seq, id);
CREATE INDEX check_runs_by_end ON check_runs (finished_at);

CREATE TABLE issues (
    id            text COLLATE "C" PRIMARY KEY,
    workflow_id   text NOT NULL,
    assertion     text COLLATE "C" NOT NULL REFERENCES assertion_metas (name),
    kind          text NOT NULL CHECK (kind IN ('failure', 'record', 'many', 'check_error', 'system')),
    record_type   text NOT NULL,
    record_id     text NOT NULL,
    status        text NOT NULL CHECK (status IN ('open', 'solution_applied', 'impasse', 'resolved', 'wont_fix')),
    severity      text NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    summary       text NOT NULL,
    verdict       json NOT NULL,
    opened_at     timestamptz NOT NULL,
    opened_seq    bigint NOT NULL,
    resolved_at   timestamptz,
    closed_seq    bigint NOT NULL DEFAULT 0,
    muted_until   timestamptz,
    acknowledged  json,
    snoozed_until timestamptz,
    awaiting      json,
    rounds        integer NOT NULL DEFAULT 0,
    version       integer NOT NULL DEFAULT 0,
    working       boolean NOT NULL DEFAULT FALSE,
    next_round_at timestamptz,
    enacted_seq   bigint NOT NULL DEFAULT 0,
    attempts      integer NOT NULL DEFAULT 0,
    idle          integer NOT NULL DEFAULT 0,
    passes        integer NOT NULL DEFAULT 0,
    CONSTRAINT issues_closed CHECK ((status IN ('resolved', 'wont_fix')) = (resolved_at IS NOT NULL))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX issues_unresolved ON issues (assertion, kind, record_type, record_id)
    WHERE status NOT IN ('resolved', 'wont_fix');
CREATE INDEX issues_unresolved_by_id ON issues (id) WHERE status NOT IN ('resolved', 'wont_fix');
CREATE INDEX issues_by_time ON issues (opened_at, id);
CREATE INDEX issues_by_assertion ON issues (assertion, opened_at, id);
CREATE INDEX issues_by_closing ON issues (assertion, closed_seq) WHERE status IN ('resolved', 'wont_fix');
CREATE INDEX issues_muting ON issues (assertion) WHERE status = 'wont_fix';

CREATE TABLE issue_entries (
    issue_id text COLLATE "C" NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    number   integer NOT NULL,
    at       timestamptz NOT NULL,
    kind     text NOT NULL,
    author   text NOT NULL,
    text     text NOT NULL,
    data     json,
    key      text NOT NULL DEFAULT '',
    PRIMARY KEY (issue_id, number)
);

CREATE UNIQUE INDEX issue_entries_once ON issue_entries (issue_id, key) WHERE key <> '';

CREATE TABLE resolution_steps (
    id         text COLLATE "C" PRIMARY KEY,
    issue_id   text COLLATE "C" NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    position   integer NOT NULL,
    case_name  text NOT NULL,
    action     text NOT NULL CHECK (action IN ('exec', 'pass')),
    reason     text NOT NULL,
    digest     text NOT NULL,
    state      text NOT NULL CHECK (state IN ('proposed', 'awaiting_approval', 'running', 'applied', 'failed', 'unknown',
        'rolled_back', 'rejected', 'passed')),
    times      integer NOT NULL,
    at         timestamptz NOT NULL,
    round      integer NOT NULL
);

CREATE INDEX resolution_steps_by_issue ON resolution_steps (issue_id, position);

CREATE TABLE occurrences (
    id         text COLLATE "C" PRIMARY KEY,
    event      text COLLATE "C" NOT NULL REFERENCES event_metas (name) ON DELETE CASCADE,
    hash       text COLLATE "C" NOT NULL,
    summary    json NOT NULL,
    details    json,
    at         timestamptz NOT NULL,
    expires_at timestamptz,
    run_id     text COLLATE "C" NOT NULL,
    CONSTRAINT occurrences_once UNIQUE (event, hash)
);

CREATE INDEX occurrences_by_expiry ON occurrences (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX occurrences_by_run ON occurrences (run_id);

CREATE TABLE solutions (
    id            text COLLATE "C" PRIMARY KEY,
    step_id       text COLLATE "C" UNIQUE REFERENCES resolution_steps (id) ON DELETE CASCADE,
    occurrence_id text COLLATE "C" UNIQUE REFERENCES occurrences (id) ON DELETE CASCADE,
    problem       text NOT NULL,
    plan          json NOT NULL,
    template      json,
    data          json,
    enacted_at    timestamptz,
    error         text NOT NULL,
    CONSTRAINT solutions_of_one CHECK ((step_id IS NULL) <> (occurrence_id IS NULL))
);

CREATE TABLE action_runs (
    solution_id text COLLATE "C" NOT NULL REFERENCES solutions (id) ON DELETE CASCADE,
    idx         integer NOT NULL,
    action      text NOT NULL,
    state       text NOT NULL CHECK (state IN ('started', 'done', 'failed')),
    attempts    integer NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    receipt     text NOT NULL,
    error       text NOT NULL,
    PRIMARY KEY (solution_id, idx)
);

CREATE TABLE violations (
    assertion   text COLLATE "C" NOT NULL REFERENCES assertion_metas (name) ON DELETE CASCADE,
    record_type text NOT NULL,
    record_id   text NOT NULL,
    summary     text NOT NULL,
    details     json,
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    last_seq    bigint NOT NULL,
    PRIMARY KEY (assertion, record_type, record_id)
) WITH (fillfactor = 80);

CREATE TABLE handoffs (
    id            text COLLATE "C" PRIMARY KEY,
    check_run_id  text COLLATE "C" NOT NULL REFERENCES check_runs (id) ON DELETE CASCADE,
    workflow_id   text NOT NULL,
    issue_id      text COLLATE "C" REFERENCES issues (id) ON DELETE CASCADE,
    check_seq     bigint NOT NULL,
    passed        boolean NOT NULL,
    occurrence_id text COLLATE "C" REFERENCES occurrences (id) ON DELETE CASCADE,
    created_at    timestamptz NOT NULL,
    done_at       timestamptz,
    CONSTRAINT handoffs_of_one CHECK ((issue_id IS NULL) <> (occurrence_id IS NULL))
);

CREATE INDEX handoffs_by_run ON handoffs (check_run_id);
CREATE INDEX handoffs_by_issue ON handoffs (issue_id);
CREATE INDEX handoffs_by_occurrence ON handoffs (occurrence_id);
CREATE INDEX handoffs_pending ON handoffs (created_at, id) WHERE done_at IS NULL;

CREATE TABLE datums (
    id         text COLLATE "C" PRIMARY KEY,
    origin     text NOT NULL,
    name       text NOT NULL,
    note       json NOT NULL,
    level      text NOT NULL CHECK (level IN ('trace', 'debug', 'info', 'warn', 'error')),
    thread_id  text NOT NULL,
    at         timestamptz NOT NULL,
    expires_at timestamptz
);

CREATE INDEX datums_by_time ON datums (at, id);
CREATE INDEX datums_by_name ON datums (name, at);
CREATE INDEX datums_by_thread ON datums (thread_id);
CREATE INDEX datums_by_expiry ON datums (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE notifications (
    id         text COLLATE "C" PRIMARY KEY,
    key        text COLLATE "C" NOT NULL,
    issue_id   text COLLATE "C" REFERENCES issues (id) ON DELETE CASCADE,
    kind       text NOT NULL CHECK (kind IN ('opened', 'no_solution', 'impasse', 'approval', 'escalated', 'renotified',
        'resolved', 'action')),
    channel    text NOT NULL,
    recipient  text NOT NULL,
    subject    text NOT NULL,
    text       text NOT NULL,
    html       text NOT NULL,
    state      text NOT NULL CHECK (state IN ('pending', 'sent', 'undelivered', 'suppressed')),
    attempts   integer NOT NULL,
    last_error text NOT NULL,
    receipt    text NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at    timestamptz,
    CONSTRAINT notifications_once UNIQUE (key)
);

CREATE INDEX notifications_by_issue ON notifications (issue_id, created_at, id);
CREATE INDEX notifications_pending ON notifications (created_at, id) WHERE state = 'pending';

CREATE TABLE api_keys (
    id           text COLLATE "C" PRIMARY KEY,
    name         text NOT NULL UNIQUE,
    hash         text COLLATE "C" NOT NULL UNIQUE,
    scopes       json NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz
);
