package persistence

import (
	"context"

	sq "github.com/Masterminds/squirrel"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// What both kinds of metas have in common comes first, in this order; then what is each kind's own.
const (
	metaColumns = "name, display_name, class, args, every_ns, cron, timezone, enabled, severity, timeout_ns, queue, " +
		"source, triggered_by, revision, checked_revision"
	assertionColumns = metaColumns + ", fail_after, resolve_after, error_after, max_attempts, max_issues, diagnostics"
	eventColumns     = metaColumns + ", ttl_ns, respond"
)

func scanMeta(m *narrative.Meta) []any {
	return []any{
		&m.Name, &m.DisplayName, &m.Class,
		document{&m.Args},
		(*int64)(&m.Every), &m.Cron, &m.Timezone, &m.Enabled,
		(*string)(&m.Severity), (*int64)(&m.Timeout), &m.Queue, &m.Source, (*string)(&m.Trigger), &m.Revision, &m.CheckedRevision,
	}
}

func scanAssertion(m *narrative.AssertionMeta) []any {
	return append(scanMeta(&m.Meta),
		&m.FailAfter, &m.ResolveAfter, &m.ErrorAfter, &m.MaxAttempts, &m.MaxIssues, document{&m.Diagnostics})
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
	query := statements.Select(assertionColumns).From("assertion_metas").Where(where).OrderBy("name")
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
	query := statements.Select(eventColumns).From("event_metas").Where(where).OrderBy("name")
	return metas, s.read(ctx, query, func(r engine.Row) error {
		var m narrative.EventMeta
		defer func() { metas = append(metas, m) }()
		return r.Scan(scanEvent(&m)...)
	})
}

// Config returns the configuration; a new store has the default one.
func (s *Store) Config(ctx context.Context) (narrative.Config, error) {
	var c narrative.Config
	b := &engine.Batch{}
	queueConfig(b, &c, "")
	return c, during(s.engine.Read(ctx, b), "load the configuration")
}

// Identity tells this store from every other.
func (s *Store) Identity(ctx context.Context) (string, error) {
	var identity string
	err := s.read(ctx, statements.Select("identity").From("narrative_config"), func(r engine.Row) error { return r.Scan(&identity) })
	return identity, during(err, "load the store's identity")
}

func queueConfig(b *engine.Batch, c *narrative.Config, lock string) {
	b.Query(func(r engine.Row) error {
		err := r.Scan((*string)(&c.MinimumDatumLogLevel), (*int64)(&c.DefaultDatumTTL), document{&c.Admins})
		if c.Admins.Email == nil {
			c.Admins.Email = []string{}
		}
		return err
	}, "SELECT minimum_datum_log_level, default_datum_ttl_ns, admins FROM narrative_config WHERE id = 1"+lock)
}

func noAssertion(name string) error {
	return narrative.Errorf(narrative.NotFound, "there is no assertion %q", name)
}

func noEvent(name string) error {
	return narrative.Errorf(narrative.NotFound, "there is no event %q", name)
}
