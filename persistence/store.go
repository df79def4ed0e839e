// Package persistence is the store: what Narrative remembers, in PostgreSQL or in an embedded SQLite file. The one
// [Store] is written against a small engine that runs batches of statements; postgres and sqlite are the engines,
// migrations the schema, conformance the suite that both pass, and pgtest a PostgreSQL for tests.
//
// Who may change what is settled by locks taken in one order. Whoever applies or removes metas locks the configuration's
// row and then theirs. A check or detection locks its meta's row; a change of an issue locks that of its assertion's meta,
// so that it, other changes and the recording of a check never overlap, and then the issue's; whatever else writes on a
// timeline locks the row. On SQLite a transaction has the database to itself.
package persistence

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
	"github.com/narrative-go/narrative/persistence/postgres"
	"github.com/narrative-go/narrative/persistence/sqlite"
)

var _ narrative.Store = (*Store)(nil)

// Options are the optional parts of a store.
type Options struct {
	Logger *slog.Logger     // default: nothing is logged
	Now    func() time.Time // what the ids of datums are made from, and which are expired told by; default time.Now
}

// Store is narrative's Store over an engine.
type Store struct {
	engine  engine.Engine
	dialect engine.Dialect
	log     *slog.Logger
	now     func() time.Time

	datumIDs    datumIDs
	insertDatum string // the statement
}

// Open opens the store of a URL, postgres://… or sqlite:PATH. A bad URL is Invalid; a database that does not answer, is
// not migrated yet or is newer than this program, Unavailable.
func Open(ctx context.Context, rawURL string, o Options) (*Store, error) {
	e, err := connect(ctx, rawURL)
	if err != nil {
		return nil, err
	}
	s := New(e, o)
	if err := s.Ping(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	s.log.DebugContext(ctx, "store opened", "engine", s.dialect.Name)
	return s, nil
}

// New returns the store over an engine, which it closes. Whether the database is migrated, Ping tells.
func New(e engine.Engine, o Options) *Store {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{engine: guarded{e}, dialect: e.Dialect(), log: o.Logger, now: o.Now}
	s.insertDatum = insertDatumInto(s.datumFields())
	return s
}

func connect(ctx context.Context, rawURL string) (engine.Engine, error) {
	scheme, _, _ := strings.Cut(rawURL, ":")
	switch strings.ToLower(scheme) {
	case "postgres", "postgresql":
		return orNone(postgres.Open(ctx, rawURL, postgres.Options{}))
	case "sqlite":
		return orNone(sqlite.Open(ctx, rawURL))
	}
	return nil, narrative.Errorf(narrative.Invalid, "the database URL must be postgres://user:password@host:5432/database or sqlite:PATH; it %s", startOf(rawURL))
}

// orNone keeps a nil pointer from becoming an engine that is not nil.
func orNone[E engine.Engine](e E, err error) (engine.Engine, error) {
	if err != nil {
		return nil, err
	}
	return e, nil
}

// startOf tells how a URL of no known scheme begins, and nothing that could be a password.
func startOf(rawURL string) string {
	switch scheme, _, found := strings.Cut(rawURL, "://"); {
	case rawURL == "":
		return "is empty"
	case found && url.PathEscape(scheme) == scheme:
		return "begins with " + scheme + "://"
	default:
		return "begins with neither"
	}
}

// Close closes the connections.
func (s *Store) Close() error { return s.engine.Close() }

// Sweep deletes what is past keeping. A run stays while one of its hand-offs is pending, and the occurrences of an event
// that was removed stay as long as its runs, so that they are not answered again should it be brought back.
func (s *Store) Sweep(ctx context.Context, now, keepRuns time.Time, limit int) (narrative.Swept, error) {
	var swept narrative.Swept
	if limit <= 0 {
		return swept, narrative.Errorf(narrative.Invalid, "sweep: the limit must be at least 1, not %d", limit)
	}
	b := &engine.Batch{}
	s.queueSweepDatums(b, now, limit, &swept.Datums)
	b.Count(&swept.Occurrences, `
		DELETE FROM occurrences WHERE id IN (
			SELECT id FROM (SELECT id FROM occurrences WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2) AS expired
			UNION ALL
			SELECT c.id FROM event_metas m JOIN occurrences c ON c.event = m.name WHERE m.removed_at < $3
			LIMIT $2)`, now, limit, keepRuns)
	b.Count(&swept.CheckRuns, `
		DELETE FROM check_runs WHERE id IN (
			SELECT r.id FROM check_runs r
			WHERE r.finished_at < $1
				AND NOT EXISTS (SELECT 1 FROM handoffs h WHERE h.check_run_id = r.id AND h.done_at IS NULL)
			ORDER BY r.finished_at LIMIT $2)`, keepRuns, limit)
	b.Exec("DELETE FROM notification_batches WHERE claimed_at < $1", keepRuns)
	b.Exec("DELETE FROM api_requests WHERE created_at < $1", now.Add(-answersKept))
	return swept, during(s.engine.Write(ctx, b), "sweep")
}

// build renders a statement whose shape varies.
func build(b sq.Sqlizer) (string, []any, error) {
	sql, args, err := b.ToSql()
	if err != nil {
		return "", nil, narrative.Errorf(narrative.Internal, "build a statement: %w", err)
	}
	return sql, args, nil
}

// statements builds with the placeholders that both engines know.
var statements = sq.StatementBuilder.PlaceholderFormat(sq.Dollar)

// read runs one built query.
func (s *Store) read(ctx context.Context, query sq.Sqlizer, each func(engine.Row) error) error {
	sql, args, err := build(query)
	if err != nil {
		return err
	}
	b := &engine.Batch{}
	b.Query(each, sql, args...)
	return s.engine.Read(ctx, b)
}

// during says what was being attempted when err happened, and keeps its kind.
func during(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return narrative.Errorf(narrative.KindOf(err), format+": %w", append(args, err)...)
}

// found turns a row that was not there into a NotFound error.
func found(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return narrative.Errorf(narrative.NotFound, format, args...)
}
