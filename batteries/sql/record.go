package sql

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// CheckRecord asks the query within another that lets no other record through. The inner query means the same there,
// also with ORDER BY and LIMIT: a record beyond the limit is none that a check of all would find. Where the database does
// not take it, as where two columns have the id's name, all rows are looked through.
func (r records) CheckRecord(ctx context.Context, record narrative.Record) (*narrative.Violation, error) {
	if record.Type != r.kind {
		return nil, nil // it is none of those that are checked now
	}
	ctx, cancel := r.bounded(ctx)
	defer cancel()
	if e := engineOf(r.dsn); e != nil && e.findsAlone(record.ID) {
		alone := r
		alone.text, alone.args = e.alone(statement(r.text), r.column, record.ID)
		if v, err := alone.find(ctx, record); err == nil || ctx.Err() != nil {
			return v, err
		}
		// The query as it is tells what is wrong, if it is not that it stands within another.
	}
	return r.find(ctx, record)
}

func (r records) find(ctx context.Context, record narrative.Record) (found *narrative.Violation, err error) {
	for v, err := range r.SelectViolations(ctx, func(one narrative.Record) bool { return found == nil && one == record }) {
		if err != nil {
			return nil, err
		}
		if found == nil && v.Record == record {
			found = &v
		}
	}
	return found, nil
}

// findable are records that can be told to be gone.
type findable struct {
	records
	exists query
}

var _ narrative.RecordFinder = findable{}

// Exists asks whether there is a row of the record.
func (f findable) Exists(ctx context.Context, record narrative.Record) (bool, error) {
	if record.Type != f.kind {
		return true, nil // the query is about others
	}
	q, found := f.exists, false
	q.args = []any{record.ID}
	err := q.rows(ctx, func([]string) error { return nil }, func(row) (bool, error) {
		found = true
		return true, nil
	})
	if err != nil {
		return false, fmt.Errorf("tell whether %s %s exists: %w", record.Type, cut(record.ID, maxBrief), err)
	}
	return found, nil
}

// statement is a query without the semicolon that ends it, and what follows.
func statement(query string) string {
	s := scanner{rest: query}
	for {
		word, ok := s.next()
		if !ok {
			return query
		}
		if word == ";" {
			return query[:len(query)-len(s.rest)-len(word)]
		}
	}
}

// The line ends keep a comment at the query's end from going on.
const within = "SELECT * FROM (\n%s\n) AS q WHERE q.%s "

func quotedName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// anyFindsAlone tells whether an id is what the database holds: other bytes than text's may be replaced in it.
func anyFindsAlone(id string) bool { return !strings.Contains(id, "\ufffd") }

// alonePostgres compares in the id's own type, which PostgreSQL gives to the parameter: an index on it is of use.
func alonePostgres(query, column, id string) (string, []any) {
	return fmt.Sprintf(within+"= $1", query, quotedName(column)), []any{id}
}

// sqliteFindsAlone also tells times, which the driver reads in many forms and the battery writes in one.
func sqliteFindsAlone(id string) bool {
	_, err := time.Parse(time.RFC3339Nano, id)
	return err != nil && anyFindsAlone(id)
}

// aloneSQLite compares with all that has this id: values have types of their own, whatever the column's is.
func aloneSQLite(query, column, id string) (string, []any) {
	var number any = id
	if n, err := strconv.ParseInt(id, 10, 64); err == nil {
		number = n
	} else if f, err := strconv.ParseFloat(id, 64); err == nil {
		number = f
	}
	blob := []byte(id)
	if digits, ok := strings.CutPrefix(id, `\x`); ok {
		if decoded, err := hex.DecodeString(digits); err == nil {
			blob = decoded
		}
	}
	return fmt.Sprintf(within+"IN (?1, ?2, ?3)", query, quotedName(column)), []any{id, number, blob}
}
