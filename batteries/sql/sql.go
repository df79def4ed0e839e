package sql

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// Class is the name that the battery is registered under.
const Class = "sql"

// maxRows is how many rows a verdict over all rows keeps.
const maxRows = 10

// Register adds the class "sql" to the registry, as an assertion and as an event.
func Register(reg *narrative.Registry) {
	shared := newPools(maxIdle)
	narrative.AddEitherAssertion(reg, Class, func(a Args) (any, error) { return a.assertion(shared) })
	narrative.AddEvent(reg, Class, func(a EventArgs) (narrative.Event, error) { return a.event(shared) })
}

func (a Args) assertion(shared *pools) (any, error) {
	if err := a.ValidateArgs().Err(); err != nil {
		return nil, err
	}
	q := query{pools: shared, dsn: a.DSN, timeout: time.Duration(a.Timeout)}
	switch {
	case a.Holds != "":
		q.text = a.Holds
		return holds{q}, nil
	case a.Record == nil:
		q.text = a.Violations
		return noRows{q}, nil
	default:
		q.text = a.Violations
		return records{query: q, kind: a.Record.Type, column: a.Record.ID}, nil
	}
}

// holds is an assertion of one boolean.
type holds struct{ query }

var _ narrative.Assertion = holds{}

// Check asks for the boolean.
func (h holds) Check(ctx context.Context) (narrative.Verdict, error) {
	count, answer := 0, false
	err := h.rows(ctx, func(columns []string) error {
		if len(columns) != 1 {
			return narrative.Errorf(narrative.Invalid, "holds must ask for one column; it asks for %d: %s", len(columns), strings.Join(columns, ", "))
		}
		return nil
	}, func(r row) (bool, error) {
		if count++; count > 1 {
			return false, narrative.Errorf(narrative.Invalid, "holds must answer one row; it answers more")
		}
		switch v := r.values[0].(type) {
		case bool:
			answer = v
		case int64:
			answer = v == 1
			if v != 0 && v != 1 {
				return false, notBoolean(r)
			}
		default:
			return false, notBoolean(r)
		}
		return true, nil
	})
	switch {
	case err != nil:
		return narrative.Verdict{}, err
	case count == 0:
		return narrative.Verdict{}, narrative.Errorf(narrative.Invalid, "holds must answer one row; it answers none")
	case answer:
		return narrative.Passed("the query answers true"), nil
	default:
		return narrative.Failed("the query answers false"), nil
	}
}

func notBoolean(r row) error {
	return narrative.Errorf(narrative.Invalid, "holds must answer true or false; it answers %s", r)
}

// noRows is an assertion that a query has no rows.
type noRows struct{ query }

var _ narrative.Assertion = noRows{}

// Check counts the rows and keeps the first few.
func (n noRows) Check(ctx context.Context) (narrative.Verdict, error) {
	count, first, kept := 0, "", []any{}
	err := n.rows(ctx, func([]string) error { return nil }, func(r row) (bool, error) {
		count++
		if count == 1 {
			first = r.String()
		}
		if count <= maxRows {
			kept = append(kept, r.details())
		}
		return true, nil
	})
	switch {
	case err != nil:
		return narrative.Verdict{}, err
	case count == 0:
		return narrative.Passed("no row violates it"), nil
	case count == 1:
		return narrative.Failed("1 row violates it: %s", first).With("count", 1).With("rows", kept), nil
	default:
		return narrative.Failed("%d rows violate it, the first: %s", count, first).With("count", count).With("rows", kept), nil
	}
}

// records is an assertion over records: each row is one that violates it.
type records struct {
	query
	kind   string
	column string
}

var _ narrative.RecordAssertion = records{}

// Violations streams the rows.
func (r records) Violations(ctx context.Context) iter.Seq2[narrative.Violation, error] {
	return func(yield func(narrative.Violation, error) bool) {
		id, stopped := -1, false
		err := r.rows(ctx, func(columns []string) error {
			if id = slices.Index(columns, r.column); id < 0 {
				return narrative.Errorf(narrative.Invalid, "record.id names the column %q, which the query does not have%s (it has: %s)",
					r.column, narrative.DidYouMean(r.column, columns), strings.Join(columns, ", "))
			}
			return nil
		}, func(one row) (bool, error) {
			v, err := r.violation(one, id)
			if err != nil {
				return false, err
			}
			stopped = !yield(v, nil)
			return !stopped, nil
		})
		if err != nil && !stopped {
			yield(narrative.Violation{}, err)
		}
	}
}

func (r records) violation(one row, id int) (narrative.Violation, error) {
	if one.values[id] == nil {
		return narrative.Violation{}, narrative.Errorf(narrative.Invalid, "the column %q is NULL in a row (%s); every row needs an id",
			r.column, one)
	}
	record := narrative.Record{Type: r.kind, ID: written(one.values[id])}
	if record.ID == "" {
		return narrative.Violation{}, narrative.Errorf(narrative.Invalid, "the column %q is empty in a row (%s); every row needs an id", r.column, one)
	}
	summary := fmt.Sprintf("%s %s", r.kind, cut(record.ID, 60))
	if rest := one.without(id); rest != "" {
		summary += ": " + rest
	} else {
		summary += " violates it"
	}
	return narrative.Violation{Record: record, Summary: summary, Details: one.details()}, nil
}
