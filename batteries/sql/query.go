package sql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
)

// query is a query to be made of a database.
type query struct {
	pools   *pools
	dsn     string
	text    string
	args    []any         // of its parameters
	timeout time.Duration // 0: the context's
}

// sink is what takes up a query's result.
type sink struct {
	begin func(columns []string) error
	each  func(row) (more bool, err error)
}

// rows calls begin with the columns and then each with one row after the other, until it answers false.
func (q query) rows(ctx context.Context, begin func(columns []string) error, each func(row) (bool, error)) error {
	ctx, cancel := q.bounded(ctx)
	defer cancel()
	if err := q.stream(ctx, sink{begin, each}); err != nil {
		var known *narrative.Error
		if errors.As(err, &known) {
			return err
		}
		if ctx.Err() != nil {
			err = fmt.Errorf("it took too long: %w", err)
		}
		return fmt.Errorf("ask the database: %w", oneLine(withoutPassword(err, q.dsn)))
	}
	return nil
}

func (q query) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if q.timeout > 0 {
		return context.WithTimeout(ctx, q.timeout)
	}
	return ctx, func() {}
}

func (q query) stream(ctx context.Context, to sink) error {
	// Here too, since references were not resolved when the arguments were validated.
	if err := checkQuery("the query", q.text).Err(); err != nil {
		return narrative.Errorf(narrative.Invalid, "%w", err)
	}
	db, done, err := q.pools.use(q.dsn)
	if err != nil {
		return err
	}
	defer done()
	return engineOf(q.dsn).stream(ctx, db, q, to)
}
