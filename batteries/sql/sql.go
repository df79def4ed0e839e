package sql

import (
	"context"
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
	}
	q.text = a.Violations
	over := records{query: q, kind: a.Record.Type, column: a.Record.ID}
	if a.Exists == "" {
		return over, nil
	}
	q.text = a.Exists
	return findable{over, q}, nil
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
		switch v := r.value(0).(type) {
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
