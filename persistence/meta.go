package persistence

import (
	"context"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// What both kinds of metas have in common comes first, in this order; then what is each kind's own.
const (
	metaColumns = "name, display_name, class, args, every_ns, cron, timezone, enabled, severity, timeout_ns, queue, " +
		"source, triggered_by, notify, revision, checked_revision"
	assertionColumns = metaColumns + ", fail_after, resolve_after, error_after, max_attempts, max_plans, max_issues, renotify, " +
		"escalate, diagnostics, passed, failed, errored, last_seq, soft"
	eventColumns = metaColumns + ", ttl_ns, respond"
)

func scanMeta(m *narrative.Meta) []any {
	return []any{
		&m.Name, &m.DisplayName, &m.Class,
		document{&m.Args},
		(*int64)(&m.Every), &m.Cron, &m.Timezone, &m.Enabled,
		(*string)(&m.Severity), (*int64)(&m.Timeout), &m.Queue, &m.Source, (*string)(&m.Trigger),
		document{&m.Notify},
		&m.Revision, &m.CheckedRevision,
	}
}

func scanAssertion(m *narrative.AssertionMeta) []any {
	return append(scanMeta(&m.Meta),
		&m.FailAfter, &m.ResolveAfter, &m.ErrorAfter, &m.MaxAttempts, &m.MaxPlans, &m.MaxIssues,
		document{&m.Renotify}, document{&m.Escalate}, document{&m.Diagnostics},
		&m.Streak.Passed, &m.Streak.Failed, &m.Streak.Errored, &m.Streak.LastSeq, &m.Soft)
}

func scanEvent(m *narrative.EventMeta) []any {
	return append(scanMeta(&m.Meta), (*int64)(&m.TTL), document{&m.Respond})
}

// AssertionMeta returns the assertion's meta.
func (s *Store) AssertionMeta(ctx context.Context, name string) (narrative.AssertionMeta, error) {
	metas, err := s.assertionMetas(ctx, sq.Eq{"name": name})
	if err != nil {
		return narrative.AssertionMeta{}, during(err, "load assertion %q", name)
	}
	if len(metas) == 0 {
		return narrative.AssertionMeta{}, noAssertion(name)
	}
	return metas[0], nil
}

// AssertionMetas returns all of them, by name.
func (s *Store) AssertionMetas(ctx context.Context) ([]narrative.AssertionMeta, error) {
	metas, err := s.assertionMetas(ctx, sq.Eq{})
	return metas, during(err, "load the assertions")
}

func (s *Store) assertionMetas(ctx context.Context, where sq.Eq) ([]narrative.AssertionMeta, error) {
	metas := []narrative.AssertionMeta{}
	query := statements.Select(assertionColumns).From("assertion_metas").Where(where).Where("removed_at IS NULL").OrderBy("name")
	return metas, s.read(ctx, query, func(r engine.Row) error {
		var m narrative.AssertionMeta
		defer func() { metas = append(metas, m) }()
		return r.Scan(scanAssertion(&m)...)
	})
}

// EventMeta returns the event's meta.
func (s *Store) EventMeta(ctx context.Context, name string) (narrative.EventMeta, error) {
	metas, err := s.eventMetas(ctx, sq.Eq{"name": name})
	if err != nil {
		return narrative.EventMeta{}, during(err, "load event %q", name)
	}
	if len(metas) == 0 {
		return narrative.EventMeta{}, noEvent(name)
	}
	return metas[0], nil
}

// EventMetas returns all of them, by name.
func (s *Store) EventMetas(ctx context.Context) ([]narrative.EventMeta, error) {
	metas, err := s.eventMetas(ctx, sq.Eq{})
	return metas, during(err, "load the events")
}

func (s *Store) eventMetas(ctx context.Context, where sq.Eq) ([]narrative.EventMeta, error) {
	metas := []narrative.EventMeta{}
	query := statements.Select(eventColumns).From("event_metas").Where(where).Where("removed_at IS NULL").OrderBy("name")
	return metas, s.read(ctx, query, func(r engine.Row) error {
		var m narrative.EventMeta
		defer func() { metas = append(metas, m) }()
		return r.Scan(scanEvent(&m)...)
	})
}

// RemoveMeta removes an assertion or event. Its row stays, for what refers to it, and is seen by nobody. What was counted
// of its checks is forgotten, and those under way will be too old to count, should it be applied again.
func (s *Store) RemoveMeta(ctx context.Context, name string, now time.Time) error {
	return s.removeMeta(ctx, name, anyRevision, now)
}

// RemoveRevision removes it where it has that revision.
func (s *Store) RemoveRevision(ctx context.Context, name string, revision int64, now time.Time) error {
	return s.removeMeta(ctx, name, revision, now)
}

// anyRevision stands for whichever revision there is.
const anyRevision = -1

func (s *Store) removeMeta(ctx context.Context, name string, revision int64, now time.Time) error {
	var assertions, events int
	there := false
	b := &engine.Batch{}
	if s.dialect.RowLocks {
		b.Exec("SELECT 1 FROM narrative_config WHERE id = 1 FOR UPDATE") // beside no Apply
	}
	b.Query(func(r engine.Row) error {
		there = true
		return r.Scan(new(string))
	}, `
		SELECT name FROM assertion_metas WHERE name = $1 AND removed_at IS NULL
		UNION ALL
		SELECT name FROM event_metas WHERE name = $1 AND removed_at IS NULL`, name)
	queueRemoval(b, name, revision, now, &assertions, &events)
	if err := s.engine.Write(ctx, b); err != nil {
		return during(err, "remove %q", name)
	}
	if there && assertions+events == 0 {
		return changedMeanwhile(name)
	}
	return found(assertions+events > 0, "there is no assertion or event %q", name)
}

// queueRemoval adds the statements that remove a meta of either kind where it has that revision.
func queueRemoval(b *engine.Batch, name string, revision int64, now time.Time, assertions, events *int) {
	b.Count(assertions, `
		UPDATE assertion_metas
		SET removed_at = $2, last_seq = check_seq, passed = 0, failed = 0, errored = 0, violating = 0, soft = ''
		WHERE name = $1 AND removed_at IS NULL AND ($3 < 0 OR revision = $3)`, name, now, revision)
	b.Exec(`
		DELETE FROM violations
		WHERE assertion = $1 AND EXISTS (SELECT 1 FROM assertion_metas WHERE name = $1 AND removed_at IS NOT NULL)`, name)
	b.Count(events, `
		UPDATE event_metas SET removed_at = $2
		WHERE name = $1 AND removed_at IS NULL AND ($3 < 0 OR revision = $3)`, name, now, revision)
}

func noAssertion(name string) error {
	return narrative.Errorf(narrative.NotFound, "there is no assertion %q", name)
}

func noEvent(name string) error {
	return narrative.Errorf(narrative.NotFound, "there is no event %q", name)
}
