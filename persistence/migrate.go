package persistence

import (
	"context"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
	"github.com/narrative-go/narrative/persistence/migrations"
)

// Migrate brings the database of a URL to the schema that this program expects and says which version it was at and is
// at now. It may run in many processes at once: each step is made by one of them. A database that is newer is left as
// it is: Unavailable.
func Migrate(ctx context.Context, rawURL string) (from, to int, err error) {
	e, err := connect(ctx, rawURL)
	if err != nil {
		return 0, 0, err
	}
	defer e.Close()
	steps, err := migrations.Steps(e.Dialect().Name)
	if err != nil {
		return 0, 0, err
	}
	if from, err = version(ctx, e); err != nil {
		return 0, 0, err
	}
	for to = from; to < len(steps); {
		if to, err = step(ctx, e, steps, 1, len(steps)); err != nil {
			return from, to, during(err, "migrate the database")
		}
	}
	return from, to, newer(to, len(steps))
}

// MigrateDown takes the database of a URL back to an older version; 0 removes everything Narrative ever kept.
func MigrateDown(ctx context.Context, rawURL string, to int) error {
	e, err := connect(ctx, rawURL)
	if err != nil {
		return err
	}
	defer e.Close()
	steps, err := migrations.Steps(e.Dialect().Name)
	if err != nil {
		return err
	}
	if to < 0 || to > len(steps) {
		return narrative.Errorf(narrative.Invalid, "migrate down: the version must be from 0 to %d, not %d", len(steps), to)
	}
	at, err := version(ctx, e)
	if err != nil {
		return err
	}
	if err := newer(at, len(steps)); err != nil {
		return err
	}
	for at > to {
		if at, err = step(ctx, e, steps, -1, to); err != nil {
			return during(err, "migrate the database down")
		}
	}
	return nil
}

// step makes the one next step towards a version, under the lock, and returns the version then. Where another process
// made it first, it only looks.
func step(ctx context.Context, e engine.Engine, steps []migrations.Step, direction, towards int) (at int, err error) {
	err = e.Tx(ctx, func(tx engine.Tx) error {
		b := &engine.Batch{}
		if lock := e.Dialect().LockSchema; lock != "" {
			b.Exec(lock)
		}
		b.Exec("CREATE TABLE IF NOT EXISTS narrative_schema (version INTEGER NOT NULL PRIMARY KEY)")
		if err := tx.Run(ctx, b); err != nil {
			return err
		}
		at = 0
		look := &engine.Batch{}
		look.Query(func(r engine.Row) error { return r.Scan(&at) }, "SELECT version FROM narrative_schema")
		if err := tx.Run(ctx, look); err != nil {
			return err
		}
		if at > len(steps) || (towards-at)*direction <= 0 {
			return nil
		}
		return take(ctx, tx, steps, &at, direction)
	})
	return at, err
}

func take(ctx context.Context, tx engine.Tx, steps []migrations.Step, at *int, direction int) error {
	script, name := steps[max(*at+direction, *at)-1].Up, steps[max(*at+direction, *at)-1].Name
	if direction < 0 {
		script = steps[*at-1].Down
	}
	if err := tx.Script(ctx, script); err != nil {
		return during(err, "migration %s", name)
	}
	*at += direction
	b := &engine.Batch{}
	b.Exec("DELETE FROM narrative_schema")
	b.Exec("INSERT INTO narrative_schema (version) VALUES ($1)", *at)
	return tx.Run(ctx, b)
}

// version returns the version of a database, 0 where it was never migrated.
func version(ctx context.Context, e engine.Engine) (at int, err error) {
	var exists bool
	b := &engine.Batch{}
	b.Query(func(r engine.Row) error { return r.Scan(&exists) }, e.Dialect().HasSchema)
	if err := e.Read(ctx, b); err != nil || !exists {
		return 0, during(err, "look up the version of the database")
	}
	b = &engine.Batch{}
	b.Query(func(r engine.Row) error { return r.Scan(&at) }, "SELECT version FROM narrative_schema")
	return at, during(e.Read(ctx, b), "look up the version of the database")
}

func newer(at, known int) error {
	if at <= known {
		return nil
	}
	return narrative.Errorf(narrative.Unavailable, "the database is at schema version %d, newer than the %d this program knows: run a newer narrative", at, known)
}

// SchemaVersion returns the version that the database is at: 0 where it was never migrated.
func (s *Store) SchemaVersion(ctx context.Context) (int, error) { return version(ctx, s.engine) }

// Ping answers nil when the database is reachable and at the version that this program expects.
func (s *Store) Ping(ctx context.Context) error {
	steps, err := migrations.Steps(s.dialect.Name)
	if err != nil {
		return err
	}
	at, err := s.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	if at < len(steps) {
		return narrative.Errorf(narrative.Unavailable, "the database is at schema version %d and this program expects %d: run narrative migrate", at, len(steps))
	}
	return newer(at, len(steps))
}
