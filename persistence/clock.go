package persistence

import (
	"context"
	"time"

	"github.com/narrative-go/narrative/persistence/engine"
)

// Clock returns the database server's time, and false where the database has no clock but this machine's.
func (s *Store) Clock(ctx context.Context) (now time.Time, own bool, err error) {
	if s.dialect.Name != "postgres" {
		return time.Time{}, false, nil
	}
	b := &engine.Batch{}
	b.Query(func(r engine.Row) error { return r.Scan(moment{&now}) }, "SELECT clock_timestamp()")
	return now, true, during(s.engine.Read(ctx, b), "ask the database for the time")
}
