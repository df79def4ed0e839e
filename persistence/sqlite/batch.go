package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/narrative-go/narrative/persistence/engine"
)

// Read runs the batch on one snapshot, beside the writer.
func (e *Engine) Read(ctx context.Context, b *engine.Batch) error {
	return transact(ctx, e.read, func(t engine.Tx) error { return t.Run(ctx, b) })
}

// Write runs the batch in one transaction.
func (e *Engine) Write(ctx context.Context, b *engine.Batch) error {
	return e.Tx(ctx, func(t engine.Tx) error { return t.Run(ctx, b) })
}

// Tx runs fn in a transaction that has the database to itself from its beginning.
func (e *Engine) Tx(ctx context.Context, fn func(engine.Tx) error) error {
	return transact(ctx, e.write, fn)
}

// Insert adds the rows one by one, with one prepared statement in one transaction.
func (e *Engine) Insert(ctx context.Context, table string, columns []string, rows [][]any) error {
	placeholders := make([]string, len(columns))
	for i := range columns {
		placeholders[i] = "$" + strconv.Itoa(i+1)
	}
	insert := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(placeholders, ", ") + ")"
	b := &engine.Batch{}
	for _, row := range rows {
		b.Exec(insert, row...)
	}
	return e.Write(ctx, b)
}

func transact(ctx context.Context, db *sql.DB, fn func(engine.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return mapped(ctx, err)
	}
	if err := fn(&transaction{tx: tx}); err != nil {
		if undone := tx.Rollback(); undone != nil && !errors.Is(undone, sql.ErrTxDone) {
			return errors.Join(err, undone)
		}
		return err
	}
	return mapped(ctx, tx.Commit())
}

type transaction struct {
	tx *sql.Tx
}

func (t *transaction) Run(ctx context.Context, b *engine.Batch) error {
	r := runner{tx: t.tx}
	defer r.close()
	for _, s := range b.Statements {
		if err := r.run(ctx, s); err != nil {
			return mapped(ctx, err)
		}
	}
	return nil
}

func (t *transaction) Script(ctx context.Context, script string) error {
	_, err := t.tx.ExecContext(ctx, script)
	return mapped(ctx, err)
}

// runner keeps a statement prepared while it repeats.
type runner struct {
	tx       *sql.Tx
	text     string
	prepared *sql.Stmt
}

func (r *runner) run(ctx context.Context, s engine.Statement) error {
	if s.SQL != r.text {
		r.close()
		prepared, err := r.tx.PrepareContext(ctx, s.SQL)
		if err != nil {
			return err
		}
		r.text, r.prepared = s.SQL, prepared
	}
	if s.Each == nil {
		return r.exec(ctx, s)
	}
	rows, err := r.prepared.QueryContext(ctx, arguments(s.Args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := s.Each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *runner) exec(ctx context.Context, s engine.Statement) error {
	result, err := r.prepared.ExecContext(ctx, arguments(s.Args)...)
	if err != nil || s.Affected == nil {
		return err
	}
	n, err := result.RowsAffected()
	*s.Affected = int(n)
	return err
}

func (r *runner) close() {
	if r.prepared != nil {
		_ = r.prepared.Close()
		r.prepared = nil
	}
}

// arguments writes times as microseconds since 1970.
func arguments(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case time.Time:
			out[i] = a.UnixMicro()
		case *time.Time:
			if a != nil {
				out[i] = a.UnixMicro()
			}
		case engine.JSON:
			out[i] = string(a)
		default:
			out[i] = a
		}
	}
	return out
}
