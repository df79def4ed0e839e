package sql

import (
	"context"
	"database/sql"
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
	timeout time.Duration // 0: the context's
}

// rows calls begin with the columns and then each with one row after the other, until it answers false.
func (q query) rows(ctx context.Context, begin func(columns []string) error, each func(row) (bool, error)) error {
	if q.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, q.timeout)
		defer cancel()
	}
	if err := q.stream(ctx, begin, each); err != nil {
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

func (q query) stream(ctx context.Context, begin func([]string) error, each func(row) (bool, error)) error {
	// Here too, since references were not resolved when the arguments were validated.
	if err := checkQuery("the query", q.text).Err(); err != nil {
		return narrative.Errorf(narrative.Invalid, "%w", err)
	}
	db, done, err := q.pools.use(q.dsn)
	if err != nil {
		return err
	}
	defer done()
	tx, err := engineOf(q.dsn).begin(ctx, db, q.dsn)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // there is nothing to commit
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	rows, err := tx.QueryContext(ctx, q.text)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	if err := begin(columns); err != nil {
		return err
	}
	return scan(rows, columns, each, giveUp)
}

// scan calls giveUp where it stops early: closing the rows alone would read all that are left.
func scan(rows *sql.Rows, columns []string, each func(row) (bool, error), giveUp func()) error {
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		r := row{columns: columns, values: make([]any, len(values))}
		for i, v := range values {
			r.values[i] = plain(v)
		}
		if more, err := each(r); err != nil || !more {
			giveUp()
			return err
		}
	}
	return rows.Err()
}
