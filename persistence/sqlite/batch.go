package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/narrative-go/narrative/persistence/engine"
)

// Read runs the batch on one snapshot, beside the writer.
func (e *Engine) Read(ctx context.Context, b *engine.Batch) error {
	return e.read.transact(ctx, b.Statements, func(t engine.Tx) error { return t.Run(ctx, b) })
}

// Write runs the batch in one transaction.
func (e *Engine) Write(ctx context.Context, b *engine.Batch) error {
	return e.write.transact(ctx, b.Statements, func(t engine.Tx) error { return t.Run(ctx, b) })
}

// Tx runs fn in a transaction that has the database to itself from its beginning.
func (e *Engine) Tx(ctx context.Context, fn func(engine.Tx) error) error {
	return e.write.transact(ctx, nil, fn)
}

// Insert adds the rows one by one, with one prepared statement in one transaction.
func (e *Engine) Insert(ctx context.Context, table string, columns []string, rows engine.Rows) error {
	placeholders := make([]string, len(columns))
	for i := range columns {
		placeholders[i] = "$" + strconv.Itoa(i+1)
	}
	insert := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(placeholders, ", ") + ")"
	one := engine.Statement{SQL: insert, Args: make([]any, len(columns))}
	return e.write.transact(ctx, []engine.Statement{one}, func(t engine.Tx) error {
		r := runner{transaction: t.(*transaction)}
		defer r.close()
		for n := range rows.Len {
			rows.Row(n, one.Args)
			if err := r.run(ctx, one); err != nil {
				return mapped(ctx, err)
			}
		}
		return nil
	})
}

// maxKept is how many statements a connection keeps prepared. The store has fewer texts, but for lists of any length.
const maxKept = 256

// connections are a pool that keeps the statements it has run prepared: for a short statement, most of the work is to
// parse it.
type connections struct {
	*sql.DB
	mu   sync.Mutex
	kept map[string]*sql.Stmt
}

// transact runs fn in a transaction. The statements are those known before it begins.
func (c *connections) transact(ctx context.Context, known []engine.Statement, fn func(engine.Tx) error) error {
	if err := c.keep(ctx, known); err != nil {
		return mapped(ctx, err)
	}
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		return mapped(ctx, err)
	}
	if err := fn(&transaction{tx: tx, from: c}); err != nil {
		if undone := tx.Rollback(); undone != nil && !errors.Is(undone, sql.ErrTxDone) {
			return errors.Join(err, undone)
		}
		return err
	}
	return mapped(ctx, tx.Commit())
}

// keep prepares the statements that are not prepared yet. That needs a connection, and so cannot be done while a
// transaction holds the only one.
func (c *connections) keep(ctx context.Context, statements []engine.Statement) error {
	for _, s := range statements {
		if _, settled := c.find(s.SQL); settled { //nolint:sqlclosecheck // it stays open
			continue
		}
		prepared, err := c.PrepareContext(ctx, s.SQL) //nolint:sqlclosecheck // it stays open
		if err != nil {
			return err
		}
		c.mu.Lock()
		if other := c.kept[s.SQL]; other == nil {
			c.kept[s.SQL], prepared = prepared, nil
		}
		c.mu.Unlock()
		if prepared != nil {
			_ = prepared.Close() // another was quicker
		}
	}
	return nil
}

// find returns a text's prepared statement, or nil; settled tells that there is nothing to add.
func (c *connections) find(text string) (_ *sql.Stmt, settled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.kept[text]
	return s, s != nil || len(c.kept) >= maxKept
}

type transaction struct {
	tx   *sql.Tx
	from *connections
}

func (t *transaction) Run(ctx context.Context, b *engine.Batch) error {
	r := runner{transaction: t}
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

// runner keeps a statement while it repeats.
type runner struct {
	*transaction
	text     string
	prepared *sql.Stmt
}

func (r *runner) run(ctx context.Context, s engine.Statement) error {
	if s.SQL != r.text {
		r.close()
		prepared, err := r.prepare(ctx, s.SQL)
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

func (t *transaction) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if kept, _ := t.from.find(text); kept != nil {
		return t.tx.StmtContext(ctx, kept), nil
	}
	return t.tx.PrepareContext(ctx, text)
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

// byRow writes a table as a JSON array of rows.
func byRow(table engine.Table) string {
	if len(table) == 0 {
		return "[]"
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out) // the line break it ends a text with is white space
	encoder.SetEscapeHTML(false)
	for row := range table[0] {
		for n, column := range table {
			switch {
			case n > 0:
				out.WriteByte(',')
			case row > 0:
				out.WriteString("],[")
			default:
				out.WriteString("[[")
			}
			_ = encoder.Encode(column[row]) // a text always encodes
		}
	}
	out.WriteString("]]")
	return out.String()
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
		case engine.Table:
			out[i] = byRow(a)
		default:
			out[i] = a
		}
	}
	return out
}
