-- What a store of version 1 may hold, a row or more in each table. AT stands for a time as the engine writes it.

UPDATE narrative_config SET minimum_datum_log_level = 'warn', admins = '{"email": ["ops@example.com"]}';

INSERT INTO meta_names (name, kind) VALUES ('a', 'assertion'), ('e', 'event');

INSERT INTO assertion_metas (name, display_name, class, args, every_ns, cron, timezone, enabled, severity, timeout_ns, queue,
    triggered_by, source, fail_after, resolve_after, error_after, max_attempts, max_issues, diagnostics, revision,
    checked_revision, updated_at, check_seq, last_seq, passed, failed, errored, violating)
VALUES ('a', 'A', 'sql', '{"b":1.50}', 60000000000, '', '', TRUE, 'critical', 0, '', '', 'shop.yaml', 2, 1, 3, 3, 50,
    '[{"case":"wait","pass":true}]', 4, 4, AT, 9, 8, 0, 2, 0, 1);

INSERT INTO event_metas (name, display_name, class, args, every_ns, cron, timezone, enabled, severity, timeout_ns, queue,
    triggered_by, source, ttl_ns, respond, updated_at)
VALUES ('e', 'E', 'datums', '{}', 60000000000, '', '', TRUE, 'error', 0, '', '', 'shop.yaml', 0, '[]', AT);

INSERT INTO check_runs (id, name, kind, outcome, summary, scheduled_at, started_at, finished_at, workflow_id, run_id, seq,
    revision, verdict, error)
VALUES ('run-a', 'a', 'assertion', 'failed', '1 violates', AT, AT, AT, 'assertion/a', 'temporal-a', 8, 4,
    '{"passed":false,"summary":"1 violates"}', ''),
    ('run-e', 'e', 'event', 'detected', '1 detected', AT, AT, AT, 'event/e', 'temporal-e', 1, 1, NULL, '');

INSERT INTO issues (id, workflow_id, assertion, kind, record_type, record_id, status, severity, summary, verdict, opened_at,
    opened_seq, awaiting, rounds, version, attempts)
VALUES ('issue', 'issue/a/invoice/7', 'a', 'record', 'invoice', '7', 'impasse', 'critical', 'it is off',
    '{"passed":false,"summary":"it is off","details":{"n":1}}', AT, 8, '{"for":"choice","since":"2026-01-02T03:04:05Z"}', 2, 5, 1);

INSERT INTO issue_entries (issue_id, number, at, kind, author, text, key) VALUES ('issue', 1, AT, 'opened', '', 'it is off', 'opened');

INSERT INTO resolution_steps (id, issue_id, position, case_name, action, reason, digest, state, times, at, round)
VALUES ('step', 'issue', 0, 'repair', 'exec', 'why', 'd', 'failed', 1, AT, 1);

INSERT INTO occurrences (id, event, hash, summary, details, at, run_id)
VALUES ('occurrence', 'e', 'h', '{"who":"me"}', '{"count":1}', AT, 'temporal-e');

INSERT INTO solutions (id, step_id, occurrence_id, problem, plan, template, enacted_at, error)
VALUES ('solution', 'step', NULL, 'it is off', '[{"action":"webhook"}]', '[{"action":"webhook"}]', NULL, 'no such host'),
    ('answer', NULL, 'occurrence', 'e was detected', '[{"action":"email"}]', NULL, AT, '');

INSERT INTO action_runs (solution_id, idx, action, state, attempts, started_at, finished_at, receipt, error)
VALUES ('solution', 0, 'webhook', 'failed', 3, AT, AT, '', 'no such host'), ('answer', 0, 'email', 'done', 1, AT, AT, '<id@host>', '');

INSERT INTO violations (assertion, record_type, record_id, summary, details, first_seen, last_seen, last_seq)
VALUES ('a', 'invoice', '7', 'it is off', '{"n":1}', AT, AT, 8);

INSERT INTO handoffs (id, check_run_id, workflow_id, issue_id, check_seq, passed, occurrence_id, created_at)
VALUES ('to the issue', 'run-a', 'issue/a/invoice/7', 'issue', 8, FALSE, NULL, AT),
    ('to the occurrence', 'run-e', 'occurrence/occurrence', NULL, 0, FALSE, 'occurrence', AT);

INSERT INTO datums (id, origin, name, note, level, thread_id, at) VALUES ('datum', 'o', 'n', '{"n":1}', 'info', 't', AT),
    ('told', 'shop', 'order.placed', '{"path":"/srv/Größe","text":"first\nsecond"}', 'info', 't', AT),
    ('beat', 'heartbeat', 'backup', '{"files":7}', 'info', 't', AT);

INSERT INTO notifications (id, key, issue_id, kind, channel, recipient, subject, text, html, state, attempts, last_error,
    receipt, created_at, sent_at)
VALUES ('notification', 'k', 'issue', 'impasse', 'email', 'ops@example.com', 's', 't', '', 'sent', 1, '', 'r', AT, AT);

INSERT INTO api_keys (id, name, hash, scopes, created_at) VALUES ('key', 'me', 'h', '["read"]', AT);
