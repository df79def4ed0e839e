// Package engine is what the store asks of a database: to run batches of statements, each whole or not at all. The
// packages postgres and sqlite are the two answers. Statements are written once, in the SQL that both understand, with
// placeholders $1, $2, …; the little that differs is in [Dialect].
package engine

import "context"

// Engine runs batches. It is safe for concurrent use. Its errors have narrative's kinds; those of a batch's own
// functions and of fn are returned as they are.
type Engine interface {
	// Read runs the batch on one snapshot, in one round trip.
	Read(ctx context.Context, b *Batch) error
	// Write runs the batch in one transaction, in one round trip.
	Write(ctx context.Context, b *Batch) error
	// Tx runs fn in a transaction, which is committed when fn returns nil. fn may be called again where the database
	// gave up one of two transactions that stood in each other's way.
	Tx(ctx context.Context, fn func(Tx) error) error
	// Insert adds rows to a table, all or none, in whatever way is fastest for many. Their texts must have been checked.
	Insert(ctx context.Context, table string, columns []string, rows Rows) error
	Dialect() Dialect
	Close() error
}

// Tx is a transaction under way.
type Tx interface {
	// Run runs the batch in one round trip.
	Run(ctx context.Context, b *Batch) error
	// Script runs several statements without arguments.
	Script(ctx context.Context, sql string) error
}

// Dialect is how the SQL of an engine differs.
type Dialect struct {
	Name string // the folder of its migrations
	// RowLocks tells that rows are locked one by one, with FOR UPDATE and FOR SHARE; else a transaction that writes
	// has the database to itself.
	RowLocks bool
	// LockSchema is the statement that lets one migration run at a time; empty where every transaction does.
	LockSchema string
	// HasSchema asks whether the table narrative_schema exists.
	HasSchema string
	// Contains is a format for whether one text is in another, in any case.
	Contains string
	// Words tells that a table may hold [Words], which a text can be looked for by.
	Words bool
	// Mark returns the statement for a mark, as text, of the rows of a table that can be seen; the table has ids that go up.
	Mark func(table string) string
	// Unseen returns the condition for rows that could not be seen at a mark, with placeholders ?. A foreign mark is
	// Invalid.
	Unseen func(mark string) (condition string, args []any, err error)
	// Rows returns the FROM item, named r, for the rows of a [Table] whose placeholder is of that number.
	Rows func(placeholder int, columns ...Column) string
}

// Column is a column of a [Table].
type Column struct {
	Name string
	JSON bool // empty texts are NULL, others JSON
}

// Lock returns the locking clause, such as FOR UPDATE, where the engine needs one.
func (d Dialect) Lock(clause string) string {
	if d.RowLocks {
		return " " + clause
	}
	return ""
}

// JSON is an argument that holds JSON.
type JSON string

// Words is an argument that holds the words of a text, sorted, each once. They are of letters, marks and digits.
type Words []string

// Rows are rows to insert, made one at a time. Their values are strings, [JSON], times, pointers to times and [Words].
type Rows struct {
	Len int
	Row func(n int, values []any) // fills in the values, one for each column
}

// Table is an argument of many rows of text, column by column. It is the last of its statement's: it may become several.
type Table [][]string

// Row is a row of a result.
type Row interface {
	Scan(dest ...any) error
}

// Statement is one statement of a batch. Arguments are strings, integers, bools, [JSON], [Words], times, pointers to times, nil,
// and at last a [Table].
type Statement struct {
	SQL      string
	Args     []any
	Each     func(Row) error // called for each row; may be nil
	Affected *int            // receives the number of rows affected; may be nil
}

// Batch is a list of statements, run in order.
type Batch struct {
	Statements []Statement
}

// Exec adds a statement.
func (b *Batch) Exec(sql string, args ...any) {
	b.Statements = append(b.Statements, Statement{SQL: sql, Args: args})
}

// Count adds a statement whose affected rows are counted.
func (b *Batch) Count(affected *int, sql string, args ...any) {
	b.Statements = append(b.Statements, Statement{SQL: sql, Args: args, Affected: affected})
}

// Query adds a statement whose rows are handed to each.
func (b *Batch) Query(each func(Row) error, sql string, args ...any) {
	b.Statements = append(b.Statements, Statement{SQL: sql, Args: args, Each: each})
}
