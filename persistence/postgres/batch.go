package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/narrative-go/narrative/persistence/engine"
)

// Read runs the batch on one snapshot. The statements that make it one travel with the batch.
func (e *Engine) Read(ctx context.Context, b *engine.Batch) error {
	if len(b.Statements) < 2 {
		return e.Write(ctx, b)
	}
	whole := &engine.Batch{}
	whole.Exec("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	whole.Statements = append(whole.Statements, b.Statements...)
	whole.Exec("COMMIT")
	return e.Write(ctx, whole)
}

// Write runs the batch in the transaction that PostgreSQL makes of what is sent before one Sync.
func (e *Engine) Write(ctx context.Context, b *engine.Batch) error {
	return send(ctx, e.pool, b)
}

// Tx runs fn in a transaction, again after a deadlock.
func (e *Engine) Tx(ctx context.Context, fn func(engine.Tx) error) error {
	for attempt := 1; ; attempt++ {
		var own error
		err := pgx.BeginFunc(ctx, e.pool, func(tx pgx.Tx) error {
			own = fn(transaction{tx})
			return own
		})
		if attempt < attempts && deadlocked(err) {
			continue
		}
		if own != nil && errors.Is(err, own) {
			return own
		}
		return mapped(ctx, err)
	}
}

type transaction struct {
	tx pgx.Tx
}

func (t transaction) Run(ctx context.Context, b *engine.Batch) error {
	return send(ctx, t.tx, b)
}

func (t transaction) Script(ctx context.Context, sql string) error {
	_, err := t.tx.Conn().PgConn().Exec(ctx, sql).ReadAll()
	return mapped(ctx, err)
}

type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

func send(ctx context.Context, to sender, b *engine.Batch) (err error) {
	if len(b.Statements) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	for _, s := range b.Statements {
		batch.Queue(s.SQL, arguments(s.Args)...)
	}
	results := to.SendBatch(ctx, batch)
	defer func() {
		if closed := results.Close(); err == nil {
			err = mapped(ctx, closed)
		}
	}()
	for _, s := range b.Statements {
		if err := receive(ctx, results, s); err != nil {
			return err
		}
	}
	return nil
}

func receive(ctx context.Context, results pgx.BatchResults, s engine.Statement) error {
	rows, err := results.Query()
	if err != nil {
		return mapped(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		if s.Each == nil {
			continue
		}
		if err := s.Each(rows); err != nil {
			return mapped(ctx, err)
		}
	}
	if s.Affected != nil {
		*s.Affected = int(rows.CommandTag().RowsAffected())
	}
	return mapped(ctx, rows.Err())
}

// arguments cuts times to the microseconds that are kept, where pgx would round them, and makes a table's columns
// arguments of their own.
func arguments(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case time.Time:
			out[i] = a.UTC().Truncate(time.Microsecond)
		case *time.Time:
			if a != nil {
				out[i] = a.UTC().Truncate(time.Microsecond)
			}
		case engine.JSON:
			out[i] = string(a)
		case engine.Words:
			out[i] = textOf(a)
		case engine.Table:
			out = out[:i]
			for _, column := range a {
				out = append(out, column)
			}
		default:
			out[i] = a
		}
	}
	return out
}
